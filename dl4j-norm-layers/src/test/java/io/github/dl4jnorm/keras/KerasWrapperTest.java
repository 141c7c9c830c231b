// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.keras;

import static io.github.dl4jnorm.keras.KerasCase.C;
import static io.github.dl4jnorm.keras.KerasCase.assertClose;
import static io.github.dl4jnorm.keras.KerasCase.convolution;
import static io.github.dl4jnorm.keras.KerasCase.convolved;
import static io.github.dl4jnorm.keras.KerasCase.input;
import static io.github.dl4jnorm.keras.KerasCase.numbers;
import static io.github.dl4jnorm.keras.KerasCase.output;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jnorm.conf.SpectralNormalization;
import io.github.dl4jnorm.conf.WeightNormalization;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.layers.Deconvolution2D;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.recurrent.SimpleRnn;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.modelimport.keras.exceptions.InvalidKerasConfigurationException;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Wrappers of Keras that normalize weights give Keras's outputs and go on from what Keras has learned. */
@Tag("once")
class KerasWrapperTest {
    private static final int[] IMAGE = {5, 6, 2};
    private static final long[] KERNEL = {2, 3, 2, C};
    private static final String SPECTRAL = "SpectralNormalization";
    private static final String WEIGHT = "Addons>WeightNormalization";
    private static final String PROBABILITY = "WeightNorm";

    @TempDir
    private Path directory;

    static Stream<Arguments> formats() {
        return Stream.of(0, 1, 2, 3).map(i -> Arguments.of((i & 1) == 0, (i & 2) == 0));
    }

    private static Map<String, Object> wrapping(String className, Map<String, Object> inner, boolean third) {
        Map<String, Object> config = new LinkedHashMap<>(inner);
        config.put("name", "inside");
        config.put("dtype", third ? Map.of("class_name", "DTypePolicy", "config", Map.of("name", "float32")) : "float32");
        return new LinkedHashMap<>(Map.of("layer", Map.of("class_name", className, "config", config)));
    }

    private Model imported(KerasFile file) throws Exception {
        return NormImports.importKeras(file.write(directory.resolve("model.h5")));
    }

    private static Layer layer(Model net) {
        return net instanceof MultiLayerNetwork sequence ? sequence.getLayer("wrapped")
                : ((ComputationGraph) net).getLayer("wrapped");
    }

    private static double[] doubles(INDArray array) {
        return array.castTo(DataType.DOUBLE).dup('c').data().asDouble();
    }

    /** g·v/‖v‖, the units on the last axis or on the one before it, in front of so many elements each. */
    private static float[] ofLength(float[] v, float[] g, int behind) {
        float[] computed = new float[v.length];
        double[] squares = new double[g.length];
        for (int i = 0; i < v.length; i++) {
            squares[i / behind % g.length] += (double) v[i] * v[i];
        }
        for (int i = 0; i < v.length; i++) {
            int unit = i / behind % g.length;
            computed[i] = (float) (g[unit] * v[i] / Math.sqrt(squares[unit]));
        }
        return computed;
    }

    @ParameterizedTest
    @MethodSource("formats")
    void weightNormalizationKeepsDirectionAndLength(boolean third, boolean functional) throws Exception {
        float[] v = numbers(9, 2 * 3 * 2 * C);
        float[] g = numbers(7, C);
        Model net = imported(new KerasFile(third, functional, IMAGE)
                .layer(WEIGHT, "wrapped", wrapping("Conv2D", convolution(true), third))
                .weight("inside/kernel", v, 2, 3, 2, C).weight("g", g).weight("initialized", new float[]{1})
                .weight("data_dep_init/kernel", numbers(10, v.length), 2, 3, 2, C));
        INDArray x = input(IMAGE);
        INDArray kernel = Nd4j.createFromArray(ofLength(v, g, 1)).reshape('c', KERNEL);
        assertClose(output(net, x), doubles(convolved(x, kernel)));
        assertThat(layer(net).getConfig()).isInstanceOf(WeightNormalization.class);
        assertThat(layer(net).getParam("Wg").toFloatVector()).containsExactly(g);
        assertClose(layer(net).getParam("W").permute(2, 3, 1, 0), doubles(Nd4j.createFromArray(v)));
    }

