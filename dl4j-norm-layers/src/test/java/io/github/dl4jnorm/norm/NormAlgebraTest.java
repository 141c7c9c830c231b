// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.norm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.norm.NormCase.Kind;
import io.github.dl4jnorm.norm.NormCase.Masking;
import io.github.dl4jnorm.norm.NormCase.Result;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Every algebra against its definition and, its gradients, against central differences; in double, without ND4J. */
@Tag("once")
class NormAlgebraTest {
    private static final int SEEDS = 3;

    static Stream<NormCase> cases() {
        List<NormCase> cases = new ArrayList<>();
        for (Kind kind : Kind.values()) {
            for (Masking masking : Masking.values()) {
                for (int affine = 0; affine < 4; affine++) {
                    for (int i = 0; i < SEEDS; i++) {
                        long seed = ((kind.ordinal() * 10L + masking.ordinal()) * 10 + affine) * 10 + i;
                        cases.add(new NormCase(kind, masking, (affine & 1) == 0, (affine & 2) == 0, seed));
                    }
                }
            }
        }
        return cases.stream();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void forwardFollowsTheDefinition(NormCase drawn) {
        double[] meanWeights = drawn.parts() == 1 ? new double[]{1} : exponentials(drawn.meanLogits);
        double[] varWeights = drawn.parts() == 1 ? new double[]{1} : exponentials(drawn.varLogits);
        double[] expected = new double[drawn.x.length];
        for (int i = 0; i < drawn.n; i++) {
            for (int j = 0; j < drawn.c; j++) {
                double mean = 0;
                double variance = 0;
                double count = 0;
                for (int k = 0; k < drawn.parts(); k++) {
                    double[] part = statistics(drawn, drawn.poolings().get(k), i, j);
                    mean += meanWeights[k] * part[0];
                    variance += varWeights[k] * part[1];
                    count = part[2];
                }
                for (int p = 0; p < drawn.s; p++) {
                    int at = drawn.at(i, j, p);
                    if (drawn.keeps(i, j, p)) {
                        double hat = (drawn.x[at] - mean) / drawn.divisor(variance, count);
                        expected[at] = (drawn.gamma == null ? 1 : drawn.gamma[j]) * hat
                                + (drawn.beta == null ? 0 : drawn.beta[j]);
                    }
                }
            }
        }
        assertThat(drawn.y(drawn.norm())).as("y of %s", drawn).containsExactly(expected, within(1e-12));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void gradientsEqualCentralDifferences(NormCase drawn) {
        Result analytic = drawn.analytic(drawn.norm());
        assertClose(analytic.x(), drawn.numeric(drawn.x), "dx of " + drawn);
        if (drawn.gamma != null) {
            assertClose(analytic.gamma(), drawn.numeric(drawn.gamma), "gradient of gamma of " + drawn);
        }
        if (drawn.beta != null) {
            assertClose(analytic.beta(), drawn.numeric(drawn.beta), "gradient of beta of " + drawn);
        }
        assertClose(analytic.meanLogits(), drawn.numeric(drawn.meanLogits), "gradient of mean logits of " + drawn);
        assertClose(analytic.varLogits(), drawn.numeric(drawn.varLogits), "gradient of variance logits of " + drawn);
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void whatIsMaskedNeitherCountsNorReceivesAnything(Kind kind) {
        for (long seed = 0; seed < 5; seed++) {
            NormCase clean = new NormCase(kind, Masking.PER_CHANNEL, true, true, seed);
            NormCase dirty = new NormCase(kind, Masking.PER_CHANNEL, true, true, seed);
            boolean masked = false;
            for (int i = 0; i < clean.n; i++) {
                for (int j = 0; j < clean.c; j++) {
                    for (int p = 0; p < clean.s; p++) {
                        if (!clean.keeps(i, j, p)) {
                            dirty.x[dirty.at(i, j, p)] = Double.NaN;
                            masked = true;
                        }
                    }
                }
            }
            assertThat(masked).as("something is masked in %s", clean).isTrue();
            Result expected = clean.analytic(clean.norm());
            Result actual = dirty.analytic(dirty.norm());
            assertThat(dirty.y(dirty.norm())).as("y of %s", clean).containsExactly(clean.y(clean.norm()));
            assertThat(actual.x()).as("dx of %s", clean).containsExactly(expected.x());
            assertThat(actual.gamma()).as("gradient of gamma of %s", clean).containsExactly(expected.gamma());
            assertThat(actual.beta()).as("gradient of beta of %s", clean).containsExactly(expected.beta());
        }
    }

    @Test
    void aConstantPartPassesNoGradientToTheInput() {
        NormCase drawn = new NormCase(Kind.SWITCHABLE_WITH_CONSTANT_BATCH, Masking.NONE, true, true, 7);
        double[] batchOnly = {0, 0, 1};
        Norm norm = drawn.mixture(batchOnly, batchOnly);
        double[] dx = drawn.analytic(norm).x();
        for (int i = 0; i < drawn.n; i++) {
            for (int j = 0; j < drawn.c; j++) {
                double scale = drawn.gamma[j] / Math.sqrt(drawn.runningVariance[j] + drawn.eps);
                for (int p = 0; p < drawn.s; p++) {
                    int at = drawn.at(i, j, p);
                    assertThat(dx[at]).as("dx[%d] of %s", at, drawn).isEqualTo(scale * drawn.w[at], within(1e-14));
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(value = Kind.class, names = {"BATCH", "GROUP", "INSTANCE", "LAYER"})
    void aConstantInputGivesBetaAndCenteredGradients(Kind kind) {
        NormCase drawn = new NormCase(kind, Masking.NONE, false, true, 11);
        drawn.eps = 1e-5;
        Arrays.fill(drawn.x, 1e6 + 0.1);
        double[] y = drawn.y(drawn.norm());
        double[] dx = drawn.analytic(drawn.norm()).x();
        NormCase weights = new NormCase(kind, Masking.NONE, false, true, 11);
        System.arraycopy(drawn.w, 0, weights.x, 0, drawn.w.length);
        for (int i = 0; i < drawn.n; i++) {
            for (int j = 0; j < drawn.c; j++) {
                double meanDy = statistics(weights, drawn.poolings().get(0), i, j)[0];
                for (int p = 0; p < drawn.s; p++) {
                    int at = drawn.at(i, j, p);
                    // The mean of equal numbers may be off by an ulp of 1e6, and 1/√eps is 316.
                    assertThat(y[at]).as("y[%d] of %s", at, drawn).isEqualTo(drawn.beta[j], within(1e-7));
                    assertThat(dx[at]).as("dx[%d] of %s", at, drawn)
                            .isEqualTo((drawn.w[at] - meanDy) / Math.sqrt(1e-5), within(1e-9));
                }
            }
        }
    }

    @Test
    void aStatisticOverOneElementGivesBetaAndNoGradient() {
        Norm norm = Norm.of(1, 2, Pool.of(Pooling.instance(2), single(1e6, -3)), null, new double[]{0.5, -0.25}, 1e-5);
        Affine.Coefficients at = new Affine.Coefficients(2);
        norm.row(0, 0, 2, at);
        assertThat(at.center).containsExactly(1e6, -3);
        assertThat(at.shift).containsExactly(0.5, -0.25);
        NormGradients gradients = norm.backward((n, from, to, dy, dyx) -> {
            dy[0] = 0.7;
            dy[1] = -1.3;
            Arrays.fill(dyx, 0);
        });
        double[] slope = new double[2];
        double[] shift = new double[2];
        gradients.row(0, 0, 2, at, slope, shift);
        assertThat(at.scale[0] * 0.7 + shift[0]).as("dx of the first").isZero();
        assertThat(at.scale[1] * -1.3 + shift[1]).as("dx of the second").isZero();
    }

    @Test
    void aFiniteInputWhoseVarianceOverflowsGivesNoNan() {
        Moments cells = new Moments(1, 1);
        // x = ±1e155: finite, but the square is not.
        cells.merge(0, 2, 0, 2 * 1e155 * 1e155);
        Norm norm = Norm.of(1, 1, Pool.of(Pooling.BATCH, cells), null, null, 1e-5);
        Affine.Coefficients at = new Affine.Coefficients(1);
        norm.row(0, 0, 1, at);
        double[] slope = new double[1];
        double[] shift = new double[1];
        norm.backward((n, from, to, dy, dyx) -> {
            dy[0] = 1;
            dyx[0] = 0.5e155;
        }).row(0, 0, 1, at, slope, shift);
        assertThat(new double[]{at.scale[0], at.unit[0], slope[0], shift[0]}).as("scale, unit, slope, shift")
                .doesNotContain(Double.NaN);
    }

    /** At eps, and below it, the divisor is a constant; with an eps of 0 nothing is divided by. */
    @ParameterizedTest
    @ValueSource(doubles = {0, 1e-12, 5, 6})
    void throughALengthOfAtMostEpsNoGradientFlows(double eps) {
        for (double size : new double[]{0, 1}) {
            Moments cells = new Moments(1, 2);
            // 3 and 4: a length of 5.
            cells.merge(0, 1, 3 * size, 0);
            cells.merge(1, 1, 4 * size, 0);
            double[] one = {1};
            Norm norm = new Norm(1, 2, List.of(Pool.of(Pooling.LAYER, cells)), one, one, null, null, eps, null, Divisor.LENGTH);
            Affine.Coefficients at = new Affine.Coefficients(2);
            norm.row(0, 0, 2, at);
            double length = Math.max(5 * size, eps);
            double unit = length == 0 ? 0 : 1 / length;
            assertThat(at.scale).as("scale").containsExactly(unit, unit);
            double[] slope = new double[2];
            double[] shift = new double[2];
            norm.backward((n, from, to, dy, dyx) -> {
                Arrays.fill(dy, 1);
                dyx[0] = 3 * size;
                dyx[1] = 4 * size;
            }).row(0, 0, 2, at, slope, shift);
            // With dy = 1 that of x is (1 − y·Σy)/length, and Σy = 7/5.
            double expected = 5 * size > eps ? -1.4 / 5 : 0;
            assertThat(slope).as("slope").containsExactly(new double[]{expected, expected}, within(1e-15));
            assertThat(shift).as("shift").containsOnly(0);
        }
    }

    @Test
    void alikeNumbersWhoseSumOfSquaresOverflowsAreNoticed() {
        Moments cells = new Moments(1, 1);
        // 1e153 a thousand times: the mean square is finite, the sum of squares is not.
        cells.merge(0, 1000, 1e153, 0);
        Pool pool = Pool.of(Pooling.LAYER, cells);
        assertThat(pool.overflowed(Divisor.LENGTH)).isTrue();
        assertThat(pool.overflowed(Divisor.ROOT_MEAN_SQUARE)).isFalse();
        assertThat(pool.overflowed(Divisor.DEVIATION)).isFalse();
    }

    @Test
    void theGradientOfTheLogitsSumsToZero() {
        for (long seed = 0; seed < 10; seed++) {
            NormCase drawn = new NormCase(Kind.SWITCHABLE, Masking.PER_CHANNEL, true, true, seed);
            Result result = drawn.analytic(drawn.norm());
            assertThat(Arrays.stream(result.meanLogits()).sum()).as("mean logits of %s", drawn).isEqualTo(0, within(1e-11));
            assertThat(Arrays.stream(result.varLogits()).sum()).as("variance logits of %s", drawn).isEqualTo(0, within(1e-11));
        }
    }

    @Test
    void theIdentityLeavesItsInput() {
        NormCase drawn = new NormCase(Kind.BATCH, Masking.NONE, true, true, 3);
        assertThat(drawn.y(Affine.IDENTITY)).as("y of %s", drawn).containsExactly(drawn.x);
        Affine.Coefficients at = new Affine.Coefficients(2);
        Affine.IDENTITY.row(0, 0, 2, at);
        assertThat(at.unit).containsExactly(1, 1);
    }

    private static Moments single(double... values) {
        Moments moments = new Moments(1, values.length);
        for (int c = 0; c < values.length; c++) {
            moments.merge(c, 1, values[c], 0);
        }
        return moments;
    }

    /** Mean (or 0), variance about it and size of the pool of a cell, from its elements; running statistics if given. */
    private static double[] statistics(NormCase drawn, Pooling pooling, int example, int channel) {
        if (drawn.kind == Kind.SWITCHABLE_WITH_CONSTANT_BATCH && pooling == Pooling.BATCH) {
            return new double[]{drawn.runningMean[channel], drawn.runningVariance[channel], 1};
        }
        List<Double> elements = new ArrayList<>();
        for (int i = 0; i < drawn.n; i++) {
            for (int j = 0; j < drawn.c; j++) {
                boolean together = pooling == Pooling.BATCH ? j == channel
                        : i == example && j / (drawn.c / pooling.groups()) == channel / (drawn.c / pooling.groups());
                for (int p = 0; together && p < drawn.s; p++) {
                    if (drawn.keeps(i, j, p)) {
                        elements.add(drawn.x[drawn.at(i, j, p)]);
                    }
                }
            }
        }
        double mean = drawn.isCentered() ? elements.stream().mapToDouble(v -> v).average().orElse(0) : 0;
        double variance = elements.stream().mapToDouble(v -> (v - mean) * (v - mean)).average().orElse(0);
        return new double[]{mean, variance, elements.size()};
    }

    private static double[] exponentials(double[] logits) {
        double sum = Arrays.stream(logits).map(Math::exp).sum();
        return Arrays.stream(logits).map(logit -> Math.exp(logit) / sum).toArray();
    }

    private static void assertClose(double[] actual, double[] expected, String what) {
        assertThat(actual).as(what).hasSameSizeAs(expected);
        double largest = Arrays.stream(expected).map(Math::abs).max().orElse(0);
        for (int i = 0; i < actual.length; i++) {
            double tolerance = 1e-7 * Math.abs(expected[i]) + 1e-9 * Math.max(largest, 1);
            assertThat(actual[i]).as("%s, element %d", what, i).isEqualTo(expected[i], within(tolerance));
        }
    }
}
