// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.norm;

import io.github.dl4jnorm.norm.Affine.Coefficients;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * A drawn problem for a norm: input, parameters and maybe a mask as plain arrays {@code [n][c][s]} in one row, and a
 * loss Σ w·y over what the mask keeps. Every array may be changed; all results are made anew from them.
 */
final class NormCase {
    /** Large enough for differences to be smooth over pools of two elements that happen to be close. */
    static final double EPS = 1e-2;
    private static final double STEP = 2e-4;

    /** Which statistics a norm mixes. */
    enum Kind {
        BATCH, MEAN_ONLY, GROUP, GROUP_EPS_OUTSIDE, INSTANCE, LAYER, ROOT_MEAN_SQUARE, LENGTH, SWITCHABLE,
        SWITCHABLE_WITH_CONSTANT_BATCH
    }

    /** Which elements are left out. */
    enum Masking {
        NONE, SHARED_BY_CHANNELS, PER_CHANNEL, WITH_AN_EMPTY_EXAMPLE
    }

    /** Gradients of the loss. */
    record Result(double[] x, double[] gamma, double[] beta, double[] meanLogits, double[] varLogits) {
    }

    final int n;
    final int c;
    final int s;
    final Kind kind;
    final Mask mask;
    final double[] x;
    final double[] w;
    final double[] runningMean;
    final double[] runningVariance;
    final double[] meanLogits;
    final double[] varLogits;
    double[] gamma;
    double[] beta;
    double eps = EPS;
    private final String name;

    NormCase(Kind kind, Masking masking, boolean scale, boolean center, long seed) {
        Random random = new Random(seed);
        this.kind = kind;
        n = 2 + random.nextInt(3);
        c = 2 * (1 + random.nextInt(3));
        s = 1 + random.nextInt(7);
        x = random.doubles((long) n * c * s, -2, 3).toArray();
        w = random.doubles(x.length, -1, 1).toArray();
        gamma = scale ? random.doubles(c, -2, 2).toArray() : null;
        beta = center ? random.doubles(c, -2, 2).toArray() : null;
        runningMean = random.doubles(c, -1, 1).toArray();
        runningVariance = random.doubles(c, 0.5, 2).toArray();
        meanLogits = random.doubles(parts(), -1, 1).toArray();
        varLogits = random.doubles(parts(), -1, 1).toArray();
        mask = masking == Masking.NONE ? null : draw(masking, random);
        name = kind + ", mask " + masking + ", scale " + scale + ", center " + center + ", seed " + seed
                + ", [" + n + ", " + c + ", " + s + "]";
    }

    private Mask draw(Masking masking, Random random) {
        int channels = masking == Masking.PER_CHANNEL ? c : 1;
        boolean[] keep = new boolean[n * channels * s];
        int firstKept = masking == Masking.WITH_AN_EMPTY_EXAMPLE ? channels * s : 0;
        for (int i = firstKept; i < keep.length; i++) {
            keep[i] = random.nextInt(3) > 0;
        }
        return new Mask(n, channels, s, keep);
    }

    int parts() {
        return kind.compareTo(Kind.SWITCHABLE) >= 0 ? 3 : 1;
    }

    int at(int i, int j, int p) {
        return (i * c + j) * s + p;
    }

    boolean keeps(int i, int j, int p) {
        return mask == null || mask.keeps(i, j, p);
    }