    /** At test time Keras takes the kernel as the last training step left it, whatever its singular values are. */
    @ParameterizedTest
    @MethodSource("formats")
    void spectralNormalizationKeepsTheKernelAndGoesOnFromTheVector(boolean third, boolean functional) throws Exception {
        float[] kernel = numbers(9, 2 * 3 * 2 * C);
        float[] u = numbers(8, C);
        Map<String, Object> options = wrapping("Conv2D", convolution(true), third);
        options.put("power_iterations", 2);
        Model net = imported(new KerasFile(third, functional, IMAGE)
                .layer((third ? "" : "Addons>") + SPECTRAL, "wrapped", options)
                .weight("inside/kernel", kernel, 2, 3, 2, C).weight(third ? "vector_u" : "sn_u", u, 1, C));
        INDArray x = input(IMAGE);
        INDArray weights = Nd4j.createFromArray(kernel).reshape('c', KERNEL);
        assertClose(output(net, x), doubles(convolved(x, weights)));
        SpectralNormalization conf = (SpectralNormalization) layer(net).getConfig();
        assertThat(conf.getPowerIterations()).isEqualTo(2);
        INDArray training = net instanceof MultiLayerNetwork sequence ? sequence.feedForward(x, true).get(1)
                : ((ComputationGraph) net).feedForward(x, true).get("wrapped");
        assertClose(training, doubles(convolved(x, weights.div(sigma(kernel, u, 2)))));
    }

    /** Power iteration from u, of a matrix with a column for each unit. */
    private static double sigma(float[] kernel, float[] u, int iterations) {
        int rows = kernel.length / C;
        double[] left = new double[C];
        for (int c = 0; c < C; c++) {
            left[c] = u[c];
        }
        double[] right = new double[rows];
        for (int i = 0; i <= iterations; i++) {
            for (int c = 0; c < C && i > 0; c++) {
                left[c] = 0;
                for (int r = 0; r < rows; r++) {
                    left[c] += kernel[r * C + c] * right[r];
                }
            }
            double length = length(left);
            for (int r = 0; r < rows; r++) {
                right[r] = 0;
                for (int c = 0; c < C; c++) {
                    right[r] += kernel[r * C + c] * left[c] / length;
                }
            }
        }
        // With u and v of length 1, uᵀ·W·v is the length of uᵀ·W.
        return length(right);
    }

    private static double length(double[] vector) {
        double squares = 0;
        for (double value : vector) {
            squares += value * value;
        }
        return Math.sqrt(squares);
    }

    @Test
    void denseLayersAreWrappedToo() throws Exception {
        float[] v = numbers(3, 5 * C);
        float[] g = numbers(4, C);
        Map<String, Object> dense = dense();
        Model net = imported(new KerasFile(false, false, 5).layer(WEIGHT, "wrapped", wrapping("Dense", dense, false))
                .weight("inside/kernel", v, 5, C).weight("inside/bias", numbers(5, C)).weight("g", g));
        Model plain = imported(new KerasFile(false, false, 5).layer("Dense", "wrapped", dense)
                .weight("kernel", ofLength(v, g, 1), 5, C).weight("bias", numbers(5, C)));
        INDArray x = input(new int[]{5});
        assertClose(output(net, x), doubles(output(plain, x)));
        assertThat(layer(net).getConfig()).isInstanceOf(WeightNormalization.class);
        dense.put("kernel_constraint", Map.of("class_name", "NonNeg", "config", Map.of()));
        Model constrained = imported(new KerasFile(false, false, 5).layer(WEIGHT, "wrapped", wrapping("Dense", dense, false))
                .weight("inside/kernel", v, 5, C).weight("inside/bias", numbers(5, C)).weight("g", g));
        assertThat(layer(constrained).getConfig()).isInstanceOf(DenseLayer.class);
        assertClose(output(constrained, x), doubles(output(plain, x)));
    }

    private static Map<String, Object> dense() {
        Map<String, Object> options = new LinkedHashMap<>();
        options.put("units", C);
        options.put("activation", "tanh");
        options.put("use_bias", true);
        options.put("kernel_initializer", Map.of("class_name", "GlorotUniform", "config", Map.of()));
        options.put("bias_initializer", Map.of("class_name", "Zeros", "config", Map.of()));
        return options;
    }

