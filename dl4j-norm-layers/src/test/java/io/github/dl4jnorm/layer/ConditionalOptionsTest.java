// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.ConditionalNormalization;
import io.github.dl4jnorm.conf.LayerNormalization;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.RmsNormalization;
import io.github.dl4jnorm.model.PopulationStatistics;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.deeplearning4j.datasets.iterator.IteratorMultiDataSetIterator;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.graph.ElementWiseVertex;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.graph.vertex.VertexIndices;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.MultiDataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.NoOp;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** The options of conditional normalization: positions, root mean squares, FiLM, gates and maps. */
@Tag("vectors-first")
class ConditionalOptionsTest {
    private static final int N = 3;
    private static final int C = Kind.CHANNELS;
    private static final double EPS = 1e-3;
    private static final double STEP = 1e-5;
    private static final double OFFSET = 0.5;

    private static ConditionalNormalization.Builder builder() {
        return new ConditionalNormalization.Builder().eps(EPS).gammaOffset(OFFSET);
    }

    /** Every combination of options that is allowed. */
    private static List<ConditionalNormalization> options() {
        List<ConditionalNormalization> all = new ArrayList<>();
        for (boolean shift : new boolean[]{true, false}) {
            all.add(builder().normalize(false).shift(shift).build());
            for (boolean perPosition : new boolean[]{true, false}) {
                for (boolean rms : new boolean[]{true, false}) {
                    for (int groups : new int[]{0, 2}) {
                        all.add(builder().perPosition(perPosition).rms(rms).groups(groups).shift(shift).build());
                    }
                }
            }
        }
        return all;
    }

    static Stream<Arguments> cases() {
        return options().stream().flatMap(conf -> Stream.of(Kind.values())
                .filter(kind -> conf.plan(C, NormCases.shape(kind, 1, 1).length) != null)
                .flatMap(kind -> Stream.of(false, true).filter(map -> !(map && kind.dense()))
                        .map(map -> Arguments.of(conf, kind, map))));
    }

    /** One in seven, which meets every option and kind. */
    static Stream<Arguments> someCases() {
        List<Arguments> all = cases().toList();
        return IntStream.range(0, all.size()).filter(i -> i % 7 == 0).mapToObj(all::get);
    }

    private static ConditionedVertex vertex(ConditionalNormalization conf, Kind kind, DataType type) {
        ConditionalNormalization copy = conf.clone();
        copy.setChannelsLast(kind.channelsLast);
        ConditionedVertex vertex = copy.instantiate(null, "norm", 0, null, true, type);
        vertex.setInputVertices(new VertexIndices[2]);
        return vertex;
    }

    private static INDArray forward(ConditionedVertex vertex, INDArray x, INDArray condition) {
        vertex.setInput(0, x, LayerWorkspaceMgr.noWorkspaces());
        vertex.setInput(1, condition, LayerWorkspaceMgr.noWorkspaces());
        return vertex.doForward(true, LayerWorkspaceMgr.noWorkspaces());
    }

    private static INDArray[] backward(ConditionedVertex vertex, INDArray dy) {
        vertex.setEpsilon(dy);
        return vertex.doBackward(false, LayerWorkspaceMgr.noWorkspaces()).getSecond();
    }

    private static INDArray condition(ConditionalNormalization conf, Kind kind, boolean map, Random random) {
        long length = conf.conditionLength(C);
        return NormCases.gaussian(random, 0.5, 1, map ? NormCases.shape(kind, N, length, 4, 2) : new long[]{N, length});
    }

    /** Element (n, c, position) of an array of any layout. */
    private static double at(INDArray array, Kind kind, int n, int c, long... position) {
        long[] index = new long[array.rank()];
        index[0] = n;
        index[kind.channelsLast ? index.length - 1 : 1] = c;
        System.arraycopy(position, 0, index, kind.channelsLast ? 1 : 2, position.length);
        return array.getDouble(index);
    }

