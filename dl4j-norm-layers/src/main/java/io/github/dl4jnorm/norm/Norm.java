// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.norm;

import java.util.Arrays;
import java.util.List;

/**
 * The algebra of every channel normalization: mean and variance are mixtures of pooled statistics,
 *
 * <pre>
 *   mean[n,c] = Σₖ wₖ·meanₖ   var[n,c] = Σₖ w'ₖ·varₖ   y = gamma[c]·(x − mean)/√(var + eps) + beta[c]
 * </pre>
 *
 * Batch, group, instance and layer normalization have one part with weight 1; switchable normalization
 * (arXiv 1806.10779) has up to three, weighted by softmax. gamma and beta may also be given for each channel of each
 * example, {@code gamma[n,c]}, as conditional normalization has them.
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
    private final Renorm renorm;
    private final Divisor divisor;

    /**
     * A norm with its statistics and parameters at hand.
     *
     * @param examples    N
     * @param channels    C
     * @param parts       the statistics that are mixed
     * @param meanWeights weight of each part in the mean; they sum to 1
     * @param varWeights  weight of each part in the variance; they sum to 1
     * @param gamma       scale of each channel, or of each channel of each example in turn, or null for 1
     * @param beta        shift of each channel, or of each channel of each example in turn, or null for 0
     * @param eps         what is added to the variance, at least 0
     */
    public Norm(int examples, int channels, List<Pool> parts, double[] meanWeights, double[] varWeights,
                double[] gamma, double[] beta, double eps) {
        this(examples, channels, parts, meanWeights, varWeights, gamma, beta, eps, null, Divisor.DEVIATION);
    }

    /**
     * A norm whose normalized elements are corrected, or which divides by something else.
     *
     * @param examples    N
     * @param channels    C
     * @param parts       the statistics that are mixed
     * @param meanWeights weight of each part in the mean; they sum to 1
     * @param varWeights  weight of each part in the variance; they sum to 1
     * @param gamma       scale of each channel, or of each channel of each example in turn, or null for 1
     * @param beta        shift of each channel, or of each channel of each example in turn, or null for 0
     * @param eps         what keeps the division from being one by 0, at least 0
     * @param renorm      the correction, or null for none
     * @param divisor     what is divided by
     */
    public Norm(int examples, int channels, List<Pool> parts, double[] meanWeights, double[] varWeights,
                double[] gamma, double[] beta, double eps, Renorm renorm, Divisor divisor) {
        this.divisor = divisor;
        this.renorm = renorm;
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
     * @param eps      what is added to the variance, at least 0
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
    public void row(int n, int from, int to, Coefficients into) {
        int size = to - from;
        if (parts.size() == 1) {
            parts.get(0).standardize(n, from, to, divisor, eps, into);
        } else {
            mix(n, from, to, into);
        }
        if (gamma == null) {
            System.arraycopy(into.unit, 0, into.scale, 0, size);
        } else {
            int first = start(gamma, n) + from;
            for (int i = 0; i < size; i++) {
                into.scale[i] = gamma[first + i] * into.unit[i];
            }
        }
        if (beta == null) {
            Arrays.fill(into.shift, 0, size, 0);
        } else {
            System.arraycopy(beta, start(beta, n) + from, into.shift, 0, size);
        }
        if (renorm != null) {
            renormalize(n, from, to, into);
        }
    }

    private void mix(int n, int from, int to, Coefficients into) {
        double[] variances = into.unit;
        // Means are mixed by their distances from the first, until there are shifts: equal ones remain what they are.
        double[] first = into.shift;
        parts.get(0).means(n, from, to, first);
        System.arraycopy(first, 0, into.center, 0, to - from);
        Arrays.fill(variances, 0, to - from, 0);
        for (int k = 0; k < meanWeights.length; k++) {
            parts.get(k).mix(n, from, to, meanWeights[k], first, into.center, varWeights[k], variances);
        }
        for (int i = 0; i < to - from; i++) {
            into.unit[i] = divisor.unit(variances[i], eps);
        }
    }

    /** Where the values of an example begin. */
    private int start(double[] values, int n) {
        return values.length > channels ? n * channels : 0;
    }

    /** Whether examples have gammas or betas of their own. */
    boolean perExample() {
        return gamma != null && gamma.length > channels || beta != null && beta.length > channels;
    }

    private void renormalize(int n, int from, int to, Coefficients into) {
        Pool part = parts.get(0);
        for (int c = from; c < to; c++) {
            int pool = part.index(n, c);
            into.scale[c - from] *= renorm.factor(c, part.variance(pool), eps);
            into.shift[c - from] += (gamma == null ? 1 : gamma[c]) * renorm.offset(c, part.mean(pool), eps);
        }
    }

    /** Pools the statistics of some channels of an example. */
    @Override
    public void complete(int n, int from, int to) {
        for (Pool part : parts) {
            part.add(n, from, to);
        }
    }

    /** {@return the statistics that are mixed} */
    public List<Pool> parts() {
        return parts;
    }

    /**
     * The vector-Jacobian product.
     *
     * @param sums Σdy and Σdy·(x − center) of every example and channel
     * @return gradients of the parameters, and the map that gives the gradient of the input
     */
    public NormGradients backward(GradSums sums) {
        NormGradients result = new NormGradients(this, false);
        sums.complete(result, this, examples, channels);
        return result;
    }

    int examples() {
        return examples;
    }

    int channels() {
        return channels;
    }

    /** What gamma is multiplied with, given Σdy and Σdy·(x − mean)/√(var + eps) of a channel of an example. */
    double gradGamma(int n, int c, double dy, double dyHat) {
        if (renorm == null) {
            return dyHat;
        }
        int pool = parts.get(0).index(n, c);
        return renorm.factor(c, parts.get(0).variance(pool), eps) * dyHat
                + renorm.offset(c, parts.get(0).mean(pool), eps) * dy;
    }

    /** See {@link Divisor#slope}. */
    double slope(int n, int c, double unit) {
        if (divisor.slopeIsUnit()) {
            return unit;
        }
        Pool part = parts.get(0);
        int pool = part.index(n, c);
        return divisor.slope(unit, part.count(pool), part.variance(pool), eps);
    }

    /** {@return whether a statistic computed from the input is not a finite number} */
    public boolean overflowed() {
        return parts.stream().anyMatch(part -> part.overflowed(divisor));
    }

    boolean isCentered() {
        return divisor.isCentered();
    }

    boolean isOfVariance() {
        return divisor.isOfVariance();
    }

    double meanWeight(int part) {
        return meanWeights[part];
    }

    double varWeight(int part) {
        return varWeights[part];
    }
}
