// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

/**
 * The methods that {@link NDNorm} and {@link SDNorm} share. Input has rank 2 to 5 and type FLOAT, DOUBLE or HALF: N
 * examples, C channels in dimension 1 or the last one, and positions in all others. Output has the shape and type of x.
 *
 * <p>Without a layout channels are in dimension 1, as everywhere in Deeplearning4j. Those that normalize over the channels
 * of an example, {@code layerNorm}, {@code layerNormPerPosition}, {@code rmsNorm} and {@code l2Normalize}, are known
 * elsewhere as norms over the last axis: they take input of rank 2 without a layout, and from rank 3 on have to be given
 * one. {@link Layout#CHANNELS_LAST} is for {@code [N, T, D]} of transformers.
 *
 * <p>All throw {@link IllegalArgumentException} for inputs that do not fit, with the method, what it expected and all
 * shapes.
 *
 * @param <A> INDArray or SDVariable
 */
public abstract class NormOps<A> extends LengthOps<A> {

    /** Only for the classes of this package. */
    NormOps() {
    }

    /**
     * Batch normalization with the statistics of the batch (arXiv 1502.03167): mean and biased variance of a channel over all
     * examples and positions, {@code y = gamma·(x − mean)/√(var + eps) + beta}.
     *
     * @param x     input
     * @param gamma scale of each channel, {@code [C]}, or null for 1
     * @param beta  shift of each channel, {@code [C]}, or null for 0
     * @param eps   added to the variance, at least 0
     * @return output, with the channels in dimension 1 as in x
     */
    public A batchNorm(A x, A gamma, A beta, double eps) {
        return batchNorm(x, gamma, beta, eps, Layout.CHANNELS_FIRST);
    }

    /**
     * As {@link #batchNorm(Object, Object, Object, double)}, with the layout.
     *
     * @param x      input
     * @param gamma  scale of each channel, {@code [C]}, or null for 1
     * @param beta   shift of each channel, {@code [C]}, or null for 0
     * @param eps    added to the variance, at least 0
     * @param layout where the channels are in x
     * @return output, with the channels where they are in x
     */
    public A batchNorm(A x, A gamma, A beta, double eps, Layout layout) {
        return norm(NormKind.BATCH_NORM, layout, 1, eps, x, gamma, beta);
    }

    /**
     * Batch normalization with given statistics, {@code y = gamma·(x − mean)/√(var + eps) + beta}, as at test time.
     *
     * @param x     input
     * @param gamma scale of each channel, {@code [C]}, or null for 1
     * @param beta  shift of each channel, {@code [C]}, or null for 0
     * @param mean  mean of each channel, {@code [C]}
     * @param var   variance of each channel, {@code [C]}; a negative one counts as 0
     * @param eps   added to the variance, at least 0
     * @return output, with the channels in dimension 1 as in x
     */
    public A batchNormInference(A x, A gamma, A beta, A mean, A var, double eps) {
        return batchNormInference(x, gamma, beta, mean, var, eps, Layout.CHANNELS_FIRST);
    }

    /**
     * As {@link #batchNormInference(Object, Object, Object, Object, Object, double)}, with the layout.
     *
     * @param x      input
     * @param gamma  scale of each channel, {@code [C]}, or null for 1
     * @param beta   shift of each channel, {@code [C]}, or null for 0
     * @param mean   mean of each channel, {@code [C]}
     * @param var    variance of each channel, {@code [C]}; a negative one counts as 0
     * @param eps    added to the variance, at least 0
     * @param layout where the channels are in x
     * @return output, with the channels where they are in x
     */
    public A batchNormInference(A x, A gamma, A beta, A mean, A var, double eps, Layout layout) {
        return norm(NormKind.BATCH_NORM_INFERENCE, layout, 1, eps, x, gamma, beta, mean, var);
    }

    /**
     * Group normalization (arXiv 1803.08494): mean and biased variance over the channels of a group and all positions of an
     * example, {@code y = gamma·(x − mean)/√(var + eps) + beta}.
     *
     * @param x      input
     * @param gamma  scale of each channel, {@code [C]}, or null for 1
     * @param beta   shift of each channel, {@code [C]}, or null for 0
     * @param groups number of groups of neighbouring channels, a divisor of C
     * @param eps    added to the variance, at least 0
     * @return output, with the channels in dimension 1 as in x
     */
    public A groupNorm(A x, A gamma, A beta, int groups, double eps) {
        return groupNorm(x, gamma, beta, groups, eps, Layout.CHANNELS_FIRST);
    }