    /** TensorFlow Addons takes the channels of the input of such a layer for its units, TensorFlow Probability does not. */
    @Test
    void deconvolutionsAreWrappedWhereTheirUnitsAreTheOutputs() throws Exception {
        float[] v = numbers(6, 2 * 3 * C * 2);
        Map<String, Object> options = convolution(true);
        for (boolean addons : new boolean[]{true, false}) {
            float[] g = numbers(7, addons ? 2 : C);
            Model net = imported(new KerasFile(false, true, IMAGE)
                    .layer(addons ? WEIGHT : PROBABILITY, "wrapped", wrapping("Conv2DTranspose", options, false))
                    .weight("inside/kernel", v, 2, 3, C, 2).weight("g", g));
            Model plain = imported(new KerasFile(false, true, IMAGE).layer("Conv2DTranspose", "wrapped", options)
                    .weight("kernel", ofLength(v, g, addons ? 1 : 2), 2, 3, C, 2));
            assertClose(output(net, input(IMAGE)), doubles(output(plain, input(IMAGE))));
            assertThat(layer(net).getConfig()).isInstanceOf(addons ? Deconvolution2D.class : WeightNormalization.class);
        }
    }

    /** Of recurrent layers the recurrent kernel alone is normalized, so they come as they are at test time. */
    @Test
    void recurrentLayersHaveTheirRecurrentKernelNormalized() throws Exception {
        Map<String, Object> options = new LinkedHashMap<>(dense());
        options.put("recurrent_initializer", Map.of("class_name", "GlorotUniform", "config", Map.of()));
        options.put("return_sequences", true);
        options.put("unroll", false);
        options.put("dropout", 0.0);
        options.put("recurrent_dropout", 0.0);
        float[] v = numbers(6, C * C);
        float[] g = numbers(7, C);
        int[] shape = {5, 3};
        Model net = imported(new KerasFile(false, false, shape).layer(WEIGHT, "wrapped",
                wrapping("SimpleRNN", options, false)).weight("inside/kernel", numbers(1, 3 * C), 3, C)
                .weight("inside/recurrent_kernel", v, C, C).weight("inside/bias", numbers(2, C)).weight("g", g));
        Model plain = imported(new KerasFile(false, false, shape).layer("SimpleRNN", "wrapped", options)
                .weight("kernel", numbers(1, 3 * C), 3, C).weight("recurrent_kernel", ofLength(v, g, 1), C, C)
                .weight("bias", numbers(2, C)));
        assertThat(layer(net).getConfig()).isInstanceOf(SimpleRnn.class);
        assertClose(layer(net).getParam("RW"), doubles(layer(plain).getParam("RW")));
        assertClose(layer(net).getParam("W"), doubles(layer(plain).getParam("W")));
    }

    @Test
    void whatDoesNotFitIsNamed() throws Exception {
        List<String> messages = new ArrayList<>();
        for (float[] g : new float[][]{{1, 2}, null}) {
            KerasFile file = new KerasFile(false, false, 5).layer(WEIGHT, "wrapped", wrapping("Dense", dense(), false))
                    .weight("inside/kernel", numbers(3, 5 * C), 5, C).weight("inside/bias", numbers(5, C));
            if (g != null) {
                file.weight("g", g);
            }
            assertThatThrownBy(() -> imported(file)).isInstanceOf(InvalidKerasConfigurationException.class)
                    .hasMessageContaining("\"wrapped\"").hasMessageContaining("g with one element per unit")
                    .satisfies(e -> messages.add(e.getMessage()));
        }
        assertThat(messages.get(0)).contains("got 2 and weights");
        KerasFile zeros = new KerasFile(true, false, 5).layer(SPECTRAL, "wrapped", wrapping("Dense", dense(), true));
        zeros.weight("inside/kernel", numbers(3, 5 * C), 5, C).weight("inside/bias", numbers(5, C))
                .weight("vector_u", new float[C], 1, C);
        assertThatThrownBy(() -> imported(zeros)).isInstanceOf(InvalidKerasConfigurationException.class)
                .hasMessageContaining("a vector u with a positive norm");
        Map<String, Object> none = wrapping("Dense", dense(), true);
        none.put("power_iterations", 0);
        assertThatThrownBy(() -> imported(new KerasFile(true, false, 5).layer(SPECTRAL, "wrapped", none)))
                .isInstanceOf(InvalidKerasConfigurationException.class).hasMessageContaining("power_iterations >= 1");
    }
}
