// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import org.nd4j.autodiff.samediff.SameDiff;

/**
 * Imports ONNX models into SameDiff by Deeplearning4j's importer, which knows no normalization but batch normalization at
 * test time, and that without gradients. Here BatchNormalization, InstanceNormalization, LayerNormalization,
 * GroupNormalization, RMSNormalization, MeanVarianceNormalization and LpNormalization of the operator sets 1 to 27 become this
 * library's operations, a single node each wherever one computes the same, else compositions of ND4J's operations:
 *
 * <pre>{@code
 * SameDiff sd = OnnxNorms.importModel("model.onnx");
 * INDArray y = sd.output(Map.of("x", x), "y").get("y");
 * }</pre>
 *
 * <p>Inputs of the graph become placeholders, of unknown sizes where the file names them or leaves them out; initializers
 * become constants; all keep their names, less the {@code :0} of TensorFlow. {@link SameDiff#outputs()} has the outputs.
 * Statistics are computed at least as exactly as {@code stash_type} asks for; it decides the type of the outputs Mean and
 * InvStdDev. epsilon = 0 counts as the smallest normal float. BFLOAT16, which the importer does not know, becomes FLOAT.
 * Functions of the model are replaced by their nodes, and arrays in files of their own are read if these are in the directory
 * of the model or below it.
 *
 * <p>Needs the optional dependency {@code org.nd4j:samediff-import-onnx}. A graph saved afterwards has this library's
 * operations, see {@link io.github.dl4jnorm.ops.SDNorm}.
 */
public final class OnnxNorms {

    private OnnxNorms() {
    }

    /**
     * As {@link #importModel(Path)}.
     *
     * @param file name of the {@code .onnx} file
     * @return the graph
     * @throws IOException if the file cannot be read, is cut short or is no ONNX model
     */
    public static SameDiff importModel(String file) throws IOException {
        return importModel(Path.of(file));
    }

    /**
     * Imports a model. It comes whole or not at all.
     *
     * @param file the {@code .onnx} file
     * @return the graph
     * @throws IOException              if the file cannot be read, is cut short or is no ONNX model
     * @throws IllegalArgumentException if something in it is wrong or not supported; the message names the file and the node
     * @throws IllegalStateException    if the importer is not on the class path
     */
    public static SameDiff importModel(Path file) throws IOException {
        Objects.requireNonNull(file, "file");
        OnnxModel model = OnnxModel.read(file, Files.readAllBytes(file));
        try {
            return Importer.run(model);
        } catch (NoClassDefFoundError e) {
            throw new IllegalStateException("Import of ONNX models needs the dependency org.nd4j:samediff-import-onnx on the "
                    + "class path, which lacks " + e.getMessage(), e);
        }
    }
}