    /** Moments, cell by cell and in two passes. */
    Moments moments() {
        Moments cells = new Moments(n, c);
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < c; j++) {
                double count = 0;
                double sum = 0;
                double squares = 0;
                for (int p = 0; p < s; p++) {
                    count += keeps(i, j, p) ? 1 : 0;
                    sum += keeps(i, j, p) ? x[at(i, j, p)] : 0;
                }
                for (int p = 0; p < s; p++) {
                    double centered = x[at(i, j, p)] - sum / count;
                    squares += keeps(i, j, p) ? centered * centered : 0;
                }
                cells.merge(i * c + j, count, sum / count, squares);
            }
        }
        return cells;
    }

    Norm norm() {
        Moments cells = moments();
        if (parts() == 1) {
            return alone(Pool.of(poolings().get(0), cells));
        }
        return mixture(Norm.softmax(meanLogits), Norm.softmax(varLogits));
    }

    Norm alone(Pool pool) {
        double[] one = {1};
        return new Norm(n, c, List.of(pool), one, one, gamma, beta, eps, null, switch (kind) {
            case MEAN_ONLY -> Divisor.NOTHING;
            case GROUP_EPS_OUTSIDE -> Divisor.DEVIATION_PLUS_EPS;
            case ROOT_MEAN_SQUARE -> Divisor.ROOT_MEAN_SQUARE;
            case LENGTH -> Divisor.LENGTH;
            default -> Divisor.DEVIATION;
        });
    }

    boolean isCentered() {
        return kind != Kind.ROOT_MEAN_SQUARE && kind != Kind.LENGTH;
    }

    /** What so many elements of that variance about their mean, or about 0, are divided by. */
    double divisor(double variance, double count) {
        return switch (kind) {
            case MEAN_ONLY -> 1;
            case GROUP_EPS_OUTSIDE -> Math.sqrt(variance) + eps;
            case LENGTH -> Math.max(Math.sqrt(count * variance), eps);
            default -> Math.sqrt(variance + eps);
        };
    }

    Norm mixture(double[] meanWeights, double[] varWeights) {
        Moments cells = moments();
        List<Pool> pools = new ArrayList<>();
        for (Pooling pooling : poolings()) {
            boolean constant = kind == Kind.SWITCHABLE_WITH_CONSTANT_BATCH && pooling.overBatch();
            pools.add(constant ? Pool.constant(runningMean, runningVariance) : Pool.of(pooling, cells));
        }
        return new Norm(n, c, pools, meanWeights, varWeights, gamma, beta, eps);
    }

    List<Pooling> poolings() {
        return switch (kind) {
            case BATCH, MEAN_ONLY -> List.of(Pooling.BATCH);
            case GROUP, GROUP_EPS_OUTSIDE -> List.of(Pooling.group(c / 2));
            case INSTANCE -> List.of(Pooling.instance(c));
            case LAYER, ROOT_MEAN_SQUARE, LENGTH -> List.of(Pooling.LAYER);
            default -> List.of(Pooling.instance(c), Pooling.LAYER, Pooling.BATCH);
        };
    }

    double[] y(Affine affine) {
        double[] y = new double[x.length];
        Coefficients at = new Coefficients(c);
        for (int i = 0; i < n; i++) {
            affine.row(i, 0, c, at);
            for (int j = 0; j < c; j++) {
                for (int p = 0; p < s; p++) {
                    if (keeps(i, j, p)) {
                        y[at(i, j, p)] = at.scale[j] * (x[at(i, j, p)] - at.center[j]) + at.shift[j];
                    }
                }
            }
        }
        return y;
    }

    /** The gradients that the norm itself gives. */
    Result analytic(Norm norm) {
        Coefficients at = new Coefficients(c);
        NormGradients gradients = norm.backward((i, from, to, dy, dyx) -> {
            norm.row(i, 0, c, at);
            Arrays.fill(dy, 0);
            Arrays.fill(dyx, 0);
            for (int j = 0; j < c; j++) {
                for (int p = 0; p < s; p++) {
                    if (keeps(i, j, p)) {
                        dy[j] += w[at(i, j, p)];
                        dyx[j] += w[at(i, j, p)] * (x[at(i, j, p)] - at.center[j]);
                    }
                }
            }
        });
        double[] dx = new double[x.length];
        double[] slope = new double[c];
        double[] shift = new double[c];
        for (int i = 0; i < n; i++) {
            norm.row(i, 0, c, at);
            gradients.row(i, 0, c, at, slope, shift);
            for (int j = 0; j < c; j++) {
                for (int p = 0; p < s; p++) {
                    int k = at(i, j, p);
                    if (keeps(i, j, p)) {
                        dx[k] = at.scale[j] * w[k] + slope[j] * ((x[k] - at.center[j]) * at.unit[j]) + shift[j];
                    }
                }
            }
        }
        return new Result(dx, gradients.gamma(), gradients.beta(), gradients.meanLogits(), gradients.varLogits());
    }

    /** Gradient of the loss by central differences of fourth order. */
    double[] numeric(double[] variable) {
        double[] gradient = new double[variable.length];
        for (int k = 0; k < variable.length; k++) {
            double value = variable[k];
            gradient[k] = (8 * (loss(variable, k, value + STEP) - loss(variable, k, value - STEP))
                    - (loss(variable, k, value + 2 * STEP) - loss(variable, k, value - 2 * STEP))) / (12 * STEP);
            variable[k] = value;
        }
        return gradient;
    }

    private double loss(double[] variable, int k, double value) {
        variable[k] = value;
        double[] y = y(norm());
        double loss = 0;
        for (int i = 0; i < y.length; i++) {
            loss += w[i] * y[i];
        }
        return loss;
    }

    @Override
    public String toString() {
        return name;
    }
}
