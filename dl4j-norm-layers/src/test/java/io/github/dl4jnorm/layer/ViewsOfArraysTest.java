// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.Thinned;
import io.github.dl4jnorm.conf.AdaptiveInstanceNormalization;
import io.github.dl4jnorm.conf.ConditionalNormalization;
import io.github.dl4jnorm.conf.InstanceNormalization;
import io.github.dl4jnorm.conf.LayerNormLSTM;
import io.github.dl4jnorm.conf.LayerNormalization;
import io.github.dl4jnorm.conf.NormFactory;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.SyncBatchNormalization;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;

/** Every norm on every kind of view, as input and as gradient, gives what it gives for a copy. */
@Tag("vectors-first")
@Tag("long")
class ViewsOfArraysTest {
    private static final int CHANNELS = 4;
    private static final int EXAMPLES = 10;

    /** How an array of a shape is cut out of a larger one. */
    enum Cut {
        ROWS,
        /** As a table without the columns in front. */
        COLUMNS,
        /** The last axis: time steps, or channels where these are last. */
        STEPS,
        ROWS_AND_STEPS,
        F_ORDER,
        F_ORDER_ROWS,
        STEP_TWO,
        PERMUTED,
        PERMUTED_ROWS,
        ONE_EXAMPLE_REPEATED,
        ONE_CHANNEL_REPEATED,
        ONE_VALUE_REPEATED;

        /** Offsets that are tried: in ND4J 1.0.0-M2.1 it depends on them what comes of a slice. */
        IntStream offsets() {
            return switch (this) {
                case ROWS -> IntStream.of(1, 6, EXAMPLES);
                case COLUMNS, STEPS, ROWS_AND_STEPS, F_ORDER_ROWS, PERMUTED_ROWS -> IntStream.of(5);
                default -> IntStream.of(0);
            };
        }

        INDArray of(Random random, DataType type, int offset, long... shape) {
            int rank = shape.length;
            int[] reverse = IntStream.range(0, rank).map(i -> rank - 1 - i).toArray();
            return switch (this) {
                case ROWS -> part(larger(random, type, 'c', shape, offset, 0), shape, offset, 1, 0);
                case COLUMNS -> part(larger(random, type, 'c', shape, offset, 1), shape, offset, 1, 1);
                case STEPS -> part(larger(random, type, 'c', shape, offset, rank - 1), shape, offset, 1, rank - 1);
                case ROWS_AND_STEPS -> part(larger(random, type, 'c', shape, offset, 0, rank - 1), shape, offset, 1, 0,
                        rank - 1);
                case F_ORDER -> larger(random, type, 'f', shape, 0, 0);
                case F_ORDER_ROWS -> part(larger(random, type, 'f', shape, offset, 0), shape, offset, 1, 0);
                case STEP_TWO -> part(larger(random, type, 'c', Arrays.stream(shape).map(d -> 2 * d).toArray(), 0, 0), shape,
                        0, 2, IntStream.range(0, rank).toArray());
                case PERMUTED -> larger(random, type, 'c', permuted(shape, reverse), 0, 0).permute(reverse);
                case PERMUTED_ROWS -> part(larger(random, type, 'c', permuted(shape, reverse), offset, rank - 1)
                        .permute(reverse), shape, offset, 1, 0);
                case ONE_EXAMPLE_REPEATED -> repeated(random, type, shape, 0);
                case ONE_CHANNEL_REPEATED -> repeated(random, type, shape, 1);
                case ONE_VALUE_REPEATED -> repeated(random, type, shape, IntStream.range(0, rank).toArray());
            };
        }

        private static long[] permuted(long[] shape, int[] axes) {
            return Arrays.stream(axes).mapToLong(axis -> shape[axis]).toArray();
        }

        private static INDArray larger(Random random, DataType type, char order, long[] shape, int more, int... axes) {
            long[] size = shape.clone();
            Arrays.stream(axes).forEach(axis -> size[axis] += more + (more > 0 ? 2 : 0));
            return NormCases.gaussian(random, 0.5, 1, size).castTo(type).dup(order);
        }

        /** Not cut by ND4J, whose slices of slices may be empty. */
        private static INDArray part(INDArray whole, long[] shape, int offset, int step, int... axes) {
            long[] strides = whole.stride().clone();
            long start = 0;
            for (int axis : axes) {
                start += offset * strides[axis];
                strides[axis] *= step;
            }
            return Nd4j.create(whole.data(), shape, strides, start, 'c');
        }

