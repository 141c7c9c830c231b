// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

/**
 * Defines the operations that {@link NDNorm} and {@link SDNorm} share. Input has rank 2 to 5 and type FLOAT, DOUBLE or
 * HALF: N examples in dimension 0, C channels in dimension 1 or the last dimension, positions in all others. Output has the
 * shape and type of x.
 *
 * <p>Without a layout the channels are in dimension 1, as everywhere in Deeplearning4j. {@code layerNorm},
 * {@code layerNormPerPosition}, {@code rmsNorm} and {@code l2Normalize} normalize over the channels of an example; other
 * libraries define them over the last axis. To avoid mistakes, they accept only rank 2 without a layout and require one for
 * rank 3 and above. Use {@link Layout#CHANNELS_LAST} for {@code [N, T, D]} of transformers.
 *
 * <p>All methods throw {@link IllegalArgumentException} for inputs that do not fit. The message has the method, what it
 * expected and all shapes.
 *
 * @param <A> INDArray or SDVariable
 */
public abstract class NormOps<A> extends LengthOps<A> {

    /** Limits subclasses to this package. */
    NormOps() {
    }

    /**
     * Applies batch normalization with the statistics of the batch (<a href="https://arxiv.org/abs/1502.03167">arXiv
     * 1502.03167</a>): {@code y = gamma·(x − mean)/√(var + eps) + beta}, with mean and biased variance of each channel over
     * all examples and positions.
     *
     * @param x     input
     * @param gamma scale of each channel, {@code [C]}, or null for 1
     * @param beta  shift of each channel, {@code [C]}, or null for 0
     * @param eps   value added to the variance, at least 0
     * @return output with the shape of x
     */
    public A batchNorm(A x, A gamma, A beta, double eps) {
        return batchNorm(x, gamma, beta, eps, Layout.CHANNELS_FIRST);
    }

    /**
     * Applies {@link #batchNorm(Object, Object, Object, double)} to input in the given layout.
     *
     * @param x      input
     * @param gamma  scale of each channel, {@code [C]}, or null for 1
     * @param beta   shift of each channel, {@code [C]}, or null for 0
     * @param eps    value added to the variance, at least 0
     * @param layout layout of x
     * @return output with the shape and layout of x
     */
    public A batchNorm(A x, A gamma, A beta, double eps, Layout layout) {
        return norm(NormKind.BATCH_NORM, layout, 1, eps, x, gamma, beta);
    }

    /**
     * Applies batch normalization with given statistics, as at test time: {@code y = gamma·(x − mean)/√(var + eps) + beta}.
     *
     * @param x     input
     * @param gamma scale of each channel, {@code [C]}, or null for 1
     * @param beta  shift of each channel, {@code [C]}, or null for 0
     * @param mean  mean of each channel, {@code [C]}
     * @param var   variance of each channel, {@code [C]}; negative values count as 0
     * @param eps   value added to the variance, at least 0
     * @return output with the shape of x
     */
    public A batchNormInference(A x, A gamma, A beta, A mean, A var, double eps) {
        return batchNormInference(x, gamma, beta, mean, var, eps, Layout.CHANNELS_FIRST);
    }

    /**
     * Applies {@link #batchNormInference(Object, Object, Object, Object, Object, double)} to input in the given layout.
     *
     * @param x      input
     * @param gamma  scale of each channel, {@code [C]}, or null for 1
     * @param beta   shift of each channel, {@code [C]}, or null for 0
     * @param mean   mean of each channel, {@code [C]}
     * @param var    variance of each channel, {@code [C]}; negative values count as 0
     * @param eps    value added to the variance, at least 0
     * @param layout layout of x
     * @return output with the shape and layout of x
     */
    public A batchNormInference(A x, A gamma, A beta, A mean, A var, double eps, Layout layout) {
        return norm(NormKind.BATCH_NORM_INFERENCE, layout, 1, eps, x, gamma, beta, mean, var);
    }

    /**
     * Applies group normalization (<a href="https://arxiv.org/abs/1803.08494">arXiv 1803.08494</a>):
     * {@code y = gamma·(x − mean)/√(var + eps) + beta}, with mean and biased variance over the channels of a group and all
     * positions of an example.
     *
     * @param x      input
     * @param gamma  scale of each channel, {@code [C]}, or null for 1
     * @param beta   shift of each channel, {@code [C]}, or null for 0
     * @param groups number of groups of consecutive channels; must divide C
     * @param eps    value added to the variance, at least 0
     * @return output with the shape of x
     */
    public A groupNorm(A x, A gamma, A beta, int groups, double eps) {
        return groupNorm(x, gamma, beta, groups, eps, Layout.CHANNELS_FIRST);
    }

