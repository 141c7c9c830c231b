// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jnorm.norm.Affine;
import io.github.dl4jnorm.norm.GradAffine;
import io.github.dl4jnorm.norm.Moments;
import io.github.dl4jnorm.norm.Norm;
import io.github.dl4jnorm.norm.NormGradients;
import io.github.dl4jnorm.norm.Pool;
import io.github.dl4jnorm.norm.Pooling;
import io.github.dl4jnorm.norm.PositionNorm;
import io.github.dl4jnorm.norm.View;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataBuffer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.memory.conf.WorkspaceConfiguration;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** An array whose elements lie outside of its buffer is refused before one is read or written, and no other array is. */
class ExtentTest {
    private static final String MESSAGE = "elements lie within its buffer of 16 elements";

    /** What a pass reads or writes besides the array in question. */
    private interface Pass {
        void over(INDArray given, INDArray other, View view);
    }

    private static Map<String, Pass> passes() {
        NormKernels kernels = Kernels.get();
        PositionNorm rows = new PositionNorm(1, null, null, 1e-3);
        GradAffine none = (n, from, to, k, slopes, shifts) -> { };
        Map<String, Pass> passes = new LinkedHashMap<>();
        passes.put("moments", (bad, good, view) -> kernels.moments(bad, view, null));
        passes.put("affine of x", (bad, good, view) -> kernels.affine(bad, view, null, Affine.IDENTITY, false, good));
        passes.put("affine into y", (bad, good, view) -> kernels.affine(good, view, null, Affine.IDENTITY, false, bad));
        passes.put("gradSums of x", (bad, good, view) -> kernels.gradSums(bad, good, view, null, Affine.IDENTITY, false));
        passes.put("gradSums of dy", (bad, good, view) -> kernels.gradSums(good, bad, view, null, Affine.IDENTITY, false));
        passes.put("affineGrad into dx", (bad, good, view) ->
                kernels.affineGrad(good, good.dup(), view, null, Affine.IDENTITY, false, none, bad));
        passes.put("normalize of x", (bad, good, view) -> normalize(kernels, bad, view, good));
        passes.put("normalize into y", (bad, good, view) -> normalize(kernels, good, view, bad));
        passes.put("positionNorm of x", (bad, good, view) -> kernels.positionNorm(bad, view, null, rows, false, good));
        passes.put("positionNorm into y", (bad, good, view) -> kernels.positionNorm(good, view, null, rows, false, bad));
        passes.put("positionNormGrad of dy", (bad, good, view) ->
                kernels.positionNormGrad(good, bad, view, null, rows, null, false, good.dup()));
        return passes;
    }

    private static void normalize(NormKernels kernels, INDArray x, View view, INDArray y) {
        Moments cells = new Moments(view.examples(), view.channels());
        Norm norm = Norm.of(view.examples(), view.channels(), Pool.over(Pooling.LAYER, cells), null, null, 1e-3);
        kernels.normalize(x, view, null, 1, cells, norm, false, y);
        new NormGradients(norm, true);
    }

    static Stream<Arguments> outside() {
        return passes().keySet().stream().flatMap(pass -> Stream.of(
                Arguments.of(pass, new long[]{2, 8}, new long[]{100_000, 1}, 0),
                Arguments.of(pass, new long[]{2, 8}, new long[]{9, 1}, 0),
                Arguments.of(pass, new long[]{2, 8}, new long[]{8, 1}, 1),
                Arguments.of(pass, new long[]{2, 8}, new long[]{8, 1}, 1_000_000),
                Arguments.of(pass, new long[]{2, 8}, new long[]{Long.MAX_VALUE / 2, 1}, 0),
                Arguments.of(pass, new long[]{2, 8}, new long[]{-8, 1}, 0),
                Arguments.of(pass, new long[]{2, 2, 4}, new long[]{8, 4, 2}, 0),
                Arguments.of(pass, new long[]{2, 2, 4}, new long[]{4, 100, 1}, 0),
                Arguments.of(pass, new long[]{2, 2, 2, 2}, new long[]{8, 4, 3, 1_000_000_000}, 0)));
    }

    @ParameterizedTest
    @MethodSource("outside")
    void stridesThatLeadOutOfTheBufferAreRefused(String pass, long[] shape, long[] strides, long offset) {
        DataBuffer buffer = Nd4j.createBuffer(DataType.FLOAT, 16, true);
        INDArray bad = Nd4j.create(buffer, shape, strides, offset, 'c');
        INDArray good = Nd4j.ones(DataType.FLOAT, shape);
        assertThatThrownBy(() -> passes().get(pass).over(bad, good, View.of(shape, false)))
                .isInstanceOf(IllegalArgumentException.class).hasMessageContaining(MESSAGE);
        assertThat(good.minNumber().floatValue()).isEqualTo(1);
    }