        private static INDArray repeated(Random random, DataType type, long[] shape, int... axes) {
            INDArray whole = larger(random, type, 'c', shape, 0, 0);
            long[] strides = whole.stride().clone();
            Arrays.stream(axes).forEach(axis -> strides[axis] = 0);
            return Nd4j.create(whole.data(), shape, strides, 0, 'c');
        }
    }

    private static final Map<String, NormLayer> NORMS = norms();

    private static NormLayer behind(String name, Map<String, ?> options) {
        Layer dense = new DenseLayer.Builder().nOut(CHANNELS).activation(Activation.IDENTITY).build();
        List<Layer> layers = NormFactory.create(name, options).around((DenseLayer) dense);
        return layers.size() == 2 ? (NormLayer) layers.get(1) : null;
    }

    /** All that the factory has, and kinds of theirs that it has only by options. */
    private static Map<String, NormLayer> norms() {
        Map<String, NormLayer> norms = new HashMap<>();
        NormFactory.names().forEach(name -> norms.put(name,
                behind(name, name.equals("ghost") ? Map.of("virtualBatchSize", 4) : name.matches("group|evonorm-s0")
                        ? Map.of("groups", 2) : Map.of())));
        norms.put("layer by position", behind("layer", Map.of("perPosition", true)));
        norms.put("layer by element", new LayerNormalization.Builder().elementwiseAffine(true).build());
        norms.put("instance with statistics", new InstanceNormalization.Builder().trackRunningStats(true).build());
        norms.put("synchronized batch", new SyncBatchNormalization.Builder().build());
        norms.values().removeIf(norm -> norm == null);
        return norms;
    }

    static Stream<Arguments> cases() {
        return Thinned.cases(NORMS.entrySet().stream().sorted(Map.Entry.comparingByKey())
                .flatMap(norm -> Stream.of(Kind.values()).filter(kind -> takes(norm.getValue(), NormCases.shape(kind, 1, 1)
                        .length)).map(kind -> Arguments.of(norm.getKey(), kind))));
    }

