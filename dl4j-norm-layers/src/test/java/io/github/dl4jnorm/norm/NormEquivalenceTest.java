// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.norm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.norm.NormCase.Kind;
import io.github.dl4jnorm.norm.NormCase.Masking;
import io.github.dl4jnorm.norm.NormCase.Result;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Norms that have to agree because one is a special case of the other. */
@Tag("once")
class NormEquivalenceTest {
    private static final Offset<Double> CLOSE = within(1e-12);
    private static final int SEEDS = 10;

    @ParameterizedTest
    @EnumSource(Masking.class)
    void groupNormWithOneGroupEqualsLayerNorm(Masking masking) {
        for (long seed = 0; seed < SEEDS; seed++) {
            NormCase drawn = new NormCase(Kind.LAYER, masking, true, true, seed);
            assertSame(drawn, with(drawn, Pooling.group(1), drawn.moments()), drawn.norm());
            // The statistics of layer norm, gathered as those of one channel with all positions.
            Moments folded = new Moments(1, drawn.n);
            for (int cell = 0; cell < drawn.n * drawn.c; cell++) {
                Moments cells = drawn.moments();
                folded.merge(cell / drawn.c, cells.count(cell), cells.mean(cell), cells.squares(cell));
            }
            Pool pooled = Pool.ofPooled(Pooling.LAYER, drawn.c, folded);
            assertSame(drawn, Norm.of(drawn.n, drawn.c, pooled, drawn.gamma, drawn.beta, drawn.eps), drawn.norm());
        }
    }

    @ParameterizedTest
    @EnumSource(Masking.class)
    void groupNormWithAGroupForEachChannelEqualsInstanceNorm(Masking masking) {
        for (long seed = 0; seed < SEEDS; seed++) {
            NormCase drawn = new NormCase(Kind.INSTANCE, masking, true, true, seed);
            assertSame(drawn, with(drawn, Pooling.group(drawn.c), drawn.moments()), drawn.norm());
            Pool unpooled = Pool.ofPooled(Pooling.instance(drawn.c), drawn.c, drawn.moments());
            assertSame(drawn, Norm.of(drawn.n, drawn.c, unpooled, drawn.gamma, drawn.beta, drawn.eps), drawn.norm());
        }
    }