    /** The view comes from the input; an output that is smaller would be written past its end. */
    @ParameterizedTest
    @EnumSource(value = DataType.class, names = {"FLOAT", "DOUBLE", "HALF"})
    void anOutputSmallerThanTheInputIsRefused(DataType type) {
        INDArray x = Nd4j.ones(type, 64, 8, 5);
        for (INDArray y : new INDArray[]{Nd4j.create(type, 2, 8, 5), Nd4j.create(type, 64, 8, 4)}) {
            passes().forEach((name, pass) -> {
                if (name.contains(" into ")) {
                    assertThatThrownBy(() -> pass.over(y, x, View.of(x.shape(), false))).as(name)
                            .isInstanceOf(RuntimeException.class);
                }
            });
            assertThat(y.maxNumber().doubleValue()).isZero();
        }
    }

    @Test
    void legalArraysOfEveryOriginAreTaken() throws IOException {
        INDArray wide = Nd4j.rand(DataType.FLOAT, 6, 10, 7);
        Map<String, INDArray> legal = new LinkedHashMap<>();
        legal.put("whole", wide);
        legal.put("rows of rows", wide.get(NDArrayIndex.interval(1, 6)).get(NDArrayIndex.interval(2, 4)));
        legal.put("last columns", wide.get(NDArrayIndex.all(), NDArrayIndex.interval(7, 10)));
        legal.put("steps", wide.get(NDArrayIndex.all(), NDArrayIndex.all(), NDArrayIndex.interval(0, 2, 6)));
        legal.put("last row", wide.get(NDArrayIndex.point(5)));
        legal.put("permuted", wide.permute(2, 0, 1));
        legal.put("f order", wide.dup('f'));
        legal.put("broadcast", Nd4j.rand(DataType.FLOAT, 1, 10, 1).broadcast(6, 10, 7));
        legal.put("stride 0", Nd4j.create(Nd4j.rand(DataType.FLOAT, 16).data(), new long[]{4, 4}, new long[]{0, 1}, 12, 'c'));
        legal.put("backwards", Nd4j.create(Nd4j.rand(DataType.FLOAT, 16).data(), new long[]{2, 8}, new long[]{-8, 1}, 8, 'c'));
        legal.put("reshaped part", wide.get(NDArrayIndex.interval(3, 6)).reshape(3, 70));
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        Nd4j.write(wide, new DataOutputStream(bytes));
        INDArray read = Nd4j.read(new DataInputStream(new ByteArrayInputStream(bytes.toByteArray())));
        legal.put("read from a stream", read);
        legal.put("part of one read from a stream", read.get(NDArrayIndex.interval(2, 6)));
        INDArray file = Nd4j.createNpyFromByteArray(Nd4j.toNpyByteArray(wide));
        legal.put("from NumPy's format", file);
        legal.put("from doubles", Nd4j.create(new double[]{1, 2, 3, 4, 5, 6}, new long[]{2, 3}, 'c').castTo(DataType.FLOAT));
        try (MemoryWorkspace space = Nd4j.getWorkspaceManager().getAndActivateWorkspace(
                WorkspaceConfiguration.builder().initialSize(1 << 20).build(), "extent")) {
            legal.put("in a workspace", Nd4j.rand(DataType.FLOAT, 3, 4, 5));
            legal.put("part in a workspace", Nd4j.rand(DataType.FLOAT, 9, 4, 5).get(NDArrayIndex.interval(5, 9)));
            legal.forEach((name, array) -> assertThatCode(() -> Kernels.get().affine(array, View.of(array.shape(), false), null,
                    Affine.IDENTITY, false, Nd4j.create(DataType.FLOAT, array.shape()))).as(name).doesNotThrowAnyException());
        }
    }

    @Test
    void arraysOfDifferentTypesAreNotTakenForEachOther() {
        INDArray x = Nd4j.ones(DataType.FLOAT, 4, 8);
        INDArray y = Nd4j.create(DataType.HALF, 4, 8);
        if (Kernels.get().name().equals("nd4j")) {
            return;
        }
        assertThatThrownBy(() -> Kernels.get().affine(x, View.of(x.shape(), false), null, Affine.IDENTITY, false, y))
                .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("the same type, got FLOAT and HALF");
    }
}