    private static boolean takes(NormLayer norm, int rank) {
        boolean byElement = norm instanceof LayerNormalization layer && layer.isElementwiseAffine();
        return norm.plan(rank) != null && !(byElement && rank < 4);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void aNormGivesForAnyViewWhatItGivesForACopy(String name, Kind kind) {
        long[] shape = NormCases.shape(kind, EXAMPLES, CHANNELS);
        for (Cut cut : Cut.values()) {
            cut.offsets().forEach(offset -> {
                Random random = new Random(offset);
                INDArray x = cut.of(random, DataType.DOUBLE, offset, shape);
                INDArray dy = cut.of(random, DataType.DOUBLE, offset, shape);
                String what = cut + " at " + offset;
                List<double[]> expected = run(name, kind, copy(x), copy(dy));
                assertClose(run(name, kind, x, copy(dy)), expected, what + ", input");
                assertClose(run(name, kind, copy(x), dy), expected, what + ", gradient");
            });
        }
    }

    private static List<double[]> run(String name, Kind kind, INDArray x, INDArray dy) {
        NormLayer conf = NORMS.get(name).clone();
        if (conf instanceof LayerNormalization elements && elements.isElementwiseAffine()) {
            elements.setPositions(x.length() / EXAMPLES / CHANNELS);
        }
        LayerUnderTest layer = NormCases.layer(conf, kind, CHANNELS, DataType.DOUBLE);
        List<double[]> results = new ArrayList<>();
        results.add(numbers(layer.forward(x, false)));
        results.add(numbers(layer.forward(x, true)));
        results.add(numbers(layer.dx(dy)));
        results.add(numbers(layer.gradients));
        results.add(numbers(layer.params));
        return results;
    }

    private static double[] numbers(INDArray array) {
        return copy(array).data().asDouble();
    }

    /** Element by element, from the memory: no operation of ND4J is trusted with a view. */
    private static INDArray copy(INDArray array) {
        INDArray copy = Nd4j.create(array.dataType(), array.shape(), 'c');
        double[] values = new double[(int) array.length()];
        for (int i = 0; i < values.length; i++) {
            long rest = i;
            long at = 0;
            for (int axis = array.rank() - 1; axis >= 0; axis--) {
                at += rest % array.size(axis) * array.stride(axis);
                rest /= array.size(axis);
            }
            values[i] = array.data().getDouble(at);
        }
        copy.data().setData(values);
        return copy;
    }

    private static void assertClose(List<double[]> actual, List<double[]> expected, String what) {
        for (int i = 0; i < expected.size(); i++) {
            double[] numbers = actual.get(i);
            double[] right = expected.get(i);
            assertThat(numbers).hasSameSizeAs(right);
            double largest = IntStream.range(0, right.length).mapToDouble(k -> Math.abs(numbers[k] - right[k])).max().orElse(0);
            assertThat(largest).as(what + ", largest deviation of result " + i).isLessThan(1e-10);
        }
    }

    @ParameterizedTest
    @EnumSource(Cut.class)
    void aNormedLstmGivesForAnyViewWhatItGivesForACopy(Cut cut) {
        cut.offsets().forEach(offset -> {
            Random random = new Random(offset);
            INDArray x = cut.of(random, DataType.DOUBLE, offset, EXAMPLES, 3, 5);
            INDArray dy = cut.of(random, DataType.DOUBLE, offset, EXAMPLES, CHANNELS, 5);
            List<double[]> expected = lstm(copy(x), copy(dy));
            assertClose(lstm(x, copy(dy)), expected, offset + ", input");
            assertClose(lstm(copy(x), dy), expected, offset + ", gradient");
        });
    }

    private static List<double[]> lstm(INDArray x, INDArray dy) {
        NeuralNetConfiguration conf = new NeuralNetConfiguration.Builder().seed(3).updater(new Sgd(0.1))
                .dataType(DataType.DOUBLE)
                .layer(new LayerNormLSTM.Builder().nIn(3).nOut(CHANNELS).activation(Activation.TANH).build()).build();
        long count = conf.getLayer().initializer().numParams(conf);
        Nd4j.getRandom().setSeed(3);
        LayerNormLSTMLayer layer = (LayerNormLSTMLayer) conf.getLayer().instantiate(conf, null, 0,
                Nd4j.create(DataType.DOUBLE, 1, count), true, DataType.DOUBLE);
        INDArray gradients = Nd4j.create(DataType.DOUBLE, 1, count);
        layer.setBackpropGradientsViewArray(gradients);
        double[] y = numbers(layer.activate(x, true, LayerWorkspaceMgr.noWorkspaces()));
        double[] dx = numbers(layer.backpropGradient(dy, LayerWorkspaceMgr.noWorkspaces()).getSecond());
        return List.of(y, dx, numbers(gradients));
    }

    @ParameterizedTest
    @EnumSource(Cut.class)
    void conditionedNormsGiveForAnyViewWhatTheyGiveForACopy(Cut cut) {
        for (boolean vector : new boolean[]{false, true}) {
            cut.offsets().forEach(offset -> {
                Random random = new Random(offset);
                INDArray x = cut.of(random, DataType.DOUBLE, offset, EXAMPLES, CHANNELS, 5);
                INDArray other = vector ? cut.of(random, DataType.DOUBLE, offset, EXAMPLES, 2 * CHANNELS)
                        : cut.of(random, DataType.DOUBLE, offset, EXAMPLES, CHANNELS, 3);
                INDArray dy = cut.of(random, DataType.DOUBLE, offset, EXAMPLES, CHANNELS, 5);
                List<double[]> expected = conditioned(vector, copy(x), copy(other), copy(dy));
                assertClose(conditioned(vector, x, other, dy), expected, offset + (vector ? ", vector" : ", style"));
            });
        }
    }

    private static List<double[]> conditioned(boolean vector, INDArray x, INDArray other, INDArray dy) {
        ConditionedGraph graph = new ConditionedGraph(Kind.RNN_FIRST, vector
                ? new ConditionalNormalization() : new AdaptiveInstanceNormalization(), DataType.DOUBLE, new Sgd(0.1));
        double[] y = numbers(graph.forward(x, other));
        INDArray[] gradients = graph.backward(dy);
        return List.of(y, numbers(gradients[0]), numbers(gradients[1]));
    }
}
