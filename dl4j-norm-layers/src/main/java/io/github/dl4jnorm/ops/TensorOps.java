// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

import java.util.List;

/**
 * The operations of {@link NormOps} that are more than a layer does: of sums, and over any axes.
 *
 * @param <A> INDArray or SDVariable
 */
public abstract class TensorOps<A> {
    /** Where the channels are, or null if that was not said. */
    private final Layout layout;
    private final double gammaOffset;

    /** Limits subclasses to this package. */
    TensorOps(Layout layout, double gammaOffset) {
        this.layout = layout;
        this.gammaOffset = gammaOffset;
    }

    /** Where the channels are, or null if that was not said. */
    final Layout layout() {
        return layout;
    }

    final double gammaOffset() {
        return gammaOffset;
    }

    /** Computes or builds the operation: y and, with a residual, the sum. */
    abstract List<A> outputs(NormSpec spec, List<A> inputs);

    /** Computes or builds the operation and returns y. */
    final A apply(NormSpec spec, List<A> inputs) {
        return outputs(spec, inputs).get(0);
    }

    private ResidualNorm<A> ofSum(NormOps.Kind kind, double eps, A x, A residual, A gamma, A beta) {
        NormSpec spec = new NormSpec(kind, layout, gamma != null, beta != null, 1, eps, gammaOffset, true, null);
        List<A> outputs = outputs(spec, spec.inputs(x, residual, gamma, beta));
        return new ResidualNorm<>(outputs.get(1), outputs.get(0));
    }

    /**
     * Adds a residual and applies {@link NormOps#layerNorm} to the sum: {@code sum = x + residual},
     * {@code output = gamma·(sum − mean)/√(var + eps) + beta}. If each position has its own statistics, both are written in a
     * single pass over memory. Rank 3 and above requires a {@link NormOps#layout}.
     *
     * @param x        input
     * @param residual array with the shape and type of x
     * @param gamma    scale of each channel, {@code [C]}, or null for 1
     * @param beta     shift of each channel, {@code [C]}, or null for 0
     * @param eps      value added to the variance, at least 0
     * @return sum and output, with the shape and layout of x
     */
    public ResidualNorm<A> addLayerNorm(A x, A residual, A gamma, A beta, double eps) {
        return ofSum(NormOps.Kind.LAYER_NORM, eps, x, residual, gamma, beta);
    }

    /**
     * Adds a residual and applies {@link NormOps#rmsNorm} to the sum, in a single pass over memory: {@code sum = x + residual},
     * {@code output = gamma·sum/√(mean(sum²) + eps) + beta}. Rank 3 and above requires a {@link NormOps#layout}.
     *
     * @param x        input
     * @param residual array with the shape and type of x
     * @param gamma    scale of each channel, {@code [C]}, or null for 1
     * @param beta     shift of each channel, {@code [C]}, or null for 0
     * @param eps      value added to the mean square, at least 0
     * @return sum and output, with the shape and layout of x
     */
    public ResidualNorm<A> addRmsNorm(A x, A residual, A gamma, A beta, double eps) {
        return ofSum(NormOps.Kind.RMS_NORM, eps, x, residual, gamma, beta);
    }

    private A overAxes(NormOps.Kind kind, double eps, A x, A gamma, A beta, Axes axes) {
        NormSpec spec = new NormSpec(kind, null, gamma != null, beta != null, 1, eps, gammaOffset, false, axes);
        return apply(spec, spec.inputs(x, null, gamma, beta));
    }

    /**
     * Normalizes over any axes, like Flax with {@code reduction_axes} and {@code feature_axes}:
     * {@code y = gamma·(x − mean)/√(var + eps) + beta}, with mean and biased variance over {@code axes} and a gamma and beta for
     * each element of {@code featureAxes}. x has rank 1 to 5, and no layout matters. Negative axes count from the end.
     *
     * <p>Axes that follow each other need no copy of x, nor do those in front of and behind the others, as in batch
     * normalization. If featureAxes are neither the reduced nor the other axes, gamma and beta take another traversal.
     *
     * @param x           input
     * @param axes        axes that each mean and variance are over, at least one
     * @param featureAxes axes of gamma and beta; their sizes, in ascending order of the axes, are the shape of both
     * @param gamma       scale for each element of featureAxes, or null for 1
     * @param beta        shift for each element of featureAxes, or null for 0
     * @param eps         value added to the variance, at least 0
     * @return output with the shape of x
     */
    public A normalize(A x, int[] axes, int[] featureAxes, A gamma, A beta, double eps) {
        return overAxes(NormOps.Kind.LAYER_NORM, eps, x, gamma, beta, new Axes(axes.clone(), featureAxes.clone()));
    }

    /**
     * Divides by the root mean square over any axes: {@code y = gamma·x/√(mean(x²) + eps) + beta}. See {@link #normalize} for
     * axes and feature axes.
     *
     * @param x           input
     * @param axes        axes that each root mean square is over, at least one
     * @param featureAxes axes of gamma and beta; their sizes, in ascending order of the axes, are the shape of both
     * @param gamma       scale for each element of featureAxes, or null for 1
     * @param beta        shift for each element of featureAxes, or null for 0
     * @param eps         value added to the mean square, at least 0
     * @return output with the shape of x
     */
    public A rmsNormalize(A x, int[] axes, int[] featureAxes, A gamma, A beta, double eps) {
        return overAxes(NormOps.Kind.RMS_NORM, eps, x, gamma, beta, new Axes(axes.clone(), featureAxes.clone()));
    }

    /**
     * Applies layer normalization over the last axes, like PyTorch's {@code layer_norm} with several sizes in
     * {@code normalized_shape}: {@link #normalize} with these as axes and feature axes.
     *
     * @param x     input of rank 1 to 5
     * @param count how many axes, at least 1
     * @param gamma scale with the last sizes of x as its shape, or null for 1
     * @param beta  shift with the last sizes of x as its shape, or null for 0
     * @param eps   value added to the variance, at least 0
     * @return output with the shape of x
     */
    public A layerNormLastAxes(A x, int count, A gamma, A beta, double eps) {
        return overAxes(NormOps.Kind.LAYER_NORM, eps, x, gamma, beta, Axes.last(count));
    }

    /**
     * Applies RMSNorm over the last axes, like PyTorch's {@code rms_norm}: {@link #rmsNormalize} with these as axes and feature
     * axes.
     *
     * @param x     input of rank 1 to 5
     * @param count how many axes, at least 1
     * @param gamma scale with the last sizes of x as its shape, or null for 1
     * @param beta  shift with the last sizes of x as its shape, or null for 0
     * @param eps   value added to the mean square, at least 0
     * @return output with the shape of x
     */
    public A rmsNormLastAxes(A x, int count, A gamma, A beta, double eps) {
        return overAxes(NormOps.Kind.RMS_NORM, eps, x, gamma, beta, Axes.last(count));
    }
}