    private static long[] sizes(INDArray array, Kind kind) {
        return kind.channelsLast ? Arrays.copyOfRange(array.shape(), 1, array.rank() - 1)
                : Arrays.copyOfRange(array.shape(), 2, array.rank());
    }

    private static List<long[]> positions(long[] sizes) {
        List<long[]> all = new ArrayList<>(List.of(new long[0]));
        for (long size : sizes) {
            List<long[]> more = new ArrayList<>();
            for (long[] begun : all) {
                for (long i = 0; i < size; i++) {
                    long[] position = Arrays.copyOf(begun, begun.length + 1);
                    position[begun.length] = i;
                    more.add(position);
                }
            }
            all = more;
        }
        return all;
    }

    /** By a plain loop over the elements that share statistics. */
    private static double normalized(ConditionalNormalization conf, INDArray x, Kind kind, int n, int c, long[] position) {
        double own = at(x, kind, n, c, position);
        if (conf.isUnnormalized()) {
            return own;
        }
        boolean positions = conf.isPerPosition() || kind.dense();
        int size = C / (conf.getGroups() > 0 ? conf.getGroups() : positions ? 1 : C);
        double count = 0;
        double sum = 0;
        double squares = 0;
        for (int other = c / size * size; other < (c / size + 1) * size; other++) {
            for (long[] place : positions ? List.of(position) : positions(sizes(x, kind))) {
                double value = at(x, kind, n, other, place);
                count++;
                sum += value;
                squares += value * value;
            }
        }
        double mean = conf.isRms() ? 0 : sum / count;
        return (own - mean) / Math.sqrt(squares / count - mean * mean + EPS);
    }

    @ParameterizedTest
    @MethodSource("someCases")
    void theOutputIsTheFormula(ConditionalNormalization conf, Kind kind, boolean map) {
        compare(conf, kind, map, 51);
    }

    @Tag("full")
    @ParameterizedTest
    @MethodSource("cases")
    void theOutputIsTheFormulaInAllCases(ConditionalNormalization conf, Kind kind, boolean map) {
        compare(conf, kind, map, 51);
    }

    /** Any of the cases, with input drawn from a seed. */
    static void compare(long seed) {
        List<Arguments> all = cases().toList();
        Object[] drawn = all.get(new Random(seed).nextInt(all.size())).get();
        compare((ConditionalNormalization) drawn[0], (Kind) drawn[1], (boolean) drawn[2], seed);
    }

