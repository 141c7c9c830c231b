// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.norm;

import java.util.List;

/**
 * The algebra of every channel normalization: mean and variance are mixtures of pooled statistics,
 *
 * <pre>
 *   mean[n,c] = Σₖ wₖ·meanₖ   var[n,c] = Σₖ w'ₖ·varₖ   y = gamma[c]·(x − mean)/√(var + eps) + beta[c]
 * </pre>
 *
 * Batch, group, instance and layer normalization have one part with weight 1; switchable normalization
 * (arXiv 1806.10779) has up to three, weighted by softmax.
 */
public final class Norm implements Affine {
    private final int examples;
    private final int channels;
    private final List<Pool> parts;
    private final double[] meanWeights;
    private final double[] varWeights;
    private final double[] gamma;
    private final double[] beta;
    private final double eps;

    /**
     * A norm with its statistics and parameters at hand.
     *
     * @param examples    N
     * @param channels    C
     * @param parts       the statistics that are mixed
     * @param meanWeights weight of each part in the mean; they sum to 1
     * @param varWeights  weight of each part in the variance; they sum to 1
     * @param gamma       scale of each channel, or null for 1
     * @param beta        shift of each channel, or null for 0
     * @param eps         what is added to the variance, positive
     */
    public Norm(int examples, int channels, List<Pool> parts, double[] meanWeights, double[] varWeights,
                double[] gamma, double[] beta, double eps) {
        this.examples = examples;
        this.channels = channels;
        this.parts = List.copyOf(parts);
        this.meanWeights = meanWeights;
        this.varWeights = varWeights;
        this.gamma = gamma;
        this.beta = beta;
        this.eps = eps;
    }

    /**
     * A norm with a single kind of statistics.
     *
     * @param examples N
     * @param channels C
     * @param part     the statistics
     * @param gamma    scale of each channel, or null for 1
     * @param beta     shift of each channel, or null for 0
     * @param eps      what is added to the variance, positive
     * @return the norm
     */
    public static Norm of(int examples, int channels, Pool part, double[] gamma, double[] beta, double eps) {
        double[] one = {1};
        return new Norm(examples, channels, List.of(part), one, one, gamma, beta, eps);
    }

    /**
     * Softmax, exp(λₖ)/Σ exp(λⱼ).
     *
     * @param logits λ
     * @return weights that sum to 1
     */
    public static double[] softmax(double[] logits) {
        double max = Double.NEGATIVE_INFINITY;
        for (double logit : logits) {
            max = Math.max(max, logit);
        }
        double[] weights = new double[logits.length];
        double sum = 0;
        for (int k = 0; k < weights.length; k++) {
            weights[k] = Math.exp(logits[k] - max);
            sum += weights[k];
        }
        for (int k = 0; k < weights.length; k++) {
            weights[k] /= sum;
        }
        return weights;
    }

    @Override
    public void row(int n, Coefficients into) {
        for (int c = 0; c < channels; c++) {
            double mean = 0;
            double variance = 0;
            for (int k = 0; k < meanWeights.length; k++) {
                Pool part = parts.get(k);
                int pool = part.index(n, c);
                mean += meanWeights[k] * part.mean(pool);
                variance += varWeights[k] * part.variance(pool);
            }
            double unit = 1 / Math.sqrt(variance + eps);
            into.unit[c] = unit;
            into.scale[c] = gamma == null ? unit : gamma[c] * unit;
            into.center[c] = mean;
            into.shift[c] = beta == null ? 0 : beta[c];
        }
    }

    /** @return the statistics that are mixed */
    public List<Pool> parts() {
        return parts;
    }

    /**
     * The vector-Jacobian product.
     *
     * @param sums Σdy and Σdy·(x − center) of every example and channel
     * @return gradients of the parameters, and the map that gives the gradient of the input
     */
    public Gradients backward(GradSums sums) {
        Gradients result = new Gradients();
        Coefficients at = new Coefficients(channels);
        double[] dy = new double[channels];
        double[] dyx = new double[channels];
        for (int n = 0; n < examples; n++) {
            row(n, at);
            sums.row(n, dy, dyx);
            for (int c = 0; c < channels; c++) {
                result.add(n, c, at, dy[c], dyx[c]);
            }
        }
        result.finish();
        return result;
    }

    /** Gradients of the parameters; as a {@link GradAffine}, of the input. */
    public final class Gradients implements GradAffine {
        private final double[] gammaGradient = new double[channels];
        private final double[] betaGradient = new double[channels];
        private final double[] meanLogits = new double[meanWeights.length];
        private final double[] varLogits = new double[varWeights.length];
        private final double[][] poolMean = new double[meanWeights.length][];
        private final double[][] poolVariance = new double[varWeights.length][];

        private Gradients() {
            for (int k = 0; k < poolMean.length; k++) {
                if (!parts.get(k).isConstant()) {
                    poolMean[k] = new double[parts.get(k).size()];
                    poolVariance[k] = new double[parts.get(k).size()];
                }
            }
        }

        private void add(int n, int c, Coefficients at, double dy, double dyx) {
            double unit = at.unit[c];
            gammaGradient[c] += dyx * unit;
            betaGradient[c] += dy;
            double dMean = -at.scale[c] * dy;
            double dVariance = -0.5 * at.scale[c] * unit * (dyx * unit);
            double variance = 0;
            for (int k = 0; k < poolMean.length; k++) {
                variance += varWeights[k] * parts.get(k).variance(parts.get(k).index(n, c));
            }
            for (int k = 0; k < poolMean.length; k++) {
                Pool part = parts.get(k);
                int pool = part.index(n, c);
                // Softmax subtracts the weighted average; done here, before the sum, it costs no digits.
                meanLogits[k] += meanWeights[k] * dMean * (part.mean(pool) - at.center[c]);
                varLogits[k] += varWeights[k] * dVariance * (part.variance(pool) - variance);
                if (poolMean[k] != null) {
                    poolMean[k][pool] += meanWeights[k] * dMean;
                    poolVariance[k][pool] += varWeights[k] * dVariance;
                }
            }
        }

        /** Turns the gradient of a pool's statistics into what each of its elements receives. */
        private void finish() {
            for (int k = 0; k < poolMean.length; k++) {
                for (int pool = 0; poolMean[k] != null && pool < poolMean[k].length; pool++) {
                    double count = Math.max(parts.get(k).count(pool), 1);
                    poolMean[k][pool] /= count;
                    poolVariance[k][pool] *= 2 / count;
                }
            }
        }

        @Override
        public void row(int n, Coefficients at, double[] slope, double[] shift) {
            for (int c = 0; c < channels; c++) {
                double q = 0;
                double r = 0;
                for (int k = 0; k < poolMean.length; k++) {
                    if (poolMean[k] != null) {
                        int pool = parts.get(k).index(n, c);
                        double qk = poolVariance[k][pool];
                        q += qk;
                        r += poolMean[k][pool] + qk * (at.center[c] - parts.get(k).mean(pool));
                    }
                }
                // A variance beyond the range of double: the output is beta, whatever x is.
                slope[c] = at.unit[c] == 0 ? 0 : q / at.unit[c];
                shift[c] = r;
            }
        }

        /** @return gradient of gamma */
        public double[] gamma() {
            return gammaGradient;
        }

        /** @return gradient of beta */
        public double[] beta() {
            return betaGradient;
        }

        /** @return gradient of the logits behind the weights of the means */
        public double[] meanLogits() {
            return meanLogits;
        }

        /** @return gradient of the logits behind the weights of the variances */
        public double[] varLogits() {
            return varLogits;
        }
    }
}
