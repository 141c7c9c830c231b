// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.keras;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.modelimport.keras.Hdf5Archive;
import org.deeplearning4j.nn.modelimport.keras.KerasLayer;
import org.deeplearning4j.nn.modelimport.keras.KerasModel;
import org.deeplearning4j.nn.modelimport.keras.KerasSequentialModel;
import org.deeplearning4j.nn.modelimport.keras.exceptions.InvalidKerasConfigurationException;
import org.deeplearning4j.nn.modelimport.keras.exceptions.UnsupportedKerasConfigurationException;
import org.deeplearning4j.nn.modelimport.keras.layers.convolutional.KerasConvolution2D;
import org.deeplearning4j.nn.modelimport.keras.layers.convolutional.KerasConvolution3D;
import org.deeplearning4j.nn.modelimport.keras.utils.KerasModelBuilder;
import org.deeplearning4j.nn.modelimport.keras.utils.KerasModelUtils;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.shade.jackson.databind.ObjectMapper;

/** Reads Keras models with Deeplearning4j's importer, which need not be there: nothing but {@link NormImports} may call it. */
final class KerasImport {
    /** Prefix of the layers of TensorFlow Addons. */
    static final String ADDONS = "Addons>";

    /** What an import calls batch normalization, so that Deeplearning4j does not take it for its own. */
    static final String BATCH = "dl4jnorm>BatchNormalization";

    private static final String WEIGHTS = "model_weights";
    /** Where weight normalization has a copy of the layer inside, as it was when the model was made. */
    private static final String CLONE = "data_dep_init";

    private KerasImport() {
    }

    static void register() {
        KerasLayer.registerCustomLayer("LayerNormalization", KerasLayerNormalization.class);
        KerasLayer.registerCustomLayer("GroupNormalization", KerasGroupNormalization.class);
        KerasLayer.registerCustomLayer(ADDONS + "GroupNormalization", KerasGroupNormalization.class);
        KerasLayer.registerCustomLayer("InstanceNormalization", KerasInstanceNormalization.class);
        KerasLayer.registerCustomLayer(ADDONS + "InstanceNormalization", KerasInstanceNormalization.class);
        KerasLayer.registerCustomLayer("UnitNormalization", KerasUnitNormalization.class);
        KerasLayer.registerCustomLayer("RMSNormalization", KerasRmsNormalization.class);
        KerasLayer.registerCustomLayer(ADDONS + "FilterResponseNormalization", KerasFilterResponseNormalization.class);
        KerasLayer.registerCustomLayer(BATCH, KerasBatchNormalization.class);
    }

    static Model model(Path file)
            throws IOException, InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        register();
        if (!Files.isRegularFile(file)) {
            throw new IOException(file + " is not a file");
        }
        Hdf5Archive archive;
        try {
            archive = new Hdf5Archive(file.toString());
        } catch (RuntimeException e) {
            throw new IOException(file + " is not a complete HDF5 file: " + e.getMessage(), e);
        }
        try (archive) {
            return read(archive, file);
        } catch (RuntimeException e) {
            throw new IOException(file + " is not a complete Keras model: " + e.getMessage(), e);
        }
    }

    private static Model read(Hdf5Archive archive, Path file)
            throws IOException, InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        if (!archive.hasAttribute("model_config") || !archive.hasAttribute("keras_version")) {
            throw new InvalidKerasConfigurationException(file + ": expected a full model with the attributes model_config and "
                    + "keras_version, got a file without them; save it with model.save");
        }
        Map<String, Object> config = KerasModelUtils.parseJsonString(archive.readAttributeAsJson("model_config"));
        boolean sequential = "Sequential".equals(config.get("class_name"));
        Map<String, KerasWeightWrapper> wrapped = KerasModels.rewrite(config, archive.readAttributeAsString("keras_version"));
        KerasModelBuilder builder = (sequential ? new KerasSequentialModel() : new KerasModel()).modelBuilder()
                .modelJson(new ObjectMapper().writeValueAsString(config)).enforceTrainingConfig(false);
        KerasModel model = sequential ? builder.buildSequential() : builder.buildModel();
        for (KerasLayer layer : model.getLayersOrdered()) {
            if (layer.getNumParams() > 0) {
                Map<String, INDArray> weights = weights(archive, layer.getLayerName(), file);
                if (wrapped.containsKey(layer.getLayerName())) {
                    wrapped.get(layer.getLayerName()).take(layer, weights);
                }
                layer.setWeights(kernels(layer, weights));
            }
        }
        return KerasWeightWrapper.around(
                sequential ? ((KerasSequentialModel) model).getMultiLayerNetwork() : model.getComputationGraph(), wrapped);
    }

    /**
     * Kernels of channels-first convolutions, for which Deeplearning4j expects what Theano stored: [out, in, …], rotated.
     * Keras 2 and 3 store […, in, out] whatever the format of the data.
     */
    private static Map<String, INDArray> kernels(KerasLayer layer, Map<String, INDArray> weights) {
        boolean rotated = (layer instanceof KerasConvolution2D || layer instanceof KerasConvolution3D)
                && layer.getDimOrder() == KerasLayer.DimOrder.THEANO;
        if (rotated && weights.containsKey("kernel")) {
            INDArray given = weights.get("kernel");
            INDArray kernel = (given.rank() == 4 ? given.permute(3, 2, 0, 1) : given.permute(4, 3, 0, 1, 2)).dup('c');
            for (int i = 0; i < kernel.tensorsAlongDimension(2, 3); i++) {
                INDArray plane = kernel.tensorAlongDimension(i, 2, 3);
                plane.assign(Nd4j.reverse(plane.dup('c').reshape(plane.length())).reshape(plane.shape()));
            }
            weights.put("kernel", kernel);
        }
        return weights;
    }

    /** All arrays in the group of a layer, by the last part of their names; those of two directions keep theirs. */
    private static Map<String, INDArray> weights(Hdf5Archive archive, String layer, Path file)
            throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        if (!archive.getGroups(WEIGHTS).contains(layer)) {
            throw new InvalidKerasConfigurationException(file + ": expected weights of layer \"" + layer + "\", got none");
        }
        Map<String, INDArray> found = new LinkedHashMap<>();
        collect(archive, WEIGHTS + "/" + layer, "", found);
        return new HashMap<>(found);
    }

    private static void collect(Hdf5Archive archive, String group, String prefix, Map<String, INDArray> found)
            throws UnsupportedKerasConfigurationException {
        for (String name : archive.getDataSets(group)) {
            if (name.startsWith("initialized")) {
                // A truth value of weight normalization, which the archive does not read.
                continue;
            }
            found.put(prefix + name.replaceFirst(":\\d+$", ""), archive.readDataSet(name, group));
        }
        for (String inner : archive.getGroups(group)) {
            if (inner.equals(CLONE)) {
                continue;
            }
            String direction = inner.startsWith("forward_") ? "forward_" : inner.startsWith("backward_") ? "backward_" : prefix;
            collect(archive, group + "/" + inner, direction, found);
        }
    }
}
