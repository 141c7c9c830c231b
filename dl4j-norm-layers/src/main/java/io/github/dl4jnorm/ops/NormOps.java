// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.DynamicErf;
import io.github.dl4jnorm.conf.DynamicTanh;
import io.github.dl4jnorm.conf.EvoNormB0;
import io.github.dl4jnorm.conf.EvoNormS0;
import io.github.dl4jnorm.conf.FilterResponseNormalization;
import io.github.dl4jnorm.conf.GlobalResponseNormalization;
import io.github.dl4jnorm.conf.GroupNormalization;
import io.github.dl4jnorm.conf.InstanceBatchNormalization;
import io.github.dl4jnorm.conf.InstanceNormalization;
import io.github.dl4jnorm.conf.LayerNormalization;
import io.github.dl4jnorm.conf.LayerScale;
import io.github.dl4jnorm.conf.MeanOnlyBatchNormalization;
import io.github.dl4jnorm.conf.RmsNormalization;
import io.github.dl4jnorm.conf.ScaleNormalization;
import io.github.dl4jnorm.conf.SwitchableNormalization;
import io.github.dl4jnorm.conf.UnitNormalization;
import org.nd4j.shade.guava.base.CaseFormat;

/**
 * Defines the operations that {@link NDNorm} and {@link SDNorm} share. Input has rank 2 to 5 and type FLOAT, DOUBLE or
 * HALF: N examples in dimension 0, C channels in dimension 1 or the last dimension, positions in all others. Output has the
 * shape and type of x.
 *
 * <p>Where the channels are is set with {@link #layout}. Without it they are in dimension 1, as everywhere in Deeplearning4j.
 * {@code layerNorm}, {@code layerNormPerPosition}, {@code rmsNorm} and {@code l2Normalize} normalize over the channels of an
 * example; other libraries define them over the last axis. To avoid mistakes, they require a layout for rank 3 and above. Use
 * {@link Layout#CHANNELS_LAST} for {@code [N, T, D]} of transformers.
 *
 * <p>{@link #gammaOffset} adds a number to gamma.
 *
 * <p>All methods throw {@link IllegalArgumentException} for inputs that do not fit. The message has the method, what it
 * expected and all shapes.
 *
 * @param <A> INDArray or SDVariable
 */
public abstract class NormOps<A> extends NormSubstitutes<A> {
    /** The operations, each with the layer that does the same. Saved graphs hold the ordinal: new ones go to the end. */
    enum Kind {
        BATCH_NORM(Definition.of(BatchNormalization::new)),
        BATCH_NORM_INFERENCE(Definition.given(BatchNormalization::new)),
        GROUP_NORM(new Definition((groups, weights) -> new GroupNormalization.Builder(groups).build(), false)),
        INSTANCE_NORM(Definition.of(InstanceNormalization::new)),
        LAYER_NORM(Definition.of(LayerNormalization::new)),
        LAYER_NORM_PER_POSITION(Definition.of(() -> new LayerNormalization.Builder().perPosition(true).build())),
        SWITCHABLE_NORM(new Definition(Kind::switchable, false)),
        SWITCHABLE_NORM_INFERENCE(new Definition(Kind::switchable, true)),
        RMS_NORM(Definition.of(RmsNormalization::new)),
        L2_NORMALIZE(Definition.of(UnitNormalization::new)),
        FILTER_RESPONSE_NORM(Definition.of(FilterResponseNormalization::new)),
        GLOBAL_RESPONSE_NORM(Definition.of(GlobalResponseNormalization::new)),
        SCALE_NORM(Definition.of(ScaleNormalization::new)),
        MEAN_ONLY_BATCH_NORM(Definition.of(MeanOnlyBatchNormalization::new)),
        MEAN_ONLY_BATCH_NORM_INFERENCE(Definition.given(MeanOnlyBatchNormalization::new)),
        LAYER_SCALE(Definition.of(LayerScale::new)),
        DYNAMIC_TANH(Definition.of(DynamicTanh::new)),
        DYNAMIC_ERF(Definition.of(DynamicErf::new)),
        EVO_NORM_S0(new Definition((groups, weights) -> new EvoNormS0.Builder(groups).build(), false)),
        EVO_NORM_B0(Definition.of(EvoNormB0::new)),
        EVO_NORM_B0_INFERENCE(Definition.given(EvoNormB0::new)),
        INSTANCE_BATCH_NORM(Definition.of(InstanceBatchNormalization::new)),
        INSTANCE_BATCH_NORM_INFERENCE(Definition.given(InstanceBatchNormalization::new));

        private final Definition definition;

        Kind(Definition definition) {
            this.definition = definition;
        }

        private static SwitchableNormalization switchable(int groups, int weights) {
            return new SwitchableNormalization.Builder().useBatch(weights == Definition.PARTS).build();
        }

        Definition definition() {
            return definition;
        }

        /** The method that makes it: {@code layerNorm} of {@code LAYER_NORM}. */
        @Override
        public String toString() {
            return CaseFormat.UPPER_UNDERSCORE.to(CaseFormat.LOWER_CAMEL, name());
        }
    }

