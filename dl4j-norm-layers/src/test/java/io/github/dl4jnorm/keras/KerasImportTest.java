// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.keras;

import static io.github.dl4jnorm.keras.KerasCase.BETA;
import static io.github.dl4jnorm.keras.KerasCase.C;
import static io.github.dl4jnorm.keras.KerasCase.EPSILON;
import static io.github.dl4jnorm.keras.KerasCase.GAMMA;
import static io.github.dl4jnorm.keras.KerasCase.MEAN;
import static io.github.dl4jnorm.keras.KerasCase.VARIANCE;
import static io.github.dl4jnorm.keras.KerasCase.add;
import static io.github.dl4jnorm.keras.KerasCase.assertClose;
import static io.github.dl4jnorm.keras.KerasCase.convolution;
import static io.github.dl4jnorm.keras.KerasCase.convolved;
import static io.github.dl4jnorm.keras.KerasCase.expected;
import static io.github.dl4jnorm.keras.KerasCase.input;
import static io.github.dl4jnorm.keras.KerasCase.numbers;
import static io.github.dl4jnorm.keras.KerasCase.options;
import static io.github.dl4jnorm.keras.KerasCase.output;
import static io.github.dl4jnorm.keras.KerasCase.shape;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.BatchRenormalization;
import io.github.dl4jnorm.conf.GhostBatchNormalization;
import io.github.dl4jnorm.conf.RunningStatistics;
import io.github.dl4jnorm.keras.KerasCase.Kind;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.constraint.NonNegativeConstraint;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.modelimport.keras.KerasModelImport;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.regularization.L2Regularization;

/** Models as Keras saves them compute what Keras's definitions say. */
@Tag("once")
@Tag("long")
class KerasImportTest {
    @TempDir
    private Path directory;

    static Stream<Arguments> models() {
        return Stream.of(Kind.values()).flatMap(kind -> Stream.of(2, 3, 4, 5)
                .filter(kind::takes)
                .flatMap(rank -> Stream.of(true, false).filter(last -> last || rank > 2)
                        .map(last -> Arguments.of(kind, rank, last))));
    }

    @ParameterizedTest
    @MethodSource("models")
    void everyLayerComputesWhatKerasDefines(Kind kind, int rank, boolean last) throws Exception {
        int[] shape = shape(rank, last);
        INDArray x = input(shape);
        for (int variant = 0; variant < 8; variant++) {
            boolean third = (variant & 1) == 0;
            boolean functional = (variant & 2) == 0;
            boolean affine = (variant & 4) == 0;
            // What is not affine has one of the two.
            Object axis = variant == 3 && !kind.isFilterResponse() ? List.of(last ? rank - 1 : 1) : last ? -1 : (Object) 1;
            Path file = add(new KerasFile(third, functional, shape), kind, axis, affine, affine || third)
                    .write(directory.resolve(variant + ".h5"));
            Model net = NormImports.importKeras(file);
            assertThat(net).isInstanceOf(functional ? ComputationGraph.class : MultiLayerNetwork.class);
            assertClose(output(net, x), expected(kind, x, last, affine, affine || third));
        }
    }

    /** A convolution of kernel 2 by 3 makes its four channels of two. */
    @ParameterizedTest
    @MethodSource("formats")
    void normsBehindAConvolutionKnowItsFormat(boolean third, boolean functional, boolean last) throws Exception {
        float[] kernel = numbers(9, 2 * 3 * 2 * C);
        int[] shape = last ? new int[]{5, 6, 2} : new int[]{2, 5, 6};
        KerasFile model = new KerasFile(third, functional, shape).layer("Conv2D", "conv", convolution(last))
                .weight("kernel", kernel, 2, 3, 2, C);
        Path file = add(model, Kind.GROUP, last ? -1 : 1, true, true).write(directory.resolve("conv.h5"));
        INDArray x = input(shape);
        INDArray hidden = convolved(last ? x : x.permute(0, 2, 3, 1), Nd4j.createFromArray(kernel).reshape('c', 2, 3, 2, C));
        assertClose(output(NormImports.importKeras(file), x),
                expected(Kind.GROUP, last ? hidden : hidden.permute(0, 3, 1, 2).dup('c'), last, true, true));
    }

