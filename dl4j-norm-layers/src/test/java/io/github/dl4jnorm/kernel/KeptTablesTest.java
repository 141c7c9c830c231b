// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jnorm.norm.Moments;
import io.github.dl4jnorm.norm.Norm;
import io.github.dl4jnorm.norm.NormGradients;
import io.github.dl4jnorm.norm.Pool;
import io.github.dl4jnorm.norm.Pooling;
import io.github.dl4jnorm.norm.PositionNorm;
import io.github.dl4jnorm.norm.View;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** A thread keeps tables from one pass to the next: what was in them must not matter, however long they are. */
class KeptTablesTest {
    /** Many channels, then few, then many; small input, so that all is done by the thread that calls. */
    private static final long[][] SHAPES = {{2, 96, 5, 5}, {3, 2, 4, 4}, {2, 200, 3, 3}, {4, 1, 7, 9}, {2, 16, 8, 8},
        {1, 400, 2, 2}};

    @ParameterizedTest
    @EnumSource(value = DataType.class, names = {"FLOAT", "DOUBLE", "HALF"})
    void passesOfOneThreadGiveTheBitsOfThoseOfNewThreads(DataType type) {
        List<INDArray> apart = new ArrayList<>();
        List<INDArray> inTurn = new ArrayList<>();
        for (int i = 0; i < 2 * SHAPES.length; i++) {
            long[] shape = SHAPES[i % SHAPES.length];
            boolean channelsLast = i >= SHAPES.length;
            apart.addAll(CompletableFuture.supplyAsync(() -> passes(type, shape, channelsLast), task -> new Thread(task).start())
                    .join());
            inTurn.addAll(passes(type, shape, channelsLast));
        }
        assertThat(inTurn).isEqualTo(apart);
    }

    @Test
    void aPassThatFailsLeavesNothingBehind() {
        List<INDArray> before = passes(DataType.FLOAT, SHAPES[0], false);
        for (boolean channelsLast : new boolean[]{false, true}) {
            INDArray x = random(DataType.FLOAT, SHAPES[2], channelsLast);
            View view = View.of(x.shape(), channelsLast);
            assertThatThrownBy(() -> Kernels.get().affine(x, view, null, (n, from, to, into) -> {
                throw new IllegalStateException("no coefficients");
            }, false, x.ulike())).hasMessage("no coefficients");
        }
        assertThat(passes(DataType.FLOAT, SHAPES[0], false)).isEqualTo(before);
    }

    /** Output, gradients of input, gamma and beta of norms over groups, the batch and positions. */
    private static List<INDArray> passes(DataType type, long[] shape, boolean channelsLast) {
        NormKernels kernels = Kernels.get();
        INDArray x = random(type, shape, channelsLast);
        INDArray dy = x.mul(0.5).addi(1);
        View plain = View.of(x.shape(), channelsLast);
        List<INDArray> results = new ArrayList<>();
        for (Pooling pooling : new Pooling[]{Pooling.LAYER, Pooling.instance(plain.channels()), Pooling.BATCH}) {
            View view = pooling == Pooling.BATCH ? plain.batchAsPositions() : plain;
            Moments cells = new Moments(view.examples(), view.channels());
            Norm norm = Norm.of(view.examples(), view.channels(), Pool.over(pooling, cells), null, null, 1e-3);
            INDArray y = Nd4j.create(type, x.shape());
            INDArray dx = Nd4j.create(type, x.shape());
            int groups = pooling.groupsOf(view.channels());
            kernels.normalize(x, view, null, groups, cells, norm, true, y);
            NormGradients gradients = new NormGradients(norm, true);
            kernels.normalizeGrad(x, dy, view, null, groups, norm, true, gradients, dx);
            results.addAll(List.of(y, dx, Nd4j.createFromArray(gradients.gamma()), Nd4j.createFromArray(gradients.beta())));
        }
        PositionNorm norm = new PositionNorm(1, null, null, 1e-3);
        INDArray y = Nd4j.create(type, x.shape());
        INDArray dx = Nd4j.create(type, x.shape());
        kernels.positionNorm(x, plain, null, norm, false, y);
        PositionNorm.Gradients gradients = kernels.positionNormGrad(x, dy, plain, null, norm, null, false, dx);
        results.addAll(List.of(y, dx, Nd4j.createFromArray(gradients.gamma()), Nd4j.createFromArray(gradients.beta())));
        return results;
    }

    private static INDArray random(DataType type, long[] shape, boolean channelsLast) {
        long length = shape[0] * shape[1] * shape[2] * shape[3];
        INDArray x = Nd4j.createFromArray(new Random(length).doubles(length, -2, 3).toArray()).castTo(type);
        return channelsLast ? x.reshape(shape[0], shape[2], shape[3], shape[1]) : x.reshape(shape);
    }
}