    /**
     * As {@link #groupNorm(Object, Object, Object, int, double)}, with the layout.
     *
     * @param x      input
     * @param gamma  scale of each channel, {@code [C]}, or null for 1
     * @param beta   shift of each channel, {@code [C]}, or null for 0
     * @param groups number of groups of neighbouring channels, a divisor of C
     * @param eps    added to the variance, at least 0
     * @param layout where the channels are in x
     * @return output, with the channels where they are in x
     */
    public A groupNorm(A x, A gamma, A beta, int groups, double eps, Layout layout) {
        return norm(NormKind.GROUP_NORM, layout, groups, eps, x, gamma, beta);
    }

    /**
     * Instance normalization (arXiv 1607.08022): mean and biased variance of a channel over all positions of an example,
     * {@code y = gamma·(x − mean)/√(var + eps) + beta}. Rank 3 and up.
     *
     * @param x     input
     * @param gamma scale of each channel, {@code [C]}, or null for 1
     * @param beta  shift of each channel, {@code [C]}, or null for 0
     * @param eps   added to the variance, at least 0
     * @return output, with the channels in dimension 1 as in x
     */
    public A instanceNorm(A x, A gamma, A beta, double eps) {
        return instanceNorm(x, gamma, beta, eps, Layout.CHANNELS_FIRST);
    }

    /**
     * As {@link #instanceNorm(Object, Object, Object, double)}, with the layout.
     *
     * @param x      input
     * @param gamma  scale of each channel, {@code [C]}, or null for 1
     * @param beta   shift of each channel, {@code [C]}, or null for 0
     * @param eps    added to the variance, at least 0
     * @param layout where the channels are in x
     * @return output, with the channels where they are in x
     */
    public A instanceNorm(A x, A gamma, A beta, double eps, Layout layout) {
        return norm(NormKind.INSTANCE_NORM, layout, 1, eps, x, gamma, beta);
    }

    /**
     * Layer normalization (arXiv 1607.06450) over all of one example at one time step: C of {@code [N, C]}, C at each t of
     * {@code [N, C, T]}, C, H and W of {@code [N, C, H, W]}; {@code y = gamma·(x − mean)/√(var + eps) + beta}. Input of rank 2;
     * from rank 3 on the layout has to be given.
     *
     * @param x     input {@code [N, C]}
     * @param gamma scale of each channel, {@code [C]}, or null for 1
     * @param beta  shift of each channel, {@code [C]}, or null for 0
     * @param eps   added to the variance, at least 0
     * @return output {@code [N, C]}
     * @throws IllegalArgumentException if the rank is not 2
     */
    public A layerNorm(A x, A gamma, A beta, double eps) {
        return ofRank2(NormKind.LAYER_NORM, eps, x, gamma, beta);
    }

    /**
     * As {@link #layerNorm(Object, Object, Object, double)}, with the layout.
     *
     * @param x      input
     * @param gamma  scale of each channel, {@code [C]}, or null for 1
     * @param beta   shift of each channel, {@code [C]}, or null for 0
     * @param eps    added to the variance, at least 0
     * @param layout where the channels are in x
     * @return output, with the channels where they are in x
     */
    public A layerNorm(A x, A gamma, A beta, double eps, Layout layout) {
        return norm(NormKind.LAYER_NORM, layout, 1, eps, x, gamma, beta);
    }

    /**
     * Layer normalization over the channels of each position alone, in images and volumes, too, as ConvNeXt does;
     * {@code y = gamma·(x − mean)/√(var + eps) + beta}. Input of rank 2; from rank 3 on the layout has to be given.
     *
     * @param x     input {@code [N, C]}
     * @param gamma scale of each channel, {@code [C]}, or null for 1
     * @param beta  shift of each channel, {@code [C]}, or null for 0
     * @param eps   added to the variance, at least 0
     * @return output {@code [N, C]}
     * @throws IllegalArgumentException if the rank is not 2
     */
    public A layerNormPerPosition(A x, A gamma, A beta, double eps) {
        return ofRank2(NormKind.LAYER_NORM_PER_POSITION, eps, x, gamma, beta);
    }

