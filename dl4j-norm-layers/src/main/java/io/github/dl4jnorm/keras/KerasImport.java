// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.keras;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
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

    private static final String BATCH = "dl4jnorm>BatchNormalization";
    private static final String PRELU = "dl4jnorm>PReLU";
    private static final String DEPTHWISE = "dl4jnorm>DepthwiseConv2D";

    /** Layers that Deeplearning4j has and this library imports in its own way, and what an import calls them. */
    static final Map<Object, Object> OWN = Map.of("BatchNormalization", BATCH, "SyncBatchNormalization", BATCH,
            "DepthwiseConv2D", DEPTHWISE, "PReLU", PRELU);

    private static final String CONFIG = "model_config";
    private static final String VERSION = "keras_version";

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
        for (String name : List.of("Normalization", "Rescaling", "LayerScale")) {
            KerasLayer.registerCustomLayer(name, KerasFeatureNormalization.class);
        }
        KerasLayer.registerCustomLayer(PRELU, KerasPrelu.class);
        KerasLayer.registerCustomLayer(DEPTHWISE, KerasDepthwiseConvolution.class);
    }

    static Model model(Path file)
            throws IOException, InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        register();
        if (!Files.isRegularFile(file)) {
            throw new IOException(file + " is not a file");
        }
        if (KerasArchive.is(file)) {
            Path temporary = Path.of(System.getProperty("java.io.tmpdir"));
            try (KerasArchive archive = new KerasArchive(file, temporary); Hdf5Archive weights = open(archive.weights(), file)) {
                Map<String, KerasVariables> variables = KerasVariables.of(archive.config());
                return read(archive.config(), archive.version(), new KerasWeights(weights, variables, file.toString()));
            } catch (RuntimeException e) {
                throw incomplete(file, e);
            }
        }
        try (Hdf5Archive archive = open(file, file)) {
            requireModel(archive, file);
            String version = archive.hasAttribute(VERSION) ? archive.readAttributeAsString(VERSION)
                    : archive.readAttributeAsString(VERSION, KerasWeights.ROOT);
            return read(KerasModelUtils.parseJsonString(archive.readAttributeAsJson(CONFIG)), version,
                    new KerasWeights(archive, null, file.toString()));
        } catch (RuntimeException e) {
            throw incomplete(file, e);
        }
    }

    private static void requireModel(Hdf5Archive archive, Path file) throws InvalidKerasConfigurationException {
        List<String> groups = archive.getGroups();
        if (!archive.hasAttribute(CONFIG)) {
            boolean weights = archive.hasAttribute("layer_names") || groups.contains("layers") || groups.contains("vars");
            throw new InvalidKerasConfigurationException(file + ": expected a full model with the attribute " + CONFIG + ", got "
                    + (weights ? "weights alone, as model.save_weights writes them; call model.load_weights in Keras and save "
                    + "the model with model.save" : "an HDF5 file without it; save the model with model.save"));
        }
        boolean inside = groups.contains(KerasWeights.ROOT) && archive.hasAttribute(VERSION, KerasWeights.ROOT);
        if (!archive.hasAttribute(VERSION) && !inside) {
            throw new InvalidKerasConfigurationException(file + ": expected the attribute " + VERSION + ", got a model without "
                    + "it; load it with the Keras that wrote it and save it with model.save of Keras 2 or 3");
        }
    }

    private static IOException incomplete(Path file, RuntimeException e) {
        return new IOException(file + " is not a complete Keras model: " + e.getMessage(), e);
    }

    private static Hdf5Archive open(Path hdf5, Path file) throws IOException {
        try {
            return new Hdf5Archive(hdf5.toString());
        } catch (RuntimeException e) {
            throw new IOException(file + " is not a complete HDF5 file: " + e.getMessage(), e);
        }
    }

    private static Model read(Map<String, Object> config, String version, KerasWeights stored)
            throws IOException, InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        Map<String, KerasWeightWrapper> wrapped = KerasModels.rewrite(config, version);
        boolean sequential = "Sequential".equals(config.get("class_name"));
        KerasModelBuilder builder = (sequential ? new KerasSequentialModel() : new KerasModel()).modelBuilder()
                .modelJson(new ObjectMapper().writeValueAsString(config)).enforceTrainingConfig(false);
        KerasModel model;
        try {
            model = sequential ? builder.buildSequential() : builder.buildModel();
        } catch (RuntimeException e) {
            throw new UnsupportedKerasConfigurationException(stored.file() + ": expected layers that Deeplearning4j can build, "
                    + "got " + e, e);
        }
        for (KerasLayer layer : model.getLayersOrdered()) {
            if (layer.getNumParams() > 0) {
                Map<String, INDArray> weights = layer instanceof KerasNorm norm && !norm.isStored() ? Map.of()
                        : stored.of(layer.getLayerName());
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
}
