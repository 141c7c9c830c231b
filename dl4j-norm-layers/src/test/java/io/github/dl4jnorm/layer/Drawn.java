// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.conf.NormLayer;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** A drawn input, what a layer makes of it in training mode, and what holds for that. */
final class Drawn {
    private static final double TOLERANCE = 1e-9;

    final Kind kind;
    final Random random;
    final long[] shape;
    final int channels;
    final INDArray x;
    final INDArray dy;
    private final Supplier<NormLayer> norm;

    Drawn(Supplier<NormLayer> norm, Kind kind, long seed) {
        this.norm = norm;
        this.kind = kind;
        random = new Random(seed);
        channels = 2 + 2 * random.nextInt(4);
        shape = NormCases.shape(kind, 2 + random.nextInt(4), channels, 1 + random.nextInt(4), 2 + random.nextInt(6));
        x = NormCases.gaussian(random, 0.7, 2, shape);
        dy = NormCases.gaussian(random, 0.2, 1, shape);
    }

    /** Both passes. */
    record Result(INDArray y, INDArray dx, Map<String, double[]> gradients) {
        void assertSame(Result expected) {
            assertClose(y, expected.y, "y");
            assertClose(dx, expected.dx, "dx");
            expected.gradients.forEach((name, numbers) -> assertClose(gradients.get(name), numbers, "gradient of " + name));
        }

        Result take(int axis, int[] order) {
            return new Result(Drawn.take(y, axis, order), Drawn.take(dx, axis, order), gradients);
        }
    }

    NormLayer conf(double eps) {
        NormLayer conf = norm.get();
        conf.setEps(eps);
        return conf;
    }

    LayerUnderTest layer() {
        return NormCases.layer(conf(1e-3), kind, channels, DataType.DOUBLE);
    }

    Result run(double eps, INDArray ofX, INDArray ofDy) {
        return run(NormCases.layer(conf(eps), kind, channels, DataType.DOUBLE), ofX, ofDy);
    }

    static Result run(LayerUnderTest layer, INDArray x, INDArray dy) {
        INDArray y = layer.forward(x, true);
        INDArray dx = layer.dx(dy);
        Map<String, double[]> gradients = new LinkedHashMap<>();
        layer.layer.layerConf().initializer().getGradientsFromFlattened(layer.layer.conf(), layer.gradients)
                .forEach((name, array) -> gradients.put(name, TestNetwork.numbers(array)));
        return new Result(y, dx, gradients);
    }

    int channelAxis() {
        return kind.channelsLast ? shape.length - 1 : 1;
    }

    /** Any of the axes of positions. */
    int positionAxis() {
        return kind.channelsLast ? shape.length - 2 : shape.length - 1;
    }

    private int[] shuffled(int axis) {
        int[] order = IntStream.range(0, (int) shape[axis]).toArray();
        for (int i = order.length - 1; i > 0; i--) {
            int j = random.nextInt(i + 1);
            int kept = order[i];
            order[i] = order[j];
            order[j] = kept;
        }
        return order;
    }

    /** Some of an array along an axis, in a new order. */
    static INDArray take(INDArray array, int axis, int[] order) {
        long[] shape = array.shape().clone();
        int size = (int) shape[axis];
        int inner = (int) LongStream.of(shape).skip(axis + 1).reduce(1, (a, b) -> a * b);
        int outer = (int) (array.length() / inner / size);
        double[] from = TestNetwork.numbers(array);
        double[] to = new double[outer * order.length * inner];
        for (int o = 0; o < outer; o++) {
            for (int i = 0; i < order.length; i++) {
                System.arraycopy(from, (o * size + order[i]) * inner, to, (o * order.length + i) * inner, inner);
            }
        }
        shape[axis] = order.length;
        return Nd4j.createFromArray(to).reshape('c', shape);
    }

    static void assertClose(INDArray actual, INDArray expected, String what) {
        assertThat(actual.shape()).isEqualTo(expected.shape());
        assertClose(TestNetwork.numbers(actual), TestNetwork.numbers(expected), what);
    }

    static void assertClose(double[] actual, double[] expected, String what) {
        double largest = Arrays.stream(expected).map(Math::abs).max().orElse(0);
        for (int i = 0; i < expected.length; i++) {
            if (!(Math.abs(actual[i] - expected[i]) <= TOLERANCE * Math.max(1, largest))) {
                assertThat(actual[i]).as("%s[%d]", what, i).isEqualTo(expected[i]);
            }
        }
    }

    /** norm(αx, α^power·eps) = norm(x, eps). */
    void scalingChangesNothing(int power) {
        Result expected = run(1e-3, x, dy);
        for (double alpha : new double[]{1e-3, 12.7, 3e5}) {
            Result scaled = run(1e-3 * Math.pow(alpha, power), x.mul(alpha), dy);
            new Result(scaled.y, scaled.dx.mul(alpha), scaled.gradients).assertSame(expected);
        }
    }

    void anotherOrderComesOutInThatOrder(int axis) {
        int[] order = shuffled(axis);
        Result expected = run(1e-3, x, dy).take(axis, order);
        run(1e-3, take(x, axis, order), take(dy, axis, order)).assertSame(expected);
    }

    void anExampleAloneIsAsInABatch() {
        Result together = run(1e-3, x, dy);
        for (int n = 0; n < shape[0]; n++) {
            int[] one = {n};
            Result alone = run(1e-3, take(x, 0, one), take(dy, 0, one));
            assertClose(alone.y, take(together.y, 0, one), "y");
            assertClose(alone.dx, take(together.dx, 0, one), "dx");
        }
    }

    void maskingIsDeleting() {
        int[] axes = kind.dense() ? new int[]{0} : new int[]{0, positionAxis()};
        for (int axis : axes) {
            int[] kept = IntStream.range(0, (int) shape[axis]).filter(i -> i % 3 != 1).toArray();
            Result masked = run(layer().mask(mask(axis, kept)), x, dy).take(axis, kept);
            masked.assertSame(run(1e-3, take(x, axis, kept), take(dy, axis, kept)));
        }
    }

    /** As Deeplearning4j makes them: [N, 1], [N, T], or channels first with 1 for what is broadcast. */
    private INDArray mask(int axis, int[] kept) {
        INDArray mask = Nd4j.zeros(DataType.DOUBLE, shape[0], axis == 0 ? 1 : shape[axis]);
        for (int i : kept) {
            if (axis == 0) {
                mask.getRow(i).assign(1);
            } else {
                mask.getColumn(i).assign(1);
            }
        }
        if (axis == 0 || kind.rnn()) {
            return mask;
        }
        long[] full = new long[shape.length];
        Arrays.fill(full, 1);
        full[0] = shape[0];
        full[full.length - 1] = shape[axis];
        return mask.reshape(full);
    }
}