    private static void compare(ConditionalNormalization conf, Kind kind, boolean map, long seed) {
        Random random = new Random(seed);
        INDArray x = NormCases.gaussian(random, 1, 2, NormCases.shape(kind, N, C, 2, 3));
        INDArray v = condition(conf, kind, map, random);
        INDArray y = forward(vertex(conf, kind, DataType.DOUBLE), x, v);
        long[] sizes = sizes(x, kind);
        for (int n = 0; n < N; n++) {
            for (int c = 0; c < C; c++) {
                for (long[] position : positions(sizes)) {
                    double gamma;
                    double beta = 0;
                    if (map) {
                        long[] source = new long[position.length];
                        long[] from = sizes(v, kind);
                        Arrays.setAll(source, axis -> position[axis] * from[axis] / sizes[axis]);
                        gamma = at(v, kind, n, c, source);
                        beta = conf.isUnshifted() ? 0 : at(v, kind, n, C + c, source);
                    } else {
                        gamma = v.getDouble(n, c);
                        beta = conf.isUnshifted() ? 0 : v.getDouble(n, C + c);
                    }
                    assertThat(at(y, kind, n, c, position)).isCloseTo(
                            (OFFSET + gamma) * normalized(conf, x, kind, n, c, position) + beta, within(1e-11));
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("someCases")
    void gradientsOfBothInputsAgreeWithFiniteDifferences(ConditionalNormalization conf, Kind kind, boolean map) {
        check(conf, kind, map);
    }

    @Tag("full")
    @ParameterizedTest
    @MethodSource("cases")
    void gradientsOfBothInputsAgreeWithFiniteDifferencesInAllCases(ConditionalNormalization conf, Kind kind, boolean map) {
        check(conf, kind, map);
    }

    private static void check(ConditionalNormalization conf, Kind kind, boolean map) {
        Random random = new Random(52);
        INDArray x = NormCases.gaussian(random, 1, 2, NormCases.shape(kind, N, C, 2, 3));
        INDArray weight = NormCases.gaussian(random, 0, 1, x.shape());
        INDArray[] inputs = {x, condition(conf, kind, map, random)};
        ConditionedVertex vertex = vertex(conf, kind, DataType.DOUBLE);
        forward(vertex, x, inputs[1]);
        INDArray[] gradients = backward(vertex, weight.dup('f'));
        for (int k = 0; k < 2; k++) {
            double[] gradient = TestNetwork.numbers(gradients[k]);
            for (int i = 0; i < gradient.length; i += 1 + gradient.length / 20) {
                double before = inputs[k].getDouble(i);
                inputs[k].putScalar(i, before + STEP);
                double above = forward(vertex, x, inputs[1]).mul(weight).sumNumber().doubleValue();
                inputs[k].putScalar(i, before - STEP);
                double below = forward(vertex, x, inputs[1]).mul(weight).sumNumber().doubleValue();
                inputs[k].putScalar(i, before);
                assertThat(gradient[i]).as("gradient of input %d [%d]", k, i).isCloseTo((above - below) / (2 * STEP),
                        within(1e-7 * Math.max(1, Math.abs(gradient[i]))));
            }
        }
    }

    /** As if they were not there: neither in the statistics nor in the output, nor in any gradient. */
    @ParameterizedTest
    @MethodSource("someCases")
    void maskedPositionsDoNotCount(ConditionalNormalization conf, Kind kind, boolean map) {
        if (kind != Kind.RNN_FIRST && kind != Kind.CNN_FIRST) {
            return;
        }
        Random random = new Random(53);
        INDArray x = NormCases.gaussian(random, 1, 2, NormCases.shape(kind, N, C, 2, 3));
        INDArray v = condition(conf, kind, map, random);
        INDArray dy = NormCases.gaussian(random, 0, 1, x.shape());
        INDArray mask = Nd4j.ones(DataType.DOUBLE, kind == Kind.RNN_FIRST ? new long[]{N, 3} : new long[]{N, 1, 1, 3});
        mask.putScalar(new long[mask.rank()], 0);
        INDArray changed = x.dup();
        INDArray changedDy = dy.dup();
        for (int c = 0; c < C; c++) {
            for (int h = 0; h < (kind == Kind.RNN_FIRST ? 1 : 2); h++) {
                long[] index = kind == Kind.RNN_FIRST ? new long[]{0, c, 0} : new long[]{0, c, h, 0};
                changed.putScalar(index, 99);
                changedDy.putScalar(index, -55);
            }
        }
        ConditionedGraph graph = new ConditionedGraph(kind, conf.clone(), DataType.DOUBLE, new NoOp()).masks(mask, null);
        INDArray y = graph.forward(x, v);
        INDArray[] gradients = graph.backward(dy);
        assertThat(graph.forward(changed, v)).isEqualTo(y);
        assertThat(y.getDouble(new long[y.rank()])).isZero();
        INDArray[] others = graph.backward(changedDy);
        assertThat(others[1]).isEqualTo(gradients[1]);
        assertThat(others[0]).isEqualTo(gradients[0]);
        if (map) {
            INDArray mapMask = Nd4j.ones(DataType.DOUBLE, kind == Kind.RNN_FIRST ? new long[]{N, 2} : new long[]{N, 1, 1, 2});
            mapMask.putScalar(new long[mapMask.rank()], 0);
            graph.masks(null, mapMask);
            INDArray masked = graph.forward(x, v);
            assertThat(masked.getDouble(new long[y.rank()])).as("a masked condition counts as 0")
                    .isCloseTo(OFFSET * forward(vertex(builder().gammaOffset(1).perPosition(conf.isPerPosition())
                            .rms(conf.isRms()).groups(conf.getGroups()).normalize(!conf.isUnnormalized()).build(), kind,
                            DataType.DOUBLE), x, Nd4j.zeros(DataType.DOUBLE, N, 2 * C)).getDouble(new long[y.rank()]),
                            within(1e-12));
            assertThat(graph.backward(dy)[1].getDouble(new long[y.rank()])).isZero();
        }
    }

    @Test
    void withAConditionOfZeroItIsThePlainNorm() {
        Random random = new Random(54);
        for (Kind kind : Kind.values()) {
            INDArray x = NormCases.gaussian(random, 1, 2, NormCases.shape(kind, N, C, 2, 3));
            INDArray dy = NormCases.gaussian(random, 0, 1, x.shape());
            INDArray zero = Nd4j.zeros(DataType.DOUBLE, N, 2 * C);
            for (boolean rms : new boolean[]{false, true}) {
                var plain = (rms ? new RmsNormalization.Builder() : new LayerNormalization.Builder().perPosition(true))
                        .eps(EPS).channelsLast(kind.channelsLast).build();
                LayerUnderTest layer = new LayerUnderTest((NormLayer) plain, C, DataType.DOUBLE);
                ConditionedVertex vertex = vertex(builder().perPosition(true).rms(rms).gammaOffset(1).build(), kind,
                        DataType.DOUBLE);
                assertThat(forward(vertex, x, zero).sub(layer.forward(x, true)).amaxNumber().doubleValue()).isLessThan(1e-12);
                assertThat(backward(vertex, dy)[0].sub(layer.dx(dy)).amaxNumber().doubleValue()).isLessThan(1e-12);
            }
        }
    }

    @Test
    void halfHasTheDigitsOfHalf() {
        Random random = new Random(55);
        for (ConditionalNormalization conf : options()) {
            for (boolean map : new boolean[]{false, true}) {
                INDArray x = NormCases.gaussian(random, 1, 2, NormCases.shape(Kind.CNN_FIRST, N, C, 2, 3)).castTo(DataType.HALF);
                INDArray v = condition(conf, Kind.CNN_FIRST, map, random).castTo(DataType.HALF);
                INDArray exact = forward(vertex(conf, Kind.CNN_FIRST, DataType.DOUBLE), x.castTo(DataType.DOUBLE),
                        v.castTo(DataType.DOUBLE));
                INDArray y = forward(vertex(conf, Kind.CNN_FIRST, DataType.HALF), x, v);
                assertThat(y.dataType()).isEqualTo(DataType.HALF);
                assertThat(y.castTo(DataType.DOUBLE).sub(exact).amaxNumber().doubleValue()).as(conf.toString())
                        .isLessThan(1e-3 * Math.max(1, exact.amaxNumber().doubleValue()));
            }
        }
    }

    /** adaLN-Zero: norm and gate behind condition layers that start at 0. */
    @Test
    void aResidualBlockWithAZeroGateStartsAsTheIdentityAndLearns() {
        ConditionalNormalization norm = new ConditionalNormalization.Builder().perPosition(true).gammaOffset(1).build();
        ConditionalNormalization gate = new ConditionalNormalization.Builder().normalize(false).shift(false).build();
        ComputationGraph graph = new ComputationGraph(new NeuralNetConfiguration.Builder().seed(6).updater(new Sgd(0.1))
                .graphBuilder().addInputs("x", "step").setInputTypes(InputType.feedForward(C), InputType.feedForward(5))
                .addLayer("scale-shift", norm.conditionLayer(C), "step").addVertex("norm", norm, "x", "scale-shift")
                .addLayer("branch", new DenseLayer.Builder().nOut(C).activation(Activation.TANH).build(), "norm")
                .addLayer("gate", gate.conditionLayer(C), "step").addVertex("gated", gate, "branch", "gate")
                .addVertex("sum", new ElementWiseVertex(ElementWiseVertex.Op.Add), "x", "gated")
                .addLayer("out", new OutputLayer.Builder(LossFunction.MSE).nOut(2).activation(Activation.IDENTITY).build(), "sum")
                .setOutputs("out").build());
        graph.init();
        Nd4j.getRandom().setSeed(8);
        INDArray[] inputs = {Nd4j.randn(DataType.FLOAT, 6, C), Nd4j.randn(DataType.FLOAT, 6, 5)};
        assertThat(graph.feedForward(inputs, false).get("sum")).isEqualTo(inputs[0]);
        MultiDataSet data = new MultiDataSet(inputs, new INDArray[]{Nd4j.rand(DataType.FLOAT, 6, 2)});
        double before = graph.score(data);
        for (int i = 0; i < 3; i++) {
            graph.fit(data);
        }
        assertThat(graph.score(data)).isLessThan(before);
        assertThat(graph.getLayer("gate").getParam("W").amaxNumber().doubleValue()).isPositive();
        assertThat(graph.getLayer("scale-shift").getParam("W").amaxNumber().doubleValue()).isPositive();
    }

    /** Conditional batch norm: a table of classes over statistics of the batch in training, running ones at test time. */
    @Test
    void aTableOfClassesOverBatchNormIsConditionalBatchNorm() {
        ConditionalNormalization scale = new ConditionalNormalization.Builder().normalize(false).gammaOffset(1).build();
        ComputationGraph graph = new ComputationGraph(new NeuralNetConfiguration.Builder().seed(6).dataType(DataType.DOUBLE)
                .updater(new Sgd(0.1)).graphBuilder().addInputs("x", "class")
                .setInputTypes(InputType.convolutional(2, 3, C), InputType.feedForward(3))
                .addLayer("batch", new BatchNormalization.Builder().affine(false).eps(EPS).build(), "x")
                .addLayer("table", scale.classTable(3, C), "class").addVertex("norm", scale, "batch", "table")
                .addLayer("out", new OutputLayer.Builder(LossFunction.MSE).nOut(2).activation(Activation.IDENTITY).build(),
                        "norm")
                .setOutputs("out").build());
        graph.init();
        Random random = new Random(9);
        INDArray table = NormCases.gaussian(random, 0, 1, 3, 2 * C);
        graph.getLayer("table").getParam("W").assign(table);
        INDArray x = NormCases.gaussian(random, 1, 2, 6, C, 2, 3);
        INDArray classes = Nd4j.createFromArray(new double[][]{{0}, {1}, {2}, {2}, {1}, {0}});
        MultiDataSet data = new MultiDataSet(new INDArray[]{x, classes}, new INDArray[]{Nd4j.rand(DataType.DOUBLE, 6, 2)});
        PopulationStatistics.recompute(graph, new IteratorMultiDataSetIterator(
                List.<org.nd4j.linalg.dataset.api.MultiDataSet>of(data).iterator(), 6), PopulationStatistics.Method.EXACT);
        INDArray y = graph.feedForward(new INDArray[]{x, classes}, false).get("norm");
        INDArray mean = x.mean(0, 2, 3);
        INDArray variance = x.var(false, 0, 2, 3);
        for (int n = 0; n < 6; n++) {
            for (int c = 0; c < C; c++) {
                int k = classes.getInt(n, 0);
                double hat = (x.getDouble(n, c, 1, 2) - mean.getDouble(c)) / Math.sqrt(variance.getDouble(c) + EPS);
                assertThat(y.getDouble(n, c, 1, 2)).isCloseTo((1 + table.getDouble(k, c)) * hat + table.getDouble(k, C + c),
                        within(1e-9));
            }
        }
        graph.fit(data);
        assertThat(graph.getLayer("table").getParam("W")).isNotEqualTo(table);
    }
}