    /**
     * Applies {@link #groupNorm(Object, Object, Object, int, double)} to input in the given layout.
     *
     * @param x      input
     * @param gamma  scale of each channel, {@code [C]}, or null for 1
     * @param beta   shift of each channel, {@code [C]}, or null for 0
     * @param groups number of groups of consecutive channels; must divide C
     * @param eps    value added to the variance, at least 0
     * @param layout layout of x
     * @return output with the shape and layout of x
     */
    public A groupNorm(A x, A gamma, A beta, int groups, double eps, Layout layout) {
        return norm(NormKind.GROUP_NORM, layout, groups, eps, x, gamma, beta);
    }

    /**
     * Applies instance normalization (<a href="https://arxiv.org/abs/1607.08022">arXiv 1607.08022</a>):
     * {@code y = gamma·(x − mean)/√(var + eps) + beta}, with mean and biased variance of a channel over all positions of an
     * example. Requires rank 3 to 5.
     *
     * @param x     input
     * @param gamma scale of each channel, {@code [C]}, or null for 1
     * @param beta  shift of each channel, {@code [C]}, or null for 0
     * @param eps   value added to the variance, at least 0
     * @return output with the shape of x
     */
    public A instanceNorm(A x, A gamma, A beta, double eps) {
        return instanceNorm(x, gamma, beta, eps, Layout.CHANNELS_FIRST);
    }

    /**
     * Applies {@link #instanceNorm(Object, Object, Object, double)} to input in the given layout.
     *
     * @param x      input
     * @param gamma  scale of each channel, {@code [C]}, or null for 1
     * @param beta   shift of each channel, {@code [C]}, or null for 0
     * @param eps    value added to the variance, at least 0
     * @param layout layout of x
     * @return output with the shape and layout of x
     */
    public A instanceNorm(A x, A gamma, A beta, double eps, Layout layout) {
        return norm(NormKind.INSTANCE_NORM, layout, 1, eps, x, gamma, beta);
    }

    /**
     * Applies layer normalization (<a href="https://arxiv.org/abs/1607.06450">arXiv 1607.06450</a>):
     * {@code y = gamma·(x − mean)/√(var + eps) + beta}, with mean and biased variance over one example at one timestep: C
     * of {@code [N, C]}, C at each t of {@code [N, C, T]}, C, H and W of {@code [N, C, H, W]}. Accepts rank 2; rank 3 and
     * above requires a layout.
     *
     * @param x     input {@code [N, C]}
     * @param gamma scale of each channel, {@code [C]}, or null for 1
     * @param beta  shift of each channel, {@code [C]}, or null for 0
     * @param eps   value added to the variance, at least 0
     * @return output {@code [N, C]}
     * @throws IllegalArgumentException if the rank is not 2
     */
    public A layerNorm(A x, A gamma, A beta, double eps) {
        return ofRank2(NormKind.LAYER_NORM, eps, x, gamma, beta);
    }

    /**
     * Applies {@link #layerNorm(Object, Object, Object, double)} to input in the given layout.
     *
     * @param x      input
     * @param gamma  scale of each channel, {@code [C]}, or null for 1
     * @param beta   shift of each channel, {@code [C]}, or null for 0
     * @param eps    value added to the variance, at least 0
     * @param layout layout of x
     * @return output with the shape and layout of x
     */
    public A layerNorm(A x, A gamma, A beta, double eps, Layout layout) {
        return norm(NormKind.LAYER_NORM, layout, 1, eps, x, gamma, beta);
    }

    /**
     * Applies layer normalization over the channels of each position, also for images and volumes, as in ConvNeXt:
     * {@code y = gamma·(x − mean)/√(var + eps) + beta}. Accepts rank 2; rank 3 and above requires a layout.
     *
     * @param x     input {@code [N, C]}
     * @param gamma scale of each channel, {@code [C]}, or null for 1
     * @param beta  shift of each channel, {@code [C]}, or null for 0
     * @param eps   value added to the variance, at least 0
     * @return output {@code [N, C]}
     * @throws IllegalArgumentException if the rank is not 2
     */
    public A layerNormPerPosition(A x, A gamma, A beta, double eps) {
        return ofRank2(NormKind.LAYER_NORM_PER_POSITION, eps, x, gamma, beta);
    }