    /**
     * As {@link #layerNormPerPosition(Object, Object, Object, double)}, with the layout.
     *
     * @param x      input
     * @param gamma  scale of each channel, {@code [C]}, or null for 1
     * @param beta   shift of each channel, {@code [C]}, or null for 0
     * @param eps    added to the variance, at least 0
     * @param layout where the channels are in x
     * @return output, with the channels where they are in x
     */
    public A layerNormPerPosition(A x, A gamma, A beta, double eps, Layout layout) {
        return norm(NormKind.LAYER_NORM_PER_POSITION, layout, 1, eps, x, gamma, beta);
    }

    /**
     * Switchable normalization (arXiv 1806.10779) with the statistics of the batch: mean and biased variance are mixtures of
     * those of instance, layer and batch normalization, weighted by softmax. The layer part spans C and all positions; input of
     * rank 2 has no instance part and leaves its weight out.
     *
     * @param x          input
     * @param gamma      scale of each channel, {@code [C]}, or null for 1
     * @param beta       shift of each channel, {@code [C]}, or null for 0
     * @param meanWeight logits of the parts' weights in the mean: {@code [3]} for instance, layer and batch, or {@code [2]}
     *                   without batch
     * @param varWeight  logits of the parts' weights in the variance, as many
     * @param eps        added to the variance, at least 0
     * @return output, with the channels in dimension 1 as in x
     */
    public A switchableNorm(A x, A gamma, A beta, A meanWeight, A varWeight, double eps) {
        return switchableNorm(x, gamma, beta, meanWeight, varWeight, eps, Layout.CHANNELS_FIRST);
    }

    /**
     * As {@link #switchableNorm(Object, Object, Object, Object, Object, double)}, with the layout.
     *
     * @param x          input
     * @param gamma      scale of each channel, {@code [C]}, or null for 1
     * @param beta       shift of each channel, {@code [C]}, or null for 0
     * @param meanWeight logits of the parts' weights in the mean: {@code [3]} for instance, layer and batch, or {@code [2]}
     *                   without batch
     * @param varWeight  logits of the parts' weights in the variance, as many
     * @param eps        added to the variance, at least 0
     * @param layout     where the channels are in x
     * @return output, with the channels where they are in x
     */
    public A switchableNorm(A x, A gamma, A beta, A meanWeight, A varWeight, double eps, Layout layout) {
        return norm(NormKind.SWITCHABLE_NORM, layout, 1, eps, x, gamma, beta, meanWeight, varWeight);
    }

    /**
     * Switchable normalization whose batch part is given, as at test time.
     *
     * @param x          input
     * @param gamma      scale of each channel, {@code [C]}, or null for 1
     * @param beta       shift of each channel, {@code [C]}, or null for 0
     * @param meanWeight logits of the parts' weights in the mean: {@code [3]} for instance, layer and batch, or {@code [2]}
     *                   without batch
     * @param varWeight  logits of the parts' weights in the variance, as many
     * @param mean       mean of each channel, {@code [C]}
     * @param var        variance of each channel, {@code [C]}; a negative one counts as 0
     * @param eps        added to the variance, at least 0
     * @return output, with the channels in dimension 1 as in x
     */
    public A switchableNormInference(A x, A gamma, A beta, A meanWeight, A varWeight, A mean, A var, double eps) {
        return switchableNormInference(x, gamma, beta, meanWeight, varWeight, mean, var, eps, Layout.CHANNELS_FIRST);
    }

    /**
     * As {@link #switchableNormInference(Object, Object, Object, Object, Object, Object, Object, double)}, with the layout.
     *
     * @param x          input
     * @param gamma      scale of each channel, {@code [C]}, or null for 1
     * @param beta       shift of each channel, {@code [C]}, or null for 0
     * @param meanWeight logits of the parts' weights in the mean: {@code [3]} for instance, layer and batch, or {@code [2]}
     *                   without batch
     * @param varWeight  logits of the parts' weights in the variance, as many
     * @param mean       mean of each channel, {@code [C]}
     * @param var        variance of each channel, {@code [C]}; a negative one counts as 0
     * @param eps        added to the variance, at least 0
     * @param layout     where the channels are in x
     * @return output, with the channels where they are in x
     */
    public A switchableNormInference(A x, A gamma, A beta, A meanWeight, A varWeight, A mean, A var, double eps,
                                     Layout layout) {
        return norm(NormKind.SWITCHABLE_NORM_INFERENCE, layout, 1, eps, x, gamma, beta, meanWeight, varWeight, mean, var);
    }
}
