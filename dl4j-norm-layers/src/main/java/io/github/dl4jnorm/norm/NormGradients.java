// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.norm;

import io.github.dl4jnorm.norm.Affine.Coefficients;
import java.util.Arrays;
import java.util.List;

/** The gradients of a {@link Norm}: of its parameters and, as a {@link GradAffine}, of its input. */
public final class NormGradients implements GradAffine {
    private final Norm norm;
    private final List<Pool> parts;
    private final int channels;
    /** Rows of the tables of gamma and beta: one for each example if several threads add examples, or if they have own. */
    private final int rows;
    private final double[] gammas;
    private final double[] betas;
    private final double[] meanLogits;
    private final double[] varLogits;
    private final double[][] poolMean;
    private final double[][] poolVariance;

    /**
     * Gradients to which nothing was added.
     *
     * @param norm    the norm
     * @param byGroup whether examples and groups of channels are added by several threads; only for a single part, and
     *                each pool has to be added as a whole
     */
    public NormGradients(Norm norm, boolean byGroup) {
        this.norm = norm;
        parts = norm.parts();
        channels = norm.channels();
        rows = byGroup || norm.perExample() ? norm.examples() : 1;
        gammas = new double[rows * channels];
        betas = new double[rows * channels];
        meanLogits = new double[parts.size()];
        varLogits = new double[parts.size()];
        poolMean = new double[parts.size()][];
        poolVariance = new double[parts.size()][];
        for (int k = 0; k < poolMean.length; k++) {
            poolMean[k] = new double[parts.get(k).size()];
            poolVariance[k] = new double[parts.get(k).size()];
        }
    }

    /** Adds what some channels of an example contribute. */
    @Override
    public void complete(int n, int from, int to, Coefficients at, double[] dy, double[] dyx) {
        int size = to - from;
        int row = n % rows * channels + from;
        for (int i = 0; i < size; i++) {
            double unit = at.unit[i];
            // A variance beyond the range of double: the output is beta, whatever the products.
            double dyHat = unit == 0 ? 0 : dyx[i] * unit;
            gammas[row + i] += norm.gradGamma(n, from + i, dy[i], dyHat);
            betas[row + i] += dy[i];
            // In place of the sums, what the mean and the variance of a channel receive.
            dy[i] *= norm.isCentered() ? -at.scale[i] : 0;
            dyx[i] = -0.5 * at.scale[i] * norm.slope(n, from + i, unit) * dyHat;
        }
        for (int k = 0; k < poolMean.length; k++) {
            spread(k, n, from, to, dy, dyx);
        }
        for (int i = 0; i < size && poolMean.length > 1; i++) {
            if (at.unit[i] > 0) {
                addLogits(n, from + i, dy[i], dyx[i], at.center[i]);
            }
        }
    }

    private void spread(int k, int n, int from, int to, double[] dMean, double[] dVariance) {
        Pool part = parts.get(k);
        for (int c = from; c < to;) {
            int end = Math.min(to, part.end(c));
            double toMean = 0;
            double toVariance = 0;
            int pool = part.index(n, c);
            for (; c < end; c++) {
                toMean += dMean[c - from];
                toVariance += dVariance[c - from];
            }
            poolMean[k][pool] += norm.meanWeight(k) * toMean;
            poolVariance[k][pool] += norm.varWeight(k) * toVariance;
        }
    }

    /** Softmax subtracts the weighted average; done here, before the sum, it costs no digits. */
    private void addLogits(int n, int c, double dMean, double dVariance, double mean) {
        double variance = 0;
        for (int k = 0; k < poolMean.length; k++) {
            variance += norm.varWeight(k) * parts.get(k).variance(parts.get(k).index(n, c));
        }
        for (int k = 0; k < poolMean.length; k++) {
            int pool = parts.get(k).index(n, c);
            meanLogits[k] += norm.meanWeight(k) * dMean * (parts.get(k).mean(pool) - mean);
            varLogits[k] += norm.varWeight(k) * dVariance * (parts.get(k).variance(pool) - variance);
        }
    }

    /**
     * Adds what the statistics of the whole batch receive from the parts of it that other workers have. Gradients of
     * gamma, beta and the logits stay those of this part.
     *
     * @param exchange what adds up the parts
     */
    public void share(Exchange exchange) {
        for (int k = 0; k < poolMean.length; k++) {
            if (parts.get(k).spansBatch()) {
                int size = poolMean[k].length;
                double[] own = Arrays.copyOf(poolMean[k], 2 * size);
                System.arraycopy(poolVariance[k], 0, own, size, size);
                double[] all = exchange.sum(own);
                System.arraycopy(all, 0, poolMean[k], 0, size);
                System.arraycopy(all, size, poolVariance[k], 0, size);
            }
        }
    }

    @Override
    public void row(int n, int from, int to, Coefficients at, double[] slope, double[] shift) {
        int size = to - from;
        Arrays.fill(slope, 0, size, 0);
        Arrays.fill(shift, 0, size, 0);
        for (int k = 0; k < poolMean.length; k++) {
            Pool part = parts.get(k);
            for (int c = from; c < to && !part.isConstant();) {
                int end = Math.min(to, part.end(c));
                int pool = part.index(n, c);
                // What the statistics of a pool receive is spread over its elements.
                double share = 1 / Math.max(part.count(pool), 1);
                double q = poolVariance[k][pool] * (2 * share);
                double r = poolMean[k][pool] * share;
                double mean = part.mean(pool);
                for (; c < end; c++) {
                    slope[c - from] += q;
                    // What a mean receives is 0 where none is subtracted.
                    shift[c - from] += norm.isOfVariance() ? r + q * (at.center[c - from] - mean) : 0;
                }
            }
        }
        for (int i = 0; i < size; i++) {
            // A variance beyond the range of double: the output is beta, whatever x is.
            slope[i] = at.unit[i] == 0 ? 0 : slope[i] / at.unit[i];
        }
    }

    /** {@return gradient of gamma, as long as gamma} */
    public double[] gamma() {
        return total(gammas);
    }

    /** {@return gradient of beta, as long as beta} */
    public double[] beta() {
        return total(betas);
    }

    private double[] total(double[] table) {
        return norm.perExample() ? table : total(table, channels);
    }

    /** Sum over the rows of a table. */
    static double[] total(double[] table, int channels) {
        double[] sum = new double[channels];
        for (int row = 0; row < table.length; row += channels) {
            for (int c = 0; c < channels; c++) {
                sum[c] += table[row + c];
            }
        }
        return sum;
    }

    /** {@return gradient of eps, of a norm with a single part that adds it to the variance} */
    public double eps() {
        double sum = 0;
        for (double pool : poolVariance[0]) {
            sum += pool;
        }
        return sum;
    }

    /** {@return gradient of the mean of the part that is given instead of computed, or null if there is none} */
    public double[] givenMean() {
        int given = given();
        return given < 0 ? null : poolMean[given];
    }

    /** {@return gradient of the variance of that part, as if none were negative} */
    public double[] givenVariance() {
        int given = given();
        return given < 0 ? null : poolVariance[given];
    }

    private int given() {
        int given = parts.size() - 1;
        while (given >= 0 && !parts.get(given).isConstant()) {
            given--;
        }
        return given;
    }

    /** {@return gradient of the logits behind the weights of the means} */
    public double[] meanLogits() {
        return meanLogits;
    }

    /** {@return gradient of the logits behind the weights of the variances} */
    public double[] varLogits() {
        return varLogits;
    }
}
