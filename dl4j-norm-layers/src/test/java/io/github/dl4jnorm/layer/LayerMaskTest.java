// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.Thinned;
import io.github.dl4jnorm.layer.GradientCheckTest.Norm;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** Masks of every shape: what is masked plays no part, and gradients agree with finite differences. */
@Tag("long")
@Tag("vectors-first")
class LayerMaskTest {

    static Stream<Arguments> cases() {
        return Thinned.cases(Stream.of(Norm.values()).flatMap(norm -> Stream.of(
                Arguments.of(norm, shape(4, 4), false, shape(4, 1)),
                Arguments.of(norm, shape(3, 4, 5), false, shape(3, 5)),
                Arguments.of(norm, shape(3, 5, 4), true, shape(3, 5)),
                Arguments.of(norm, shape(3, 4, 5), false, shape(3, 1)),
                Arguments.of(norm, shape(3, 4, 2, 5), false, shape(3, 1, 1, 5)),
                Arguments.of(norm, shape(3, 4, 2, 5), false, shape(3, 1, 2, 1)),
                Arguments.of(norm, shape(3, 4, 2, 5), false, shape(3, 1, 2, 5)),
                Arguments.of(norm, shape(3, 2, 5, 4), true, shape(3, 1, 2, 5)),
                Arguments.of(norm, shape(3, 4, 2, 5), false, shape(3, 4, 1, 1)),
                Arguments.of(norm, shape(3, 4, 2, 5), false, shape(3, 4, 2, 5)),
                Arguments.of(norm, shape(3, 2, 5, 4), true, shape(3, 4, 2, 5)),
                Arguments.of(norm, shape(3, 4, 2, 5), false, shape(3, 1)),
                Arguments.of(norm, shape(2, 4, 2, 2, 3), false, shape(2, 1, 2, 2, 3)),
                Arguments.of(norm, shape(2, 2, 2, 3, 4), true, shape(2, 1, 1, 2, 3)))
                .filter(a -> ((long[]) a.get()[1]).length > 2
                        || norm != Norm.INSTANCE && norm != Norm.INSTANCE_TANH)));
    }

    private static long[] shape(long... dimensions) {
        return dimensions;
    }

    @ParameterizedTest
    @MethodSource("cases")
    void maskedElementsPlayNoPartAndGradientsAreRight(Norm norm, long[] shape, boolean last, long[] maskShape) {
        Random random = new Random(Arrays.hashCode(shape) + norm.ordinal());
        INDArray x = random(random, shape);
        INDArray dy = random(random, shape);
        INDArray mask = Nd4j.ones(DataType.DOUBLE, maskShape);
        for (long i = 0; i < mask.length(); i += 3) {
            mask.putScalar(i, 0);
        }
        INDArray keep = broadcast(mask, shape, last);
        LayerUnderTest layer = layer(norm, shape, last).mask(mask);

        INDArray poisoned = x.dup();
        INDArray poisonedDy = dy.dup();
        for (long i = 0; i < keep.length(); i++) {
            if (keep.getDouble(i) == 0) {
                poisoned.putScalar(i, i % 2 == 0 ? Double.NaN : 1e30);
                poisonedDy.putScalar(i, Double.NaN);
            }
        }
        INDArray y = layer.forward(poisoned, true);
        INDArray dx = layer.dx(poisonedDy).dup();
        INDArray gradients = layer.gradients.dup();
        for (long i = 0; i < keep.length(); i++) {
            assertThat(y.getDouble(i)).isFinite();
            assertThat(dx.getDouble(i)).isFinite();
            if (keep.getDouble(i) == 0) {
                assertThat(y.getDouble(i)).isZero();
                assertThat(dx.getDouble(i)).isZero();
            }
        }
        for (long i = 0; i < x.length(); i++) {
            double numeric = numeric(layer, x, i, dy, keep);
            assertThat(dx.getDouble(i)).as("dx[%d]", i).isCloseTo(numeric, within(1e-6 * (1 + Math.abs(numeric))));
        }
        for (long i = 0; i < layer.params.length(); i++) {
            if (isTrained(layer, i)) {
                double numeric = numeric(layer, layer.params, i, dy, keep, x);
                assertThat(gradients.getDouble(i)).as("gradient %d", i)
                        .isCloseTo(numeric, within(1e-6 * (1 + Math.abs(numeric))));
            }
        }
    }

    private static boolean isTrained(LayerUnderTest layer, long index) {
        long start = 0;
        for (var parameter : layer.layer.layerConf().parameters()) {
            start += parameter.length();
            if (index < start) {
                return parameter.isTrained();
            }
        }
        return false;
    }

