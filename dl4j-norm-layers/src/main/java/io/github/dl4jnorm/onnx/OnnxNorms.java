// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Imports ONNX models into SameDiff, including their normalizations. BatchNormalization, InstanceNormalization,
 * LayerNormalization, GroupNormalization, RMSNormalization, MeanVarianceNormalization and LpNormalization of operator sets
 * 1 to 28 become a single node of this library where one computes the same, otherwise a composition of ND4J operations. Other
 * operators are translated if they are among those that are tested against ONNX Runtime; a model with any other is refused:
 *
 * <pre>{@code
 * SameDiff sd = OnnxNorms.importModel("model.onnx");
 * INDArray y = sd.output(Map.of("x", x), "y").get("y");
 * }</pre>
 *
 * <p>Graph inputs become placeholders; sizes that the file names or leaves out are unknown. Initializers become constants.
 * All keep their names, without TensorFlow's suffix {@code :0}. {@link SameDiff#outputs()} returns the outputs. Statistics
 * are computed with at least the precision of {@code stash_type}, which also determines the type of the outputs Mean and
 * InvStdDev. epsilon = 0 is replaced with the smallest normal float. BFLOAT16 becomes
 * FLOAT. Model-local functions are inlined. External data files are read if they are in the model's directory or below it.
 *
 * <p>Only {@link Options#allowUntested()} requires the optional dependency {@code org.nd4j:samediff-import-onnx}. A saved
 * graph contains this library's operations; see {@link io.github.dl4jnorm.ops.SDNorm} for how to load it.
 */
public final class OnnxNorms {
    private static final Logger LOG = LoggerFactory.getLogger(OnnxNorms.class);

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
     */
    public static SameDiff importModel(Path file) throws IOException {
        return importModel(file, Options.strict());
    }

    /**
     * Imports a model, or throws if any part of it cannot be imported.
     *
     * @param file    the {@code .onnx} file
     * @param options how
     * @return the graph
     * @throws IOException              if the file cannot be read, is truncated or is not an ONNX model
     * @throws IllegalArgumentException if the model is invalid or not supported; the message names the file and the node
     * @throws IllegalStateException    if the model is left to Deeplearning4j's importer, which is not on the class path
     */
    public static SameDiff importModel(Path file, Options options) throws IOException {
        Objects.requireNonNull(file, "file");
        Objects.requireNonNull(options, "options");
        OnnxModel model = OnnxModel.read(file, Files.readAllBytes(file));
        try {
            List<String> unknown = Translation.unknown(model);
            if (!options.untested() || unknown.isEmpty()) {
                return Translation.run(model);
            }
            LOG.warn("{} is imported by Deeplearning4j's importer, whose results have not been tested, because of {}", file,
                    unknown);
            return Importer.run(model);
        } catch (NoClassDefFoundError e) {
            throw new IllegalStateException("Deeplearning4j's ONNX importer needs the dependency "
                    + "org.nd4j:samediff-import-onnx on the class path; missing " + e.getMessage(), e);
        }
    }

    /**
     * Compares an imported graph with ONNX Runtime on random input, node by node. Prints nothing; the report's {@code toString}
     * names the first node that differs:
     *
     * <pre>{@code
     * System.out.println(OnnxNorms.verify(file, OnnxNorms.importModel(file)));
     * }</pre>
     *
     * <p>Numbers are drawn from −2 to 2, integers and Booleans are 0 or 1; a first size that the file does not say is from
     * 1 to 4.
     * Requires the optional dependency {@code com.microsoft.onnxruntime:onnxruntime}.
     *
     * @param file  the {@code .onnx} file
     * @param graph what {@link #importModel(Path)} made of it
     * @return which outputs differ by more than {@link OnnxVerification#TOLERANCE}
     * @throws IOException              if the file cannot be read
     * @throws IllegalArgumentException if the file leaves other sizes open than the first
     * @throws IllegalStateException    if ONNX Runtime is not on the class path, or does not run the model
     */
    public static OnnxVerification verify(Path file, SameDiff graph) throws IOException {
        return verify(file, graph, null);
    }

    /**
     * Compares an imported graph with ONNX Runtime on given input; see {@link #verify(Path, SameDiff)}.
     *
     * @param file   the {@code .onnx} file
     * @param graph  what {@link #importModel(Path)} made of it
     * @param inputs an array for each input of the graph; null to draw them
     * @return which outputs differ by more than {@link OnnxVerification#TOLERANCE}
     * @throws IOException              if the file cannot be read
     * @throws IllegalArgumentException if inputs are to be drawn, and the file leaves other sizes open than the first
     * @throws IllegalStateException    if ONNX Runtime is not on the class path, or does not run the model
     */
    public static OnnxVerification verify(Path file, SameDiff graph, Map<String, INDArray> inputs) throws IOException {
        Objects.requireNonNull(file, "file");
        Objects.requireNonNull(graph, "graph");
        try {
            Verifier verifier = new Verifier(file.toString(), OnnxModel.whole(file, Files.readAllBytes(file)), graph);
            return verifier.run(inputs == null ? verifier.drawn() : inputs);
        } catch (NoClassDefFoundError e) {
            throw new IllegalStateException("Comparing with ONNX Runtime needs the dependency "
                    + "com.microsoft.onnxruntime:onnxruntime on the class path; missing " + e.getMessage(), e);
        }
    }

    /**
     * How a model is imported.
     *
     * @param untested whether operators that this importer does not know are left to Deeplearning4j's
     */
    public record Options(boolean untested) {

        /**
         * Imports known operators only, the default.
         *
         * @return options
         */
        public static Options strict() {
            return new Options(false);
        }

        /**
         * Leaves a model with operators that are not known, and all of its nodes but normalizations, to Deeplearning4j's
         * importer, with a warning. Its results have not been tested: some operators give wrong numbers, and some end the JVM.
         *
         * @return options
         */
        public static Options allowUntested() {
            return new Options(true);
        }
    }
}
