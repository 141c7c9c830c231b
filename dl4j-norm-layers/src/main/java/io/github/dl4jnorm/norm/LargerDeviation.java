// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.norm;

import java.util.Arrays;

/**
 * The divisor {@code d = max(a, v·x + b)} of EvoNorm-B0, where a is the deviation of a channel over the batch and b that of a
 * channel of an example, both {@code √(var + eps)}. x and d are multiplied with a unit of each channel, which leaves x/d alone.
 */
public final class LargerDeviation {
    private final Moments cells;
    private final Pool own;
    private final double[] v;
    private final double eps;
    private final boolean given;
    private final Exchange exchange;
    private final double[] ofBatch;
    private final double[] units;

    /**
     * A divisor with its statistics at hand.
     *
     * @param cells    moments of every example and channel
     * @param variance variance of each channel in place of that of the batch, or null
     * @param v        factor of each channel
     * @param eps      what is added to variances
     * @param exchange what merges the statistics of the batch with those of other workers, or null
     */
    public LargerDeviation(Moments cells, double[] variance, double[] v, double eps, Exchange exchange) {
        this.cells = cells;
        this.v = v;
        this.eps = eps;
        this.exchange = exchange;
        own = Pool.of(Pooling.BATCH, cells).shared(exchange);
        given = variance != null;
        ofBatch = new double[v.length];
        units = new double[v.length];
        for (int c = 0; c < v.length; c++) {
            ofBatch[c] = Math.sqrt(Math.max(0, given ? variance[c] : own.variance(c)) + eps);
            double size = Math.hypot(Math.sqrt(own.variance(c)), own.mean(c));
            // Without eps, what does not vary comes out as beta.
            units[c] = ofBatch[c] == 0 ? 0 : 1 / Math.max(ofBatch[c], size);
        }
    }

    private double ofInstance(int cell) {
        return Math.sqrt(cells.squares(cell) / Math.max(1, cells.count(cell)) + eps);
    }

    /** {@return the unit times x} */
    public Affine unit() {
        return Affine.times(units);
    }

    /** {@return the unit times {@code v·x + b − a}: what the divisor is more than a, where it is positive} */
    public Affine excess() {
        return (n, from, to, into) -> {
            for (int c = from; c < to; c++) {
                int cell = n * v.length + c;
                into.center[c - from] = cells.mean(cell);
                into.scale[c - from] = v[c] * units[c];
                into.shift[c - from] = (v[c] * cells.mean(cell) + ofInstance(cell) - ofBatch[c]) * units[c];
                into.unit[c - from] = units[c];
            }
        };
    }

    /** {@return x plus the unit times a} */
    public Affine least() {
        return (n, from, to, into) -> {
            Affine.IDENTITY.row(n, from, to, into);
            for (int c = from; c < to; c++) {
                into.shift[c - from] = units[c] == 0 ? 1 : units[c] * ofBatch[c];
            }
        };
    }

    /** {@return whether a statistic is not a finite number} */
    public boolean overflowed() {
        return !Arrays.stream(units).allMatch(unit -> unit > 0 || eps == 0) || own.overflowed(Divisor.DEVIATION);
    }

    /** {@return the statistics of the batch} */
    public ChannelStatistics batchStatistics() {
        return own.perChannel();
    }

    /** The vector-Jacobian product: gradients of v and of a given variance, and the map that gives that of the input. */
    public final class Gradients implements GradAffine {
        private final double[] toV = new double[v.length];
        private final double[] toVariance;
        private final double[] toInstance = new double[cells.examples() * v.length];

        /**
         * The gradients of all but the input.
         *
         * @param active Σ and Σ·(x − center) of the gradient of the divisor where it is more than a
         * @param all    the same everywhere
         */
        public Gradients(GradSums active, GradSums all) {
            double[] sums = new double[v.length];
            double[] products = new double[v.length];
            double[] ofAll = new double[v.length];
            double[] ofPart = new double[v.length];
            for (int n = 0; n < cells.examples(); n++) {
                all.row(n, 0, v.length, ofAll, products);
                active.row(n, 0, v.length, sums, products);
                for (int c = 0; c < v.length; c++) {
                    int cell = n * v.length + c;
                    toV[c] += units[c] * (products[c] + cells.mean(cell) * sums[c]);
                    toInstance[cell] = half(units[c] * sums[c], ofInstance(cell));
                    ofPart[c] += half(units[c] * (ofAll[c] - sums[c]), ofBatch[c]);
                }
            }
            toVariance = exchange == null ? ofPart : exchange.sum(ofPart);
        }

        /** From the gradient of a root to that of what is below it; a root of 0 has none. */
        private static double half(double gradient, double root) {
            return root == 0 ? 0 : gradient / (2 * root);
        }

        @Override
        public void row(int n, int from, int to, Affine.Coefficients at, double[] slope, double[] shift) {
            for (int c = from; c < to; c++) {
                int cell = n * v.length + c;
                double ofCell = 2 * toInstance[cell] / Math.max(1, cells.count(cell));
                double ofChannel = given ? 0 : 2 * toVariance[c] / Math.max(1, own.count(c));
                slope[c - from] = units[c] == 0 ? 0 : (ofCell + ofChannel) / units[c];
                shift[c - from] = ofChannel * (cells.mean(cell) - own.mean(c));
            }
        }

        /** {@return gradient of v} */
        public double[] v() {
            return toV;
        }

        /** {@return gradient of the variance of each channel} */
        public double[] variance() {
            return toVariance;
        }
    }
}