    private static double numeric(LayerUnderTest layer, INDArray x, long i, INDArray dy, INDArray keep) {
        return numeric(layer, x, i, dy, keep, x);
    }

    /** Central difference of Σ dy·y over kept elements with respect to one number. */
    private static double numeric(LayerUnderTest layer, INDArray of, long i, INDArray dy, INDArray keep, INDArray x) {
        double value = of.getDouble(i);
        double step = 1e-5;
        of.putScalar(i, value + step);
        double up = layer.forward(x, true).mul(dy).muli(keep).sumNumber().doubleValue();
        of.putScalar(i, value - step);
        double down = layer.forward(x, true).mul(dy).muli(keep).sumNumber().doubleValue();
        of.putScalar(i, value);
        return (up - down) / (2 * step);
    }

    private static LayerUnderTest layer(Norm norm, long[] shape, boolean last) {
        var conf = norm.layer();
        conf.setChannelsLast(last);
        LayerUnderTest layer = new LayerUnderTest(conf, shape[last ? shape.length - 1 : 1] , DataType.DOUBLE);
        return layer;
    }

    private static INDArray random(Random random, long[] shape) {
        long length = Arrays.stream(shape).reduce(1, (a, b) -> a * b);
        return Nd4j.createFromArray(random.doubles(length, -2, 3).toArray()).reshape('c', shape);
    }

    /** The mask with the shape of the input, made with ND4J alone. */
    private static INDArray broadcast(INDArray mask, long[] shape, boolean last) {
        int rank = shape.length;
        long[] first = shape.clone();
        if (last) {
            first[1] = shape[rank - 1];
            System.arraycopy(shape, 1, first, 2, rank - 2);
        }
        long[] aligned = new long[rank];
        Arrays.fill(aligned, 1);
        aligned[0] = mask.size(0);
        if (mask.rank() == rank) {
            aligned = mask.shape();
        } else if (rank == 3) {
            aligned[2] = mask.size(1);
        }
        INDArray full = Nd4j.ones(DataType.DOUBLE, first).muli(mask.reshape('c', aligned).broadcast(first));
        if (!last) {
            return full;
        }
        int[] back = new int[rank];
        back[rank - 1] = 1;
        for (int i = 1; i < rank - 1; i++) {
            back[i] = i + 1;
        }
        return full.permute(back).dup('c');
    }

    @Test
    void paddingASequenceChangesNothing() {
        Random random = new Random(5);
        INDArray whole = random(random, new long[]{2, 4, 3});
        INDArray padded = Nd4j.valueArrayOf(new long[]{2, 4, 5}, 9.0, DataType.DOUBLE);
        padded.get(NDArrayIndex.all(), NDArrayIndex.all(), NDArrayIndex.interval(0, 3)).assign(whole);
        INDArray mask = Nd4j.createFromArray(new double[][]{{1, 1, 1, 0, 0}, {1, 1, 1, 0, 0}});
        for (Norm norm : Norm.values()) {
            INDArray expected = layer(norm, new long[]{2, 4, 3}, false).forward(whole, true);
            INDArray actual = layer(norm, new long[]{2, 4, 5}, false).mask(mask).forward(padded, true)
                    .get(NDArrayIndex.all(), NDArrayIndex.all(), NDArrayIndex.interval(0, 3));
            assertThat(actual.dup().equalsWithEps(expected, 1e-12)).as(norm.name()).isTrue();
        }
    }

    @Test
    void anAllMaskedExampleCountsForNothing() {
        Random random = new Random(6);
        INDArray x = random(random, new long[]{3, 4, 5});
        INDArray others = x.get(NDArrayIndex.interval(0, 2)).dup();
        INDArray mask = Nd4j.ones(DataType.DOUBLE, 3, 5);
        mask.getRow(2).assign(0);
        for (Norm norm : Norm.values()) {
            LayerUnderTest layer = layer(norm, x.shape(), false).mask(mask);
            INDArray y = layer.forward(x, true);
            INDArray dx = layer.dx(Nd4j.ones(DataType.DOUBLE, 3, 4, 5));
            assertThat(y.get(NDArrayIndex.point(2)).amaxNumber().doubleValue()).as(norm.name()).isZero();
            assertThat(dx.get(NDArrayIndex.point(2)).amaxNumber().doubleValue()).as(norm.name()).isZero();
            INDArray expected = layer(norm, others.shape(), false).forward(others, true);
            assertThat(y.get(NDArrayIndex.interval(0, 2)).dup().equalsWithEps(expected, 1e-12)).as(norm.name()).isTrue();
        }
    }
}
