// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.keras;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.deeplearning4j.nn.modelimport.keras.Hdf5Archive;
import org.deeplearning4j.nn.modelimport.keras.exceptions.InvalidKerasConfigurationException;
import org.deeplearning4j.nn.modelimport.keras.exceptions.UnsupportedKerasConfigurationException;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The arrays of the layers of a model in HDF5, by Keras's names.
 *
 * @param archive   HDF5 file
 * @param variables where they are in a .keras archive, by layer; null for .h5 files, which have names
 * @param file      the file that the caller knows, for messages
 */
record KerasWeights(Hdf5Archive archive, Map<String, KerasVariables> variables, String file) {
    static final String ROOT = "model_weights";
    private static final String OLD = "_layer_checkpoint_dependencies";
    private static final String COUNT = "count";
    private static final String VARIABLES = "vars";
    private static final String FORWARD = "forward_";
    private static final String BACKWARD = "backward_";
    /** Where weight normalization has a copy of the layer inside, as it was when the model was made. */
    private static final String CLONE = "data_dep_init";
    /** Where a .keras archive has the variables of what is inside of a layer. */
    private static final Set<String> INSIDE = Set.of("cell", "layer", "forward_layer", "backward_layer");

    /** All arrays of a layer; those of two directions have the direction before their name. */
    Map<String, INDArray> of(String layer) throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        Map<String, INDArray> found = new HashMap<>();
        if (variables == null) {
            collect(group(layer), "", found);
        } else {
            KerasVariables known = variables.get(layer);
            if (known == null) {
                throw missing(layer);
            }
            String parent = "";
            // Keras 2.13 calls the layers differently.
            String path = groups("").contains(OLD) ? known.group().replace("layers", OLD) : known.group();
            for (String part : path.substring(1).split("/")) {
                requireGroup(parent, part, layer);
                parent = parent.isEmpty() ? part : parent + "/" + part;
            }
            collect(parent, known.own(), known.inner(), "", found);
        }
        return found;
    }

    private InvalidKerasConfigurationException missing(String layer) {
        return new InvalidKerasConfigurationException(file + ": expected weights of layer \"" + layer + "\", got none");
    }

    private void requireGroup(String parent, String name, String layer) throws InvalidKerasConfigurationException {
        if (!groups(parent).contains(name)) {
            throw missing(layer);
        }
    }

    private List<String> groups(String path) {
        return path.isEmpty() ? archive.getGroups() : archive.getGroups(path);
    }

    /** The group of a layer; those of models inside are below that of the outermost one. */
    private String group(String layer) throws InvalidKerasConfigurationException {
        List<String> path = List.of(layer.split("/"));
        requireGroup(ROOT, path.get(0), layer);
        String outermost = ROOT + "/" + path.get(0);
        if (path.size() == 1) {
            return outermost;
        }
        List<String> found = new ArrayList<>();
        find(outermost, path.get(path.size() - 1), found);
        String withParent = "/" + path.get(path.size() - 2) + "/" + path.get(path.size() - 1);
        return found.stream().filter(group -> group.endsWith(withParent)).findFirst()
                .orElse(found.stream().findFirst().orElseThrow(() -> missing(layer)));
    }

    private void find(String group, String name, List<String> found) {
        for (String inner : groups(group)) {
            String path = group + "/" + inner;
            if (inner.equals(name)) {
                found.add(path);
            }
            find(path, name, found);
        }
    }

    private void collect(String group, String prefix, Map<String, INDArray> found)
            throws UnsupportedKerasConfigurationException {
        for (String name : archive.getDataSets(group)) {
            String plain = name.replaceFirst(":\\d+$", "");
            // Neither a truth value of weight normalization nor a count, without dimensions, can be read, nor are they needed.
            if (!name.startsWith("initialized") && !plain.equals(COUNT)) {
                found.put(prefix + plain, read(group, name));
            }
        }
        for (String inner : groups(group)) {
            if (!inner.equals(CLONE)) {
                collect(group + "/" + inner, direction(inner, prefix), found);
            }
        }
    }

    private INDArray read(String group, String name) throws UnsupportedKerasConfigurationException {
        try {
            return archive.readDataSet(name, group);
        } catch (RuntimeException e) {
            throw new UnsupportedKerasConfigurationException(file + ": expected numbers of the types float16, float32 or float64 "
                    + "in " + group + "/" + name + ", got others or none (" + e.getMessage()
                    + "); save the model with one of these", e);
        }
    }

    private static String direction(String group, String otherwise) {
        return group.startsWith(FORWARD) ? FORWARD : group.startsWith(BACKWARD) ? BACKWARD : otherwise;
    }

    private void collect(String group, List<String> own, List<String> inner, String prefix, Map<String, INDArray> found)
            throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        List<String> inside = groups(group);
        if (inside.contains(VARIABLES)) {
            String variablesGroup = group + "/" + VARIABLES;
            List<String> stored = archive.getDataSets(variablesGroup);
            for (String number : stored) {
                if (!number.matches("\\d{1,4}") || Integer.parseInt(number) >= own.size()) {
                    throw new InvalidKerasConfigurationException(file + ": expected the variables " + own + " in " + group
                            + ", got variables " + stored);
                }
                String name = own.get(Integer.parseInt(number));
                if (!name.equals(COUNT)) {
                    found.put(prefix + name, read(variablesGroup, number));
                }
            }
        }
        for (String each : inside) {
            if (INSIDE.contains(each)) {
                collect(group + "/" + each, inner, inner, direction(each, prefix), found);
            }
        }
    }
}
