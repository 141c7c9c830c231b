// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.norm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.norm.Affine.Coefficients;
import io.github.dl4jnorm.norm.NormCase.Kind;
import io.github.dl4jnorm.norm.NormCase.Masking;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Kernels ask for some channels of a row, and add groups as they are done: that must make no difference. */
@Tag("once")
class NormPartsTest {
    private static final int SEEDS = 5;

    static Stream<Arguments> cases() {
        return Stream.of(Kind.values()).flatMap(kind -> Stream.of(Masking.NONE, Masking.WITH_AN_EMPTY_EXAMPLE)
                .map(masking -> Arguments.of(kind, masking)));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void aPartOfARowIsThatPartOfTheWholeRow(Kind kind, Masking masking) {
        for (long seed = 0; seed < SEEDS; seed++) {
            NormCase drawn = new NormCase(kind, masking, true, true, seed);
            Norm norm = drawn.norm();
            NormGradients gradients = norm.backward(sums(drawn, norm));
            Row[] whole = new Row[drawn.n];
            Arrays.setAll(whole, n -> new Row(norm, gradients, n, 0, drawn.c));
            for (int n = 0; n < drawn.n; n++) {
                for (int from = 0; from < drawn.c; from++) {
                    for (int to = from + 1; to <= drawn.c; to++) {
                        Row part = new Row(norm, gradients, n, from, to);
                        for (int k = 0; k < part.values.length; k++) {
                            assertThat(part.values[k]).as("table %d, example %d, channels %d to %d of %s", k, n, from, to, drawn)
                                    .containsExactly(Arrays.copyOfRange(whole[n].values[k], from, to));
                        }
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(value = Kind.class, names = {"BATCH", "GROUP", "GROUP_EPS_OUTSIDE", "INSTANCE", "LAYER"})
    void groupsAddedInAnyOrderGiveWhatTheWholeGives(Kind kind) {
        for (long seed = 0; seed < SEEDS; seed++) {
            NormCase drawn = new NormCase(kind, Masking.NONE, true, true, seed);
            Norm whole = drawn.norm();
            NormGradients expected = whole.backward(sums(drawn, whole));

            Pool pool = Pool.over(drawn.poolings().get(0), drawn.moments());
            Norm norm = drawn.alone(pool);
            int size = drawn.c / pool.groups();
            for (int from = drawn.c - size; from >= 0; from -= size) {
                for (int n = 0; n < drawn.n; n++) {
                    norm.complete(n, from, from + size);
                }
            }
            SumTable sums = sums(drawn, norm);
            NormGradients actual = new NormGradients(norm, true);
            for (int from = drawn.c - size; from >= 0; from -= size) {
                for (int n = drawn.n - 1; n >= 0; n--) {
                    complete(actual, norm, sums, n, from, from + size);
                }
            }

            assertThat(actual.gamma()).as("gradient of gamma of %s", drawn).containsExactly(expected.gamma(), within(1e-13));
            assertThat(actual.beta()).as("gradient of beta of %s", drawn).containsExactly(expected.beta(), within(1e-13));
            for (int n = 0; n < drawn.n; n++) {
                Row ours = new Row(norm, actual, n, 0, drawn.c);
                Row theirs = new Row(whole, expected, n, 0, drawn.c);
                for (int k = 0; k < ours.values.length; k++) {
                    assertThat(ours.values[k]).as("table %d, example %d of %s", k, n, drawn)
                            .containsExactly(theirs.values[k], within(1e-12));
                }
            }
        }
    }

    /** What threads add for different examples must not meet in one table. */
    @Test
    void gradientsByGroupAreAddedUpFromATableForEachExample() throws InterruptedException {
        NormCase drawn = new NormCase(Kind.LAYER, Masking.NONE, true, true, 1);
        Norm norm = drawn.norm();
        NormGradients expected = norm.backward(sums(drawn, norm));
        for (int round = 0; round < 50; round++) {
            SumTable sums = sums(drawn, norm);
            NormGradients actual = new NormGradients(norm, true);
            AtomicReference<Throwable> failure = new AtomicReference<>();
            Thread[] threads = new Thread[drawn.n];
            for (int n = 0; n < drawn.n; n++) {
                int example = n;
                threads[n] = new Thread(() -> complete(actual, norm, sums, example, 0, drawn.c));
                threads[n].setUncaughtExceptionHandler((thread, e) -> failure.set(e));
                threads[n].start();
            }
            for (Thread thread : threads) {
                thread.join();
            }
            assertThat(failure.get()).as("what a new thread threw").isNull();
            assertThat(actual.gamma()).containsExactly(expected.gamma(), within(1e-13));
            assertThat(actual.beta()).containsExactly(expected.beta(), within(1e-13));
        }
    }

    @Test
    void sumsOfSomeExamplesAreKeptUnderTheirOwnNumbers() {
        SumTable all = new SumTable(4, 3);
        SumTable last = new SumTable(2, 3, 2);
        for (int cell = 0; cell < 12; cell++) {
            all.add(cell, cell, -10 * cell);
            if (cell >= 6) {
                last.add(cell, cell, -10 * cell);
            }
        }
        double[] dy = new double[2];
        double[] dyx = new double[2];
        for (SumTable table : new SumTable[]{all, last}) {
            table.row(3, 1, 3, dy, dyx);
            assertThat(dy).containsExactly(10, 11);
            assertThat(dyx).containsExactly(-100, -110);
        }
        SumTable other = new SumTable(2, 3, 2);
        other.add(10, 0.5, 2);
        other.add(10, 0.25, 3);
        last.add(other);
        last.row(3, 1, 3, dy, dyx);
        assertThat(dy).as("two sums together").containsExactly(10.75, 11);
        assertThat(dyx).containsExactly(-95, -110);
    }

    private static SumTable sums(NormCase drawn, Norm norm) {
        SumTable sums = new SumTable(drawn.n, drawn.c);
        Coefficients at = new Coefficients(drawn.c);
        for (int n = 0; n < drawn.n; n++) {
            norm.row(n, 0, drawn.c, at);
            for (int c = 0; c < drawn.c; c++) {
                for (int s = 0; s < drawn.s; s++) {
                    int i = drawn.at(n, c, s);
                    if (drawn.keeps(n, c, s)) {
                        sums.add(n * drawn.c + c, drawn.w[i], drawn.w[i] * (drawn.x[i] - at.center[c]));
                    }
                }
            }
        }
        return sums;
    }

    private static void complete(NormGradients gradients, Norm norm, SumTable sums, int n, int from, int to) {
        Coefficients at = new Coefficients(to - from);
        double[] dy = new double[to - from];
        double[] dyx = new double[to - from];
        norm.row(n, from, to, at);
        sums.row(n, from, to, dy, dyx);
        gradients.complete(n, from, to, at, dy, dyx);
    }

    /** Coefficients of forward and backward pass of some channels. */
    private static final class Row {
        final double[][] values;

        Row(Norm norm, NormGradients gradients, int n, int from, int to) {
            Coefficients at = new Coefficients(to - from);
            double[] slope = new double[to - from];
            double[] shift = new double[to - from];
            norm.row(n, from, to, at);
            gradients.row(n, from, to, at, slope, shift);
            values = new double[][]{at.scale, at.center, at.shift, at.unit, slope, shift};
        }
    }
}