    @Test
    void anEpsilonOfZeroIsTaken() throws Exception {
        Map<String, Object> options = options(Kind.BATCH, -1, true, true);
        options.put("epsilon", 0.0);
        KerasFile model = new KerasFile(true, false, shape(4, true)).layer(Kind.BATCH.className, "norm", options)
                .weight("gamma", GAMMA).weight("beta", BETA).weight("moving_mean", MEAN).weight("moving_variance", new float[C]);
        double[] y = output(NormImports.importKeras(model.write(directory.resolve("zero.h5"))), input(shape(4, true)))
                .dup('c').data().asDouble();
        for (int i = 0; i < y.length; i++) {
            assertThat((float) y[i]).isEqualTo(BETA[i % C]);
        }
    }

    static Stream<Arguments> formats() {
        return Stream.of(0, 1, 2, 3, 4, 5, 6, 7).map(i -> Arguments.of((i & 1) == 0, (i & 2) == 0, (i & 4) == 0));
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void deeplearning4jsOwnImportKnowsTheLayersOnceRegistered(boolean functional) throws Exception {
        NormImports.registerKeras();
        INDArray x = input(shape(4, true));
        for (Kind kind : List.of(Kind.LAYER, Kind.GROUP, Kind.ADDONS_GROUP, Kind.INSTANCE, Kind.CONTRIB_INSTANCE,
                Kind.UNIT, Kind.RMS, Kind.FILTER_RESPONSE_LEARNED)) {
            String file = add(new KerasFile(false, functional, shape(4, true)), kind, -1, true, true)
                    .write(directory.resolve("own.h5")).toString();
            Model net = functional ? KerasModelImport.importKerasModelAndWeights(file, false)
                    : KerasModelImport.importKerasSequentialModelAndWeights(file, false);
            assertClose(output(net, x), expected(kind, x, true, true, true));
        }
    }

    /** Of a whole example, gamma and beta have an element for each of its elements. */
    @ParameterizedTest
    @MethodSource("wholeExamples")
    void layerNormOverAWholeExample(boolean third, boolean functional, int[] shape) throws Exception {
        INDArray x = input(shape);
        int size = Arrays.stream(shape).reduce(1, (a, b) -> a * b);
        float[] gamma = numbers(5, size);
        float[] beta = numbers(6, size);
        List<Integer> axes = IntStream.rangeClosed(1, shape.length).boxed().toList();
        Path file = new KerasFile(third, functional, shape).layer("LayerNormalization", "norm",
                options(Kind.LAYER, axes, true, true)).weight("gamma", gamma, shape).weight("beta", beta, shape)
                .write(directory.resolve("elements.h5"));
        INDArray rows = x.reshape('c', x.size(0), size);
        double[] expected = expected(Kind.LAYER, rows, true, false, false);
        for (int i = 0; i < expected.length; i++) {
            expected[i] = expected[i] * gamma[i % size] + beta[i % size];
        }
        assertClose(output(NormImports.importKeras(file), x), expected);
    }

    static Stream<Arguments> wholeExamples() {
        return Stream.of(0, 1, 2, 3).flatMap(i -> Stream.of(new int[]{5, 6, C}, new int[]{3, 2, 4, C})
                .map(shape -> Arguments.of((i & 1) == 0, (i & 2) == 0, shape)));
    }

    /** keras-contrib's default: statistics of a whole example, one gamma, one beta. */
    @ParameterizedTest
    @MethodSource("wholeExamples")
    void contribInstanceNormWithoutAnAxis(boolean third, boolean functional, int[] shape) throws Exception {
        INDArray x = input(shape);
        KerasFile model = new KerasFile(third, functional, shape).layer("InstanceNormalization", "norm",
                options(Kind.CONTRIB_INSTANCE, null, true, true));
        Path file = model.weight("gamma", new float[]{GAMMA[0]}).weight("beta", new float[]{BETA[0]})
                .write(directory.resolve("whole.h5"));
        INDArray oneChannel = x.reshape('c', x.size(0), 1, x.length() / x.size(0));
        assertClose(output(NormImports.importKeras(file), x),
                expected(Kind.CONTRIB_INSTANCE, oneChannel, false, true, true));
    }

    /** Batch renormalization and ghost batch normalization with Keras's settings, not only its statistics. */
    @Test
    void variantsOfBatchNormalizationKeepTheirOptions() throws Exception {
        BatchRenormalization renorm = (BatchRenormalization) imported(Kind.BATCH_RENORM).getLayer(0).conf().getLayer();
        assertThat(renorm.getRMax()).isEqualTo(2);
        assertThat(renorm.getDMax()).isEqualTo(3);
        assertThat(renorm.getRSteps()).isZero();
        assertThat(renorm.getRunningStatistics()).isEqualTo(RunningStatistics.decay(0.99).unbiased(false));
        GhostBatchNormalization ghost = (GhostBatchNormalization) imported(Kind.BATCH_GHOST).getLayer(0).conf().getLayer();
        assertThat(ghost.getVirtualBatchSize()).isEqualTo(2);
    }

    private MultiLayerNetwork imported(Kind kind) throws Exception {
        return (MultiLayerNetwork) NormImports.importKeras(add(new KerasFile(false, false, C), kind, -1, true, true)
                .write(directory.resolve(kind + ".h5")));
    }

    @Test
    void layerNormOverAWholeExampleNeedsNoGammaAndBeta() throws Exception {
        int[] shape = {5, 6, C};
        INDArray x = input(shape);
        Path file = add(new KerasFile(true, true, shape), Kind.LAYER, List.of(1, 2, 3), false, false)
                .write(directory.resolve("all.h5"));
        INDArray rows = x.reshape('c', 3, 5 * 6 * C);
        assertClose(output(NormImports.importKeras(file), x), expected(Kind.LAYER, rows, true, false, false));
    }

    @Test
    void regularizersConstraintsInitializersAndFreezingAreTakenOver() throws Exception {
        Map<String, Object> options = options(Kind.BATCH, -1, true, true);
        options.put("gamma_regularizer", Map.of("class_name", "L2", "config", Map.of("l2", 0.25)));
        options.put("beta_constraint", Map.of("class_name", "NonNeg", "config", Map.of()));
        options.put("gamma_initializer", Map.of("class_name", "Constant", "config", Map.of("value", 0.5)));
        options.put("trainable", false);
        KerasFile model = new KerasFile(true, false, C).layer("BatchNormalization", "norm", options).weight("gamma", GAMMA)
                .weight("beta", BETA).weight("moving_mean", MEAN).weight("moving_variance", VARIANCE);
        MultiLayerNetwork net = (MultiLayerNetwork) NormImports.importKeras(model.write(directory.resolve("o.h5")));
        BatchNormalization conf = (BatchNormalization) net.getLayer(0).conf().getLayer();
        // Keras's penalty is l2·w², Deeplearning4j's l2/2·w².
        assertThat(conf.getGammaRegularization()).containsExactly(new L2Regularization(0.5));
        assertThat(conf.getConstraints()).singleElement().satisfies(constraint -> {
            assertThat(constraint).isInstanceOf(NonNegativeConstraint.class);
            assertThat(constraint.getParams()).containsExactly("beta");
        });
        assertThat(conf.getGammaInit()).isEqualTo(0.5);
        assertThat(conf.isStatisticsFrozen()).isTrue();
        assertThat(conf.getDecay()).isEqualTo(0.9);
        assertThat(conf.getRunningStatistics().unbiased()).isFalse();
        assertThat(conf.getEps()).isEqualTo(EPSILON);
    }

    @Test
    void synchronizedBatchNormIsSynchronized() throws Exception {
        Map<String, Object> options = options(Kind.BATCH, -1, true, true);
        for (String name : List.of("BatchNormalization", "SyncBatchNormalization")) {
            options.put("synchronized", name.equals("BatchNormalization"));
            KerasFile model = new KerasFile(true, false, C).layer(name, "norm", options).weight("gamma", GAMMA)
                    .weight("beta", BETA).weight("moving_mean", MEAN).weight("moving_variance", VARIANCE);
            MultiLayerNetwork net = (MultiLayerNetwork) NormImports.importKeras(model.write(directory.resolve("sync.h5")));
            assertThat(((BatchNormalization) net.getLayer("norm").conf().getLayer()).isSynchronize()).as(name).isTrue();
        }
    }
}