    /**
     * Applies {@link #layerNormPerPosition(Object, Object, Object, double)} to input in the given layout.
     *
     * @param x      input
     * @param gamma  scale of each channel, {@code [C]}, or null for 1
     * @param beta   shift of each channel, {@code [C]}, or null for 0
     * @param eps    value added to the variance, at least 0
     * @param layout layout of x
     * @return output with the shape and layout of x
     */
    public A layerNormPerPosition(A x, A gamma, A beta, double eps, Layout layout) {
        return norm(NormKind.LAYER_NORM_PER_POSITION, layout, 1, eps, x, gamma, beta);
    }

    /**
     * Applies switchable normalization with the statistics of the batch (<a href="https://arxiv.org/abs/1806.10779">arXiv
     * 1806.10779</a>). Mean and biased variance are softmax-weighted mixtures of those of instance, layer and batch
     * normalization. The layer part is computed over C and all positions. Rank-2 input has no instance part and ignores its
     * weight.
     *
     * @param x          input
     * @param gamma      scale of each channel, {@code [C]}, or null for 1
     * @param beta       shift of each channel, {@code [C]}, or null for 0
     * @param meanWeight logits that weight the means: {@code [3]} for instance, layer and batch, or {@code [2]}
     *                   without batch
     * @param varWeight  logits that weight the variances, with the length of meanWeight
     * @param eps        value added to the variance, at least 0
     * @return output with the shape of x
     */
    public A switchableNorm(A x, A gamma, A beta, A meanWeight, A varWeight, double eps) {
        return switchableNorm(x, gamma, beta, meanWeight, varWeight, eps, Layout.CHANNELS_FIRST);
    }

    /**
     * Applies {@link #switchableNorm(Object, Object, Object, Object, Object, double)} to input in the given layout.
     *
     * @param x          input
     * @param gamma      scale of each channel, {@code [C]}, or null for 1
     * @param beta       shift of each channel, {@code [C]}, or null for 0
     * @param meanWeight logits that weight the means: {@code [3]} for instance, layer and batch, or {@code [2]}
     *                   without batch
     * @param varWeight  logits that weight the variances, with the length of meanWeight
     * @param eps        value added to the variance, at least 0
     * @param layout     layout of x
     * @return output with the shape and layout of x
     */
    public A switchableNorm(A x, A gamma, A beta, A meanWeight, A varWeight, double eps, Layout layout) {
        return norm(NormKind.SWITCHABLE_NORM, layout, 1, eps, x, gamma, beta, meanWeight, varWeight);
    }

    /**
     * Applies switchable normalization with given statistics for the batch part, as at test time.
     *
     * @param x          input
     * @param gamma      scale of each channel, {@code [C]}, or null for 1
     * @param beta       shift of each channel, {@code [C]}, or null for 0
     * @param meanWeight logits that weight the means: {@code [3]} for instance, layer and batch, or {@code [2]}
     *                   without batch
     * @param varWeight  logits that weight the variances, with the length of meanWeight
     * @param mean       mean of each channel, {@code [C]}
     * @param var        variance of each channel, {@code [C]}; negative values count as 0
     * @param eps        value added to the variance, at least 0
     * @return output with the shape of x
     */
    public A switchableNormInference(A x, A gamma, A beta, A meanWeight, A varWeight, A mean, A var, double eps) {
        return switchableNormInference(x, gamma, beta, meanWeight, varWeight, mean, var, eps, Layout.CHANNELS_FIRST);
    }

    /**
     * Applies {@link #switchableNormInference(Object, Object, Object, Object, Object, Object, Object, double)} to input in the
     * given layout.
     *
     * @param x          input
     * @param gamma      scale of each channel, {@code [C]}, or null for 1
     * @param beta       shift of each channel, {@code [C]}, or null for 0
     * @param meanWeight logits that weight the means: {@code [3]} for instance, layer and batch, or {@code [2]}
     *                   without batch
     * @param varWeight  logits that weight the variances, with the length of meanWeight
     * @param mean       mean of each channel, {@code [C]}
     * @param var        variance of each channel, {@code [C]}; negative values count as 0
     * @param eps        value added to the variance, at least 0
     * @param layout     layout of x
     * @return output with the shape and layout of x
     */
    public A switchableNormInference(A x, A gamma, A beta, A meanWeight, A varWeight, A mean, A var, double eps,
                                     Layout layout) {
        return norm(NormKind.SWITCHABLE_NORM_INFERENCE, layout, 1, eps, x, gamma, beta, meanWeight, varWeight, mean, var);
    }
}
