// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.parity;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.conf.AdaptiveInstanceNormalization;
import io.github.dl4jnorm.conf.ConditionalNormalization;
import io.github.dl4jnorm.conf.ConditionedNorm;
import io.github.dl4jnorm.layer.ConditionedVertex;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.deeplearning4j.nn.graph.vertex.VertexIndices;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Norms with a second input against compositions of libtorch's operations, gradients of both inputs included. */
class ConditionedParityTest {
    private static final double EPS = 1e-3;
    private static final LayerWorkspaceMgr NONE = LayerWorkspaceMgr.noWorkspaces();

    /** Groups of a conditional norm, 0 for instances, −1 for the adaptive one; shape channels first. */
    record Case(int groups, DataType type, boolean channelsLast, long[] shape, long seed) {
        private long[] stored(long[] first) {
            if (!channelsLast || first.length == 2) {
                return first;
            }
            return LongStream.concat(LongStream.concat(LongStream.of(first[0]), LongStream.of(first).skip(2)),
                    LongStream.of(first[1])).toArray();
        }

        /** The style has one position more on each axis. */
        private long[] condition() {
            return groups >= 0 ? new long[]{shape[0], 2 * shape[1]} : LongStream.concat(LongStream.of(shape[0], shape[1]),
                    LongStream.of(shape).skip(2).map(d -> d + 1)).toArray();
        }

        private long[] toFirst() {
            int last = shape.length - 1;
            return LongStream.concat(LongStream.of(0, last), LongStream.range(1, last)).toArray();
        }

        private long[] toLast() {
            return LongStream.concat(LongStream.concat(LongStream.of(0), LongStream.range(2, shape.length)), LongStream.of(1))
                    .toArray();
        }

        @Override
        public String toString() {
            return (groups < 0 ? "adaptive" : "conditional, groups " + groups) + ", " + type + ", "
                    + (channelsLast ? "last " : "first ") + Arrays.toString(shape) + ", seed " + seed;
        }
    }

    @BeforeAll
    static void loadLibtorch() {
        Autograd.load();
    }

    static Stream<Case> cases() {
        List<Case> all = new ArrayList<>();
        Random random = new Random(71);
        for (int groups : new int[]{-1, 0, 1, 3}) {
            for (DataType type : new DataType[]{DataType.FLOAT, DataType.DOUBLE}) {
                for (boolean last : new boolean[]{false, true}) {
                    for (int rank = 3; rank <= 5; rank++) {
                        long[] shape = random.longs(rank, 3, 8).toArray();
                        shape[1] = 3 * (1 + random.nextInt(4));
                        all.add(new Case(groups, type, last, shape, random.nextInt(1000)));
                    }
                }
            }
        }
        return all.stream();
    }

    static double[] gaussian(Random random, long[] shape, double mean) {
        double[] values = new double[(int) LongStream.of(shape).reduce(1, (a, b) -> a * b)];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (mean + random.nextGaussian());
        }
        return values;
    }

    static INDArray array(double[] values, DataType type, long[] shape) {
        return Nd4j.createFromArray(values).castTo(type).reshape('c', shape);
    }

    private static double[] numbers(INDArray array) {
        return array.castTo(DataType.DOUBLE).dup('c').data().asDouble();
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("cases")
    void equalsLibtorch(Case drawn) {
        Random random = new Random(drawn.seed());
        long[] xShape = drawn.stored(drawn.shape());
        long[] otherShape = drawn.stored(drawn.condition());
        double[] x = gaussian(random, xShape, 1);
        double[] other = gaussian(random, otherShape, 0.5);
        double[] dy = gaussian(random, xShape, 0.25);
        ConditionedNorm conf = drawn.groups() < 0
                ? new AdaptiveInstanceNormalization.Builder().eps(EPS).channelsLast(drawn.channelsLast()).build()
                : new ConditionalNormalization.Builder().eps(EPS).groups(drawn.groups()).gammaOffset(0.5)
                        .channelsLast(drawn.channelsLast()).build();
        double[][] ours = ours(conf, array(x, drawn.type(), xShape), array(other, drawn.type(), otherShape),
                array(dy, drawn.type(), xShape));
        for (ScalarType type : new ScalarType[]{ScalarType.Double, drawn.type() == DataType.FLOAT ? ScalarType.Float
                : ScalarType.Double}) {
            try (PointerScope scope = new PointerScope(Tensor.class)) {
                Tensor content = Autograd.leaf(type, x, xShape);
                Tensor condition = Autograd.leaf(type, other, otherShape);
                Tensor expected = normalized(drawn, content, condition);
                compare(drawn.toString(), drawn.type(), ours, expected, Autograd.tensor(type, dy, xShape), content, condition);
            }
        }
    }

    /** Output of a vertex, and the gradients of both inputs. */
    static double[][] ours(ConditionedNorm conf, INDArray x, INDArray condition, INDArray dy) {
        ConditionedVertex vertex = conf.instantiate(null, "norm", 0, null, true, x.dataType());
        vertex.setInputVertices(new VertexIndices[2]);
        vertex.setInput(0, x, NONE);
        vertex.setInput(1, condition, NONE);
        double[] y = numbers(vertex.doForward(true, NONE));
        vertex.setEpsilon(dy);
        INDArray[] gradients = vertex.doBackward(false, NONE).getSecond();
        return new double[][]{y, numbers(gradients[0]), numbers(gradients[1])};
    }

    static void compare(String drawn, DataType type, double[][] ours, Tensor y, Tensor dy, Tensor content, Tensor condition) {
        Map<String, Tensor> gradients = Autograd.gradients(y, dy, Map.of("x", content, "other", condition));
        double[][] exact = {Autograd.numbers(y), Autograd.numbers(gradients.get("x")), Autograd.numbers(gradients.get("other"))};
        String[] names = {"y", "dx", "gradient of the condition"};
        for (int i = 0; i < names.length; i++) {
            assertThat(Deviations.of(exact[i], ours[i], 0)).as("deviation of %s: %s", names[i], drawn)
                    .isLessThan(Deviations.tolerance(type, ours[0].length));
        }
    }

    private static Tensor mean(Tensor a, long[] positions) {
        return a.mean(positions, true, new ScalarTypeOptional());
    }

    private static Tensor normalized(Case drawn, Tensor content, Tensor condition) {
        Tensor x = drawn.channelsLast() ? content.permute(drawn.toFirst()) : content;
        long[] positions = LongStream.range(2, drawn.shape().length).toArray();
        TensorOptional none = new TensorOptional();
        int groups = drawn.groups() <= 0 ? (int) drawn.shape()[1] : drawn.groups();
        Tensor plain = torch.group_norm(x.contiguous(), groups, none, none, EPS, false);
        Tensor gamma;
        Tensor beta;
        if (drawn.groups() < 0) {
            Tensor style = drawn.channelsLast() ? condition.permute(drawn.toFirst()) : condition;
            gamma = style.var(positions, false, true).add(new Scalar(EPS)).sqrt();
            beta = mean(style, positions);
        } else {
            long[] shape = LongStream.generate(() -> 1).limit(drawn.shape().length).toArray();
            shape[0] = drawn.shape()[0];
            shape[1] = drawn.shape()[1];
            gamma = condition.narrow(1, 0, shape[1]).reshape(shape).add(new Scalar(0.5));
            beta = condition.narrow(1, shape[1], shape[1]).reshape(shape);
        }
        Tensor y = plain.mul(gamma).add(beta);
        return drawn.channelsLast() ? y.permute(drawn.toLast()).contiguous() : y;
    }
}