    @ParameterizedTest
    @EnumSource(Masking.class)
    void batchNormOfOneExampleEqualsInstanceNorm(Masking masking) {
        for (long seed = 0; seed < SEEDS; seed++) {
            NormCase drawn = new NormCase(Kind.INSTANCE, masking, true, true, seed);
            Moments cells = drawn.moments();
            Affine.Coefficients batch = new Affine.Coefficients(drawn.c);
            Affine.Coefficients instance = new Affine.Coefficients(drawn.c);
            for (int n = 0; n < drawn.n; n++) {
                Moments alone = new Moments(1, drawn.c);
                for (int c = 0; c < drawn.c; c++) {
                    int cell = n * drawn.c + c;
                    alone.merge(c, cells.count(cell), cells.mean(cell), cells.squares(cell));
                }
                Pool pool = Pool.of(Pooling.BATCH, alone);
                Norm.of(1, drawn.c, pool, drawn.gamma, drawn.beta, drawn.eps).row(0, 0, drawn.c, batch);
                drawn.norm().row(n, 0, drawn.c, instance);
                assertThat(batch.scale).as("scale, example %d of %s", n, drawn).containsExactly(instance.scale);
                assertThat(batch.center).as("center, example %d of %s", n, drawn).containsExactly(instance.center);
                assertThat(batch.shift).as("shift, example %d of %s", n, drawn).containsExactly(instance.shift);
                assertThat(batch.unit).as("unit, example %d of %s", n, drawn).containsExactly(instance.unit);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(value = Kind.class, names = {"SWITCHABLE", "SWITCHABLE_WITH_CONSTANT_BATCH"})
    void switchableNormWithOneWeightEqualsThatPart(Kind kind) {
        for (long seed = 0; seed < SEEDS; seed++) {
            for (Masking masking : Masking.values()) {
                NormCase drawn = new NormCase(kind, masking, true, true, seed);
                for (int k = 0; k < 3; k++) {
                    double[] weights = new double[3];
                    weights[k] = 1;
                    Norm mixed = drawn.mixture(weights, weights);
                    Norm part = Norm.of(drawn.n, drawn.c, mixed.parts().get(k), drawn.gamma, drawn.beta, drawn.eps);
                    assertSame(drawn, mixed, part);
                }
            }
        }
    }

    @Test
    void switchableNormTakesMeanAndVarianceFromDifferentParts() {
        NormCase drawn = new NormCase(Kind.SWITCHABLE, Masking.NONE, true, true, 5);
        Norm mixed = drawn.mixture(new double[]{1, 0, 0}, new double[]{0, 1, 0});
        Affine.Coefficients both = new Affine.Coefficients(drawn.c);
        Affine.Coefficients instance = new Affine.Coefficients(drawn.c);
        Affine.Coefficients layer = new Affine.Coefficients(drawn.c);
        for (int n = 0; n < drawn.n; n++) {
            mixed.row(n, 0, drawn.c, both);
            Norm.of(drawn.n, drawn.c, mixed.parts().get(0), drawn.gamma, drawn.beta, drawn.eps).row(n, 0, drawn.c, instance);
            Norm.of(drawn.n, drawn.c, mixed.parts().get(1), drawn.gamma, drawn.beta, drawn.eps).row(n, 0, drawn.c, layer);
            assertThat(both.center).as("center, example %d of %s", n, drawn).containsExactly(instance.center);
            assertThat(both.scale).as("scale, example %d of %s", n, drawn).containsExactly(layer.scale);
        }
    }

    @Test
    void switchableNormThroughHugeLogitsEqualsThatPart() {
        NormCase drawn = new NormCase(Kind.SWITCHABLE, Masking.PER_CHANNEL, true, true, 6);
        System.arraycopy(new double[]{-1e300, 1e300, 0}, 0, drawn.meanLogits, 0, 3);
        System.arraycopy(new double[]{-1e300, 1e300, 0}, 0, drawn.varLogits, 0, 3);
        Pool layer = Pool.of(Pooling.LAYER, drawn.moments());
        assertSame(drawn, drawn.norm(), Norm.of(drawn.n, drawn.c, layer, drawn.gamma, drawn.beta, drawn.eps));
    }

    @Test
    void softmaxIsTheShareOfEachExponential() {
        double[] weights = Norm.softmax(new double[]{Math.log(1), Math.log(2), Math.log(5)});
        assertThat(weights).containsExactly(new double[]{0.125, 0.25, 0.625}, within(1e-15));
        assertThat(Norm.softmax(new double[]{0, 0})).containsExactly(0.5, 0.5);
        assertThat(Norm.softmax(new double[]{-17})).containsExactly(1);
    }

    @Test
    void softmaxIsTheSameForShiftedLogits() {
        double[] logits = {0.25, -1.5, 2};
        double[] expected = Norm.softmax(logits);
        // Powers of two, so that the shifted logits are exact.
        for (double shift : new double[]{1, -64, 1024, -65536, 0x1p40}) {
            double[] shifted = {logits[0] + shift, logits[1] + shift, logits[2] + shift};
            assertThat(Norm.softmax(shifted)).as("shift %s", shift).containsExactly(expected);
        }
    }

    @Test
    void softmaxStandsHugeLogits() {
        assertThat(Norm.softmax(new double[]{1e308, -1e308, 0})).containsExactly(1, 0, 0);
        assertThat(Norm.softmax(new double[]{-1e308, -1e308})).containsExactly(0.5, 0.5);
        assertThat(Norm.softmax(new double[]{Double.MAX_VALUE, Double.MAX_VALUE, 1000})).containsExactly(0.5, 0.5, 0);
        assertThat(Norm.softmax(new double[]{0, Double.NEGATIVE_INFINITY})).containsExactly(1, 0);
    }

    private static Norm with(NormCase drawn, Pooling pooling, Moments cells) {
        return Norm.of(drawn.n, drawn.c, Pool.of(pooling, cells), drawn.gamma, drawn.beta, drawn.eps);
    }

    private static void assertSame(NormCase drawn, Norm actual, Norm expected) {
        assertThat(drawn.y(actual)).as("y of %s", drawn).containsExactly(drawn.y(expected), CLOSE);
        Result a = drawn.analytic(actual);
        Result e = drawn.analytic(expected);
        assertThat(a.x()).as("dx of %s", drawn).containsExactly(e.x(), within(1e-11));
        assertThat(a.gamma()).as("gradient of gamma of %s", drawn).containsExactly(e.gamma(), within(1e-11));
        assertThat(a.beta()).as("gradient of beta of %s", drawn).containsExactly(e.beta(), CLOSE);
    }
}
