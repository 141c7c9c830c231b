// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jnorm.kernel.Blocks.Block;
import io.github.dl4jnorm.norm.Affine;
import io.github.dl4jnorm.norm.Moments;
import io.github.dl4jnorm.norm.Norm;
import io.github.dl4jnorm.norm.NormGradients;
import io.github.dl4jnorm.norm.Pool;
import io.github.dl4jnorm.norm.Pooling;
import io.github.dl4jnorm.norm.PositionNorm;
import io.github.dl4jnorm.norm.View;
import java.util.Random;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Pointer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nd4j.linalg.api.buffer.DataBuffer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** The buffers that kernels read and write through: never more than the block asked for, however far apart it lies. */
@EnabledIfSystemProperty(named = Kernels.PROPERTY, matches = "vector|scalar")
class WindowTest {
    /** Beyond the 2 GiB of a buffer, in elements of FLOAT. */
    private static final long FAR = (1L << 29) + 3;
    private static DataBuffer memory;

    @BeforeAll
    static void allocate() {
        Nd4j.getBackend();
        // From ND4J every page of it would be touched.
        memory = Nd4j.createBuffer(new FloatPointer(FAR + 100_000), FAR + 100_000, DataType.FLOAT);
    }

    @AfterAll
    static void free() {
        memory.close();
    }

    @Test
    void aWindowIsTheBlockAndNothingElse() {
        for (int seed = 0; seed < 60; seed++) {
            KernelCase drawn = new KernelCase(Kernels.get(), seed);
            Strided memory = Strided.of(drawn.x, drawn.view);
            if (memory == null) {
                continue;
            }
            Random random = new Random(seed);
            int[] n = range(random, drawn.n);
            int[] c = range(random, drawn.c);
            int[] s = range(random, drawn.s);
            Strided.Window window = memory.window(new Block(n[0], n[1], c[0], c[1], s[0], s[1]));
            int width = drawn.type.width();
            int last = window.at(n[1] - 1, c[1] - 1, s[1] - 1);
            assertThat(window.at(n[0], c[0], s[0])).as("%s", drawn).isZero();
            assertThat(window.memory.bytes.capacity()).as("%s", drawn).isEqualTo(last + width);
            Pointer first = new Pointer(window.memory.bytes);
            long from = drawn.x.data().pointer().address();
            long to = from + (drawn.x.offset() + extent(drawn.x)) * width;
            assertThat(first.address()).as("%s", drawn).isBetween(from, to - width);
            assertThat(first.address() + last + width).as("%s", drawn).isLessThanOrEqualTo(to);
            assertThatThrownBy(() -> window.memory.bytes.get(last + width)).as("%s", drawn)
                    .isInstanceOf(IndexOutOfBoundsException.class);
        }
    }

    private static int[] range(Random random, int size) {
        int from = random.nextInt(size);
        return new int[]{from, from + 1 + random.nextInt(size - from)};
    }

    private static long extent(INDArray array) {
        long extent = 1;
        for (int axis = 0; axis < array.rank(); axis++) {
            extent += (array.size(axis) - 1) * array.stride(axis);
        }
        return extent;
    }

    enum Way { BATCH, INSTANCE, LAYER, ROWS }

    /** Of the 2 GiB asked for only some pages are ever touched. Each example, and each channel, is a task of its own. */
    @ParameterizedTest
    @CsvSource({"BATCH, 2, 9, 4000", "BATCH, 2, 3, 20000", "INSTANCE, 2, 9, 4000", "LAYER, 9, 2, 300", "ROWS, 2, 9, 4000",
        "ROWS, 1, 2, 40000"})
    void inputsMoreThanTwoGibibytesApartGiveWhatTheirCopiesGive(Way way, int n, int c, int s) {
        INDArray near = Nd4j.createFromArray(new Random(3).doubles((long) n * c * s, -2, 3).toArray())
                .castTo(DataType.FLOAT).reshape(n, c, s);
        INDArray[] expected = run(way, near, near);
        INDArray[] actual = run(way, farApart(near, n == 2 ? 0 : 1), near);
        for (int i = 0; i < expected.length; i++) {
            assertThat(actual[i].sub(expected[i]).amaxNumber().doubleValue()).as("result %d", i).isLessThan(2e-5);
        }
    }

    @Test
    void anExampleOfTwoGibibytesIsAnErrorOfPositionNormsThatSaysSo() {
        INDArray x = Nd4j.ones(DataType.FLOAT, 1, 2, 40_000);
        INDArray y = farApart(x, 1);
        assertThatThrownBy(() -> Kernels.get().positionNorm(x, View.of(x.shape(), false), null,
                new PositionNorm(1, null, null, 1e-3), false, y)).isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll("smaller than 2 GiB", "[1, 2, 40000]", "channels-last");
    }

    /** The same numbers, with {@link #FAR} elements from one to the next along an axis of two, or as far as they fit. */
    private static INDArray farApart(INDArray near, int axis) {
        long[] strides = near.stride().clone();
        long[] shape = near.shape();
        strides[axis] = FAR / (shape[axis] - 1);
        INDArray far = Nd4j.create(memory, shape, strides, 0, 'c');
        double[] numbers = near.data().asDouble();
        for (int i = 0; i < numbers.length; i++) {
            long rest = i;
            long at = 0;
            for (int a = shape.length - 1; a >= 0; a--) {
                at += rest % shape[a] * strides[a];
                rest /= shape[a];
            }
            memory.put(at, numbers[i]);
        }
        return far;
    }

    private static INDArray[] run(Way way, INDArray x, INDArray dy) {
        NormKernels kernels = Kernels.get();
        View plain = View.of(x.shape(), false);
        INDArray y = Nd4j.create(DataType.FLOAT, x.shape());
        INDArray dx = Nd4j.create(DataType.FLOAT, x.shape());
        if (way == Way.ROWS) {
            PositionNorm norm = new PositionNorm(1, null, null, 1e-3);
            kernels.positionNorm(x, plain, null, norm, false, y);
            kernels.positionNormGrad(x, dy, plain, null, norm, null, false, dx);
            return new INDArray[]{y, dx};
        }
        View view = way == Way.BATCH ? plain.batchAsPositions() : plain;
        Pooling pooling = way == Way.BATCH ? Pooling.BATCH : way == Way.LAYER ? Pooling.LAYER
                : Pooling.instance(view.channels());
        int groups = pooling.groupsOf(view.channels());
        Moments cells = new Moments(view.examples(), view.channels());
        Norm norm = Norm.of(view.examples(), view.channels(), Pool.over(pooling, cells), null, null, 1e-3);
        kernels.normalize(x, view, null, groups, cells, norm, false, y);
        NormGradients gradients = new NormGradients(norm, true);
        kernels.normalizeGrad(x, dy, view, null, groups, norm, false, gradients, dx);
        INDArray same = Nd4j.create(DataType.FLOAT, x.shape());
        kernels.affine(x, view, null, Affine.IDENTITY, false, same);
        return new INDArray[]{y, dx, same};
    }
}
