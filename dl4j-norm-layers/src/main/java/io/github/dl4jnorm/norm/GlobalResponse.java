// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.norm;

import java.util.Arrays;

/**
 * Global response normalization (Woo et al. 2023, arXiv 2301.00808): with G = ‖x‖₂ over the positions of an example's
 * channel and n = G/(mean of G over the channels + eps), {@code y = x + gamma·x·n + beta}.
 */
public final class GlobalResponse implements Affine {
    private final Moments cells;
    private final double[] gamma;
    private final double[] beta;
    /** What the moments of each example are those of its elements multiplied with, or null for 1. */
    private final double[] scales;
    /** Mean of G over the channels, plus eps. */
    private final double[] divisors;

    /**
     * A norm with its statistics and parameters at hand.
     *
     * @param cells moments of every example and channel
     * @param gamma factor of each channel, or null for 1
     * @param beta  shift of each channel, or null for 0
     * @param eps   what is added to the mean of the norms, at least 0
     */
    public GlobalResponse(Moments cells, double[] gamma, double[] beta, double eps) {
        this(cells, gamma, beta, eps, null);
    }

    /**
     * A norm of elements that were multiplied with something, which changes neither the output's factors nor the gradient of
     * the input. The sums of a backward pass are to be those of the multiplied elements, too.
     *
     * @param cells  moments of every example and channel
     * @param gamma  factor of each channel, or null for 1
     * @param beta   shift of each channel, or null for 0
     * @param eps    what is added to the mean of the norms, positive
     * @param scales what the elements of each example were multiplied with, or null for 1
     */
    public GlobalResponse(Moments cells, double[] gamma, double[] beta, double eps, double[] scales) {
        this.scales = scales;
        this.cells = cells;
        this.gamma = gamma;
        this.beta = beta;
        divisors = new double[cells.examples()];
        for (int n = 0; n < divisors.length; n++) {
            for (int c = 0; c < cells.channels(); c++) {
                divisors[n] += length(n, c) / cells.channels();
            }
            divisors[n] += eps;
            if (divisors[n] == 0) {
                // Nothing but zeros and no eps: every norm is 0, whatever it is divided by.
                divisors[n] = 1;
            }
        }
    }

    private double length(int n, int c) {
        int cell = n * cells.channels() + c;
        return Math.sqrt(cells.squares(cell) + cells.count(cell) * cells.mean(cell) * cells.mean(cell));
    }

    /** {@return whether the norm of some channel, or the mean of the norms, is not a finite number} */
    public boolean overflowed() {
        return !Arrays.stream(divisors).allMatch(Double::isFinite);
    }

    private double factor(int c) {
        return gamma == null ? 1 : gamma[c];
    }

    @Override
    public void row(int n, int from, int to, Coefficients into) {
        for (int c = from; c < to; c++) {
            double length = length(n, c);
            into.scale[c - from] = 1 + factor(c) * length / divisors[n];
            into.center[c - from] = 0;
            into.shift[c - from] = beta == null ? 0 : beta[c];
            // Where all is 0 there is nothing to bring to the size of 1.
            into.unit[c - from] = length == 0 ? 0 : Math.sqrt(cells.count(n * cells.channels() + c)) / length;
        }
    }

    /** The vector-Jacobian product: gradients of gamma and beta, and the map that gives that of the input. */
    public final class Gradients implements GradAffine {
        private final double[] gammas;
        private final double[] betas;
        private final double[] factors;

        /** Gradients to which nothing was added. */
        public Gradients() {
            gammas = new double[cells.examples() * cells.channels()];
            betas = new double[gammas.length];
            factors = new double[gammas.length];
        }

        /** Adds what an example contributes: all its channels. */
        @Override
        public void complete(int n, int from, int to, Coefficients at, double[] dy, double[] dyx) {
            int row = n * cells.channels();
            double common = 0;
            for (int c = from; c < to; c++) {
                double response = length(n, c) / divisors[n];
                betas[row + c] = dy[c];
                gammas[row + c] = dyx[c] * response / (scales == null ? 1 : scales[n]);
                common += factor(c) * dyx[c] * response / divisors[n] / (to - from);
            }
            for (int c = from; c < to; c++) {
                double length = length(n, c);
                factors[row + c] = length == 0 ? 0 : (factor(c) * dyx[c] / divisors[n] - common) / length;
            }
        }

        @Override
        public void row(int n, int from, int to, Coefficients at, double[] slope, double[] shift) {
            for (int c = from; c < to; c++) {
                double unit = at.unit[c - from];
                slope[c - from] = unit == 0 ? 0 : factors[n * cells.channels() + c] / unit;
                shift[c - from] = 0;
            }
        }

        /** {@return gradient of gamma; the largest number where it is beyond the range of double} */
        public double[] gamma() {
            double[] total = NormGradients.total(gammas, cells.channels());
            for (int c = 0; c < total.length && scales != null; c++) {
                total[c] = Math.max(-Double.MAX_VALUE, Math.min(Double.MAX_VALUE, total[c]));
            }
            return total;
        }

        /** {@return gradient of beta} */
        public double[] beta() {
            return NormGradients.total(betas, cells.channels());
        }
    }
}
