// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.conf.DynamicErf;
import io.github.dl4jnorm.conf.DynamicTanh;
import io.github.dl4jnorm.conf.EvoNormB0;
import io.github.dl4jnorm.conf.EvoNormS0;
import io.github.dl4jnorm.conf.InstanceBatchNormalization;
import io.github.dl4jnorm.conf.LayerScale;
import io.github.dl4jnorm.conf.MeanOnlyBatchNormalization;
import io.github.dl4jnorm.conf.ScaleNormalization;
import io.github.dl4jnorm.conf.SplitBatchNormalization;
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

    @Test
    void layerScaleStartsAlmostAtZero() {
        INDArray x = Nd4j.createFromArray(new double[][]{{3, -4}, {0.5, 2}});
        LayerUnderTest layer = new LayerUnderTest(new LayerScale(), 2, DataType.DOUBLE);
        assertThat(numbers(layer.forward(x, true))).containsExactly(new double[]{3e-6, -4e-6, 5e-7, 2e-6}, within(1e-18));
        assertThat(layer.layer.paramTable()).containsOnlyKeys("gamma");
    }

    /** tanh(½) = (e − 1)/(e + 1). */
    @Test
    void dynamicTanhBoundsTheElements() {
        INDArray x = Nd4j.createFromArray(new double[][]{{1, 0}, {-1, 1e300}});
        LayerUnderTest layer = new LayerUnderTest(new DynamicTanh(), 2, DataType.DOUBLE);
        double half = (Math.E - 1) / (Math.E + 1);
        assertThat(numbers(layer.forward(x, true))).containsExactly(new double[]{half, 0, -half, 1}, within(1e-15));
        layer.param("alpha").assign(0.25);
        layer.param("gamma").assign(Nd4j.createFromArray(2.0, -3));
        layer.param("beta").assign(Nd4j.createFromArray(1.0, 10));
        assertThat(numbers(layer.forward(x.mul(2), true)))
                .containsExactly(new double[]{1 + 2 * half, 10, 1 - 2 * half, 7}, within(1e-15));
    }

    /** 1 − tanh² has no digits left there: tanh is 1 in FLOAT from 9 on. */
    @Test
    void dynamicTanhKeepsTheDigitsOfItsSlopeWhereItIsSaturated() {
        INDArray x = Nd4j.createFromArray(new float[][]{{0, -6}, {16, -20}, {32, 200}});
        LayerUnderTest layer = new LayerUnderTest(new DynamicTanh(), 2, DataType.FLOAT);
        layer.forward(x, true);
        INDArray dx = layer.dx(Nd4j.onesLike(x));
        for (int row = 0; row < 3; row++) {
            for (int column = 0; column < 2; column++) {
                double slope = 0.5 / Math.pow(Math.cosh(0.5 * x.getDouble(row, column)), 2);
                assertThat(dx.getDouble(row, column)).isCloseTo(slope, within(1e-35 + 1e-6 * slope));
            }
        }
    }

    /** erf(½) = 0.520499877813046537… and erf(1) = 0.842700792949714869… */
    @Test
    void dynamicErfBoundsTheElements() {
        INDArray x = Nd4j.createFromArray(new double[][]{{1, 0}, {-2, -1e300}});
        LayerUnderTest layer = new LayerUnderTest(new DynamicErf(), 2, DataType.DOUBLE);
        assertThat(numbers(layer.forward(x, true)))
                .containsExactly(new double[]{0.5204998778130465, 0, -0.8427007929497149, -1}, within(1e-15));
        layer.param("shift").assign(0.5);
        layer.param("gamma").assign(Nd4j.createFromArray(2.0, -3));
        assertThat(numbers(layer.forward(x, true)))
                .containsExactly(new double[]{1.6854015858994297, -1.5614996334391396, -1.0409997556260931, 3}, within(1e-15));
    }

    /** Variances 1 and 4 over the two channels of a group; sigmoid(ln 3) = 3/4 and sigmoid(−ln 3) = 1/4. */
    @Test
    void evoNormS0DividesGatedElementsByTheDeviationOfTheirGroup() {
        INDArray x = Nd4j.createFromArray(new double[][][]{{{1, 1}, {-1, -1}}, {{2, 2}, {-2, -2}}});
        LayerUnderTest layer = new LayerUnderTest(new EvoNormS0.Builder(1).eps(0).build(), 2, DataType.DOUBLE);
        layer.param("v").assign(Math.log(3));
        double third = 1 / (1 + Math.exp(-2 * Math.log(3)));
        assertThat(numbers(layer.forward(x, true)))
                .containsExactly(new double[]{0.75, 0.75, -0.25, -0.25, third, third, third - 1, third - 1}, within(1e-15));
    }

    /** Deviation 2 over the batch; of the instances, 1 and √7. */
    @Test
    void evoNormB0DividesByTheLargerDeviation() {
        double root = Math.sqrt(7);
        INDArray x = Nd4j.createFromArray(new double[][][]{{{1, -1}}, {{root, -root}}});
        LayerUnderTest layer = new LayerUnderTest(new EvoNormB0.Builder().eps(0).build(), 1, DataType.DOUBLE);
        assertThat(numbers(layer.forward(x, true))).containsExactly(new double[]{0.5, -0.5, 0.5, -root / 2}, within(1e-15));
        layer.param("var").assign(0.25);
        assertThat(layer.layer.paramTable()).containsOnlyKeys("gamma", "beta", "v", "var");
        assertThat(numbers(layer.forward(x, false))).containsExactly(new double[]{0.5, -2, 0.5, -2 * root}, within(1e-15));
    }

    @Test
    void ibnNormalizesTheFirstHalfByInstanceAndTheOthersByBatch() {
        INDArray x = Nd4j.createFromArray(new double[][][]{{{5, 9}, {1, 1}, {0, 4}}, {{-3, -1}, {-1, -1}, {4, 0}}});
        LayerUnderTest layer = new LayerUnderTest(new InstanceBatchNormalization.Builder().eps(0).build(), 3, DataType.DOUBLE);
        assertThat(numbers(layer.forward(x, true)))
                .containsExactly(new double[]{-1, 1, 1, 1, -1, 1, -1, 1, -1, -1, 1, -1}, within(1e-15));
        layer.layer.setRunningStatistics(new double[]{100, 2, 1}, new double[]{100, 4, 1});
        assertThat(numbers(layer.forward(x, false)))
                .containsExactly(new double[]{-1, 1, -0.5, -0.5, -1, 3, -1, 1, -1.5, -1.5, 3, -1}, within(1e-15));
    }

    @Test
    void splitBatchNormHasStatisticsForEachHalfOfABatch() {
        INDArray x = Nd4j.createFromArray(new double[][]{{1, 0}, {3, 4}, {10, 5}, {14, 9}});
        LayerUnderTest layer = new LayerUnderTest(new SplitBatchNormalization.Builder().eps(0).build(), 2, DataType.DOUBLE);
        layer.param("gamma1").assign(3);
        layer.param("beta1").assign(1);
        assertThat(numbers(layer.forward(x, true))).containsExactly(new double[]{-1, -1, 1, 1, -2, -2, 4, 4}, within(1e-15));
        layer.dx(x);
        // A tenth of the mean, and of the unbiased variance on the way from 1.
        assertThat(numbers(layer.param("mean1"))).containsExactly(new double[]{1.2, 0.7}, within(1e-15));
        assertThat(numbers(layer.param("var1"))).containsExactly(new double[]{1.7, 1.7}, within(1e-15));
        layer.layer.setRunningStatistics(new double[]{2, 1}, new double[]{4, 1});
        assertThat(numbers(layer.forward(x, false))).containsExactly(new double[]{-0.5, -1, 0.5, 3, 4, 4, 6, 8}, within(1e-15));
    }

    private static double[] numbers(INDArray array) {
        return array.dup('c').data().asDouble();
    }
}