    /** Limits subclasses to this package. */
    NormOps(Layout layout, double gammaOffset) {
        super(layout, gammaOffset);
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
     * @return output with the shape and layout of x
     */
    public A batchNorm(A x, A gamma, A beta, double eps) {
        return norm(Kind.BATCH_NORM, 1, eps, x, gamma, beta);
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
     * @return output with the shape and layout of x
     */
    public A batchNormInference(A x, A gamma, A beta, A mean, A var, double eps) {
        return norm(Kind.BATCH_NORM_INFERENCE, 1, eps, x, gamma, beta, mean, var);
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
     * @return output with the shape and layout of x
     */
    public A groupNorm(A x, A gamma, A beta, int groups, double eps) {
        return norm(Kind.GROUP_NORM, groups, eps, x, gamma, beta);
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
     * @return output with the shape and layout of x
     */
    public A instanceNorm(A x, A gamma, A beta, double eps) {
        return norm(Kind.INSTANCE_NORM, 1, eps, x, gamma, beta);
    }

    /**
     * Applies layer normalization (<a href="https://arxiv.org/abs/1607.06450">arXiv 1607.06450</a>):
     * {@code y = gamma·(x − mean)/√(var + eps) + beta}, with mean and biased variance over one example at one timestep: C
     * of {@code [N, C]}, C at each t of {@code [N, C, T]}, C, H and W of {@code [N, C, H, W]}. Rank 3 and above requires a
     * {@link #layout}.
     *
     * @param x     input
     * @param gamma scale of each channel, {@code [C]}, or null for 1
     * @param beta  shift of each channel, {@code [C]}, or null for 0
     * @param eps   value added to the variance, at least 0
     * @return output with the shape and layout of x
     */
    public A layerNorm(A x, A gamma, A beta, double eps) {
        return norm(Kind.LAYER_NORM, 1, eps, x, gamma, beta);
    }

    /**
     * Applies layer normalization over the channels of each position, also for images and volumes, as in ConvNeXt:
     * {@code y = gamma·(x − mean)/√(var + eps) + beta}. Rank 3 and above requires a {@link #layout}.
     *
     * @param x     input
     * @param gamma scale of each channel, {@code [C]}, or null for 1
     * @param beta  shift of each channel, {@code [C]}, or null for 0
     * @param eps   value added to the variance, at least 0
     * @return output with the shape and layout of x
     */
    public A layerNormPerPosition(A x, A gamma, A beta, double eps) {
        return norm(Kind.LAYER_NORM_PER_POSITION, 1, eps, x, gamma, beta);
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
     * @param meanWeight logits that weight the means: {@code [3]} for instance, layer and batch, or {@code [2]} without batch
     * @param varWeight  logits that weight the variances, with the length of meanWeight
     * @param eps        value added to the variance, at least 0
     * @return output with the shape and layout of x
     */
    public A switchableNorm(A x, A gamma, A beta, A meanWeight, A varWeight, double eps) {
        return norm(Kind.SWITCHABLE_NORM, 1, eps, x, gamma, beta, meanWeight, varWeight);
    }

    /**
     * Applies switchable normalization with given statistics for the batch part, as at test time.
     *
     * @param x          input
     * @param gamma      scale of each channel, {@code [C]}, or null for 1
     * @param beta       shift of each channel, {@code [C]}, or null for 0
     * @param meanWeight logits that weight the means: {@code [3]} for instance, layer and batch, or {@code [2]} without batch
     * @param varWeight  logits that weight the variances, with the length of meanWeight
     * @param mean       mean of each channel, {@code [C]}
     * @param var        variance of each channel, {@code [C]}; negative values count as 0
     * @param eps        value added to the variance, at least 0
     * @return output with the shape and layout of x
     */
    public A switchableNormInference(A x, A gamma, A beta, A meanWeight, A varWeight, A mean, A var, double eps) {
        return norm(Kind.SWITCHABLE_NORM_INFERENCE, 1, eps, x, gamma, beta, meanWeight, varWeight, mean, var);
    }

    /**
     * Applies RMSNorm over the channels of each position (<a href="https://arxiv.org/abs/1910.07467">arXiv 1910.07467</a>):
     * {@code y = gamma·x/√(mean(x²) + eps) + beta}. Rank 3 and above requires a {@link #layout}.
     *
     * @param x     input
     * @param gamma scale of each channel, {@code [C]}, or null for 1
     * @param beta  shift of each channel, {@code [C]}, or null for 0
     * @param eps   value added to the mean square, at least 0
     * @return output with the shape and layout of x
     */
    public A rmsNorm(A x, A gamma, A beta, double eps) {
        return norm(Kind.RMS_NORM, 1, eps, x, gamma, beta);
    }

    /**
     * Scales the channels of each position to unit length: {@code y = x/max(‖x‖₂, eps)}. Rank 3 and above requires a
     * {@link #layout}.
     *
     * @param x   input
     * @param eps smallest divisor, at least 0
     * @return output with the shape and layout of x
     */
    public A l2Normalize(A x, double eps) {
        return norm(Kind.L2_NORMALIZE, 1, eps, x, null, null);
    }

    /**
     * Applies filter response normalization over all positions of each channel of an example
     * (<a href="https://arxiv.org/abs/1911.09737">arXiv 1911.09737</a>): {@code y = gamma·x/√(mean(x²) + eps) + beta}. The
     * thresholded linear unit of the paper is {@code max(y, tau)}. Requires rank 3 to 5.
     *
     * @param x     input
     * @param gamma scale of each channel, {@code [C]}, or null for 1
     * @param beta  shift of each channel, {@code [C]}, or null for 0
     * @param eps   value added to the mean square, at least 0
     * @return output with the shape and layout of x
     */
    public A filterResponseNorm(A x, A gamma, A beta, double eps) {
        return norm(Kind.FILTER_RESPONSE_NORM, 1, eps, x, gamma, beta);
    }

    /**
     * Applies global response normalization (<a href="https://arxiv.org/abs/2301.00808">arXiv 2301.00808</a>): {@code y = x
     * + gamma·x·G/(mean of G over the channels + eps) + beta}, where G is the Euclidean norm of a channel of an example
     * over its positions. Requires rank 3 to 5.
     *
     * @param x     input
     * @param gamma factor of each channel, {@code [C]}, or null for 1
     * @param beta  shift of each channel, {@code [C]}, or null for 0
     * @param eps   value added to the mean of G, at least 0
     * @return output with the shape and layout of x
     */
    public A globalResponseNorm(A x, A gamma, A beta, double eps) {
        return norm(Kind.GLOBAL_RESPONSE_NORM, 1, eps, x, gamma, beta);
    }

    /**
     * Scales the channels of each position to one learned length (<a href="https://arxiv.org/abs/1910.05895">arXiv
     * 1910.05895</a>): {@code y = gamma·x/max(‖x‖₂, eps) + beta}. Rank 3 and above requires a {@link #layout}.
     *
     * @param x     input
     * @param gamma length of the output, {@code [1]}, or null for 1
     * @param beta  shift of each channel, {@code [C]}, or null for 0
     * @param eps   smallest divisor, at least 0
     * @return output with the shape and layout of x
     */
    public A scaleNorm(A x, A gamma, A beta, double eps) {
        return norm(Kind.SCALE_NORM, 1, eps, x, gamma, beta);
    }

    /**
     * Subtracts the mean of the batch (<a href="https://arxiv.org/abs/1602.07868">arXiv 1602.07868</a>, section 4):
     * {@code y = gamma·(x − mean) + beta}, with the mean of each channel over all examples and positions.
     *
     * @param x     input
     * @param gamma scale of each channel, {@code [C]}, or null for 1
     * @param beta  shift of each channel, {@code [C]}, or null for 0
     * @return output with the shape and layout of x
     */
    public A meanOnlyBatchNorm(A x, A gamma, A beta) {
        return norm(Kind.MEAN_ONLY_BATCH_NORM, 1, 0, x, gamma, beta);
    }

    /**
     * Subtracts a given mean, as at test time: {@code y = gamma·(x − mean) + beta}.
     *
     * @param x     input
     * @param gamma scale of each channel, {@code [C]}, or null for 1
     * @param beta  shift of each channel, {@code [C]}, or null for 0
     * @param mean  mean of each channel, {@code [C]}
     * @return output with the shape and layout of x
     */
    public A meanOnlyBatchNormInference(A x, A gamma, A beta, A mean) {
        return norm(Kind.MEAN_ONLY_BATCH_NORM_INFERENCE, 1, 0, x, gamma, beta, mean);
    }

    /**
     * Applies instance normalization to the first ⌊C/2⌋ channels and batch normalization with the statistics of the batch to the
     * others (IBN, <a href="https://arxiv.org/abs/1807.09441">arXiv 1807.09441</a>). Requires rank 3 to 5 and two channels.
     *
     * @param x     input
     * @param gamma scale of each channel, {@code [C]}, or null for 1
     * @param beta  shift of each channel, {@code [C]}, or null for 0
     * @param eps   value added to the variance, at least 0
     * @return output with the shape and layout of x
     */
    public A instanceBatchNorm(A x, A gamma, A beta, double eps) {
        return norm(Kind.INSTANCE_BATCH_NORM, 1, eps, x, gamma, beta);
    }

    /**
     * Applies instance normalization to the first ⌊C/2⌋ channels and given statistics to the others, as at test time.
     *
     * @param x     input
     * @param gamma scale of each channel, {@code [C]}, or null for 1
     * @param beta  shift of each channel, {@code [C]}, or null for 0
     * @param mean  mean of each channel, {@code [C]}; those of the first half are ignored
     * @param var   variance of each channel, {@code [C]}; likewise; negative values count as 0
     * @param eps   value added to the variance, at least 0
     * @return output with the shape and layout of x
     */
    public A instanceBatchNormInference(A x, A gamma, A beta, A mean, A var, double eps) {
        return norm(Kind.INSTANCE_BATCH_NORM_INFERENCE, 1, eps, x, gamma, beta, mean, var);
    }
}
