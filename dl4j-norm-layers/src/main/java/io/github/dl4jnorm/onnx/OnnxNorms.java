// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import org.nd4j.autodiff.samediff.SameDiff;

/**
 * Imports ONNX models into SameDiff, including their normalizations. Deeplearning4j's importer only supports batch
 * normalization at test time, without gradients. This class adds BatchNormalization, InstanceNormalization,
 * LayerNormalization, GroupNormalization, RMSNormalization, MeanVarianceNormalization and LpNormalization of operator sets
 * 1 to 27. Each becomes a single node of this library where one computes the same, otherwise a composition of ND4J
 * operations:
 *
 * <pre>{@code
 * SameDiff sd = OnnxNorms.importModel("model.onnx");
 * INDArray y = sd.output(Map.of("x", x), "y").get("y");
 * }</pre>
 *
 * <p>Graph inputs become placeholders; sizes that the file names or leaves out are unknown. Initializers become constants.
 * All keep their names, without TensorFlow's suffix {@code :0}. {@link SameDiff#outputs()} returns the outputs. Statistics
 * are computed with at least the precision of {@code stash_type}, which also determines the type of the outputs Mean and
 * InvStdDev. epsilon = 0 is replaced with the smallest normal float. BFLOAT16, which the importer does not support, becomes
 * FLOAT. Model-local functions are inlined. External data files are read if they are in the model's directory or below it.
 *
 * <p>Requires the optional dependency {@code org.nd4j:samediff-import-onnx}. A saved graph contains this library's
 * operations; see {@link io.github.dl4jnorm.ops.SDNorm} for how to load it.
 */
public final class OnnxNorms {

    private OnnxNorms() {
    }

    /**
     * Imports a model; see {@link #importModel(Path)}.
     *
     * @param file name of the {@code .onnx} file
     * @return the graph
     * @throws IOException if the file cannot be read, is truncated or is not an ONNX model
     */
    public static SameDiff importModel(String file) throws IOException {
        return importModel(Path.of(file));
    }

    /**
     * Imports a model, or throws if any part of it cannot be imported.
     *
     * @param file the {@code .onnx} file
     * @return the graph
     * @throws IOException              if the file cannot be read, is truncated or is not an ONNX model
     * @throws IllegalArgumentException if the model is invalid or not supported; the message names the file and the node
     * @throws IllegalStateException    if the importer is not on the class path
     */
    public static SameDiff importModel(Path file) throws IOException {
        Objects.requireNonNull(file, "file");
        OnnxModel model = OnnxModel.read(file, Files.readAllBytes(file));
        try {
            return Importer.run(model);
        } catch (NoClassDefFoundError e) {
            throw new IllegalStateException("ONNX import needs the dependency org.nd4j:samediff-import-onnx on the class path; "
                    + "missing " + e.getMessage(), e);
        }
    }
}
