// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.conf.MeanOnlyBatchNormalization;
import io.github.dl4jnorm.conf.ScaleNormalization;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Norms that libtorch does not have, with numbers from the formulas of their papers. */
class WorkedFormulaTest {
    @Test
    void scaleNormGivesEveryPositionOneLength() {
        INDArray x = Nd4j.createFromArray(new double[][][]{{{3, 0}, {4, -2}}, {{-5, 8}, {12, 6}}});
        LayerUnderTest layer = new LayerUnderTest(new ScaleNormalization.Builder().build(), 2, DataType.DOUBLE);
        assertThat(numbers(layer.param("gamma"))).containsExactly(new double[]{Math.sqrt(2)}, within(1e-12));
        layer.param("gamma").assign(13);
        assertThat(numbers(layer.forward(x, true)))
                .containsExactly(new double[]{7.8, 0, 10.4, -13, -5, 10.4, 12, 7.8}, within(1e-12));
    }

    @Test
    void meanOnlyBatchNormSubtractsTheMeanOfEachChannel() {
        INDArray x = Nd4j.createFromArray(new double[][][]{{{1, 3}, {5, 5}}, {{0, 4}, {7, -1}}});
        LayerUnderTest layer = new LayerUnderTest(new MeanOnlyBatchNormalization.Builder().build(), 2, DataType.DOUBLE);
        assertThat(numbers(layer.forward(x, true))).containsExactly(new double[]{-1, 1, 1, 1, -2, 2, 3, -5}, within(1e-12));
        assertThat(layer.layer.paramTable()).containsOnlyKeys("beta", "mean");
        layer.param("mean").assign(Nd4j.createFromArray(0.5, -1));
        assertThat(numbers(layer.forward(x, false)))
                .containsExactly(new double[]{0.5, 2.5, 6, 6, -0.5, 3.5, 8, 0}, within(1e-12));
    }

    private static double[] numbers(INDArray array) {
        return array.dup('c').data().asDouble();
    }
}
