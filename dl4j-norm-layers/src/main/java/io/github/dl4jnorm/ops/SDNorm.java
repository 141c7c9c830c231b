// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

import java.util.List;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;

/**
 * Normalizations as operations of a {@link SameDiff} graph, in the manner of ND4J's {@code SDNN}:
 *
 * <pre>{@code
 * SDNorm norm = new SDNorm(sd);
 * SDVariable y = norm.groupNorm("y", x, gamma, beta, 8, 1e-5);
 * SDVariable z = norm.layerNorm("z", y, null, null, 1e-6, Layout.CHANNELS_LAST);
 * }</pre>
 *
 * <p>Each is a single node that runs this library's kernels, with a single node for all gradients. Every input has a
 * gradient. {@link NormOps} describes the operations; here each of them may have a name before all else, which becomes
 * that of the output.
 *
 * <p>A process that loads a saved graph has to call {@link #register()} before, unless it has made an operation itself.
 *
 * <p>Whether ND4J runs such nodes is tested once, on a small graph. Where it does not, the same methods compose the
 * operation of ND4J's own, which gives the same numbers and gradients slowly, and the log says so once.
 * {@code -Ddl4jnorm.samediff=fused} makes that an error, {@code composed} always composes.
 */
public final class SDNorm extends NamedLengthOps {
    private final boolean fused;

    /**
     * Operations for a graph.
     *
     * @param sd the graph
     */
    public SDNorm(SameDiff sd) {
        this(sd, NormNodes.areFused());
    }

    SDNorm(SameDiff sd, boolean fused) {
        super(sd);
        this.fused = fused;
    }

    /** Makes the operations known to SameDiff, so that it can load graphs that have them. May be called repeatedly. */
    public static void register() {
        NormNodes.register();
    }

    @Override
    SDVariable apply(NormSpec spec, List<SDVariable> inputs) {
        NormChecks.variables(spec, inputs);
        return fused ? NormNodes.fused(sd, spec, inputs) : new Composition(sd, spec, inputs).output();
    }

    /**
     * {@link NormOps#batchNorm} whose output has a name.
     *
     * @param name  name of the output
     * @param x     input
     * @param gamma scale of each channel, {@code [C]}, or null for 1
     * @param beta  shift of each channel, {@code [C]}, or null for 0
     * @param eps   added to the variance, at least 0
     * @return output, with the channels in dimension 1 as in x
     */
    public SDVariable batchNorm(String name, SDVariable x, SDVariable gamma, SDVariable beta, double eps) {
        return named(name, batchNorm(x, gamma, beta, eps));
    }

    /**
     * {@link NormOps#batchNorm} with the layout, whose output has a name.
     *
     * @param name   name of the output
     * @param x      input
     * @param gamma  scale of each channel, {@code [C]}, or null for 1
     * @param beta   shift of each channel, {@code [C]}, or null for 0
     * @param eps    added to the variance, at least 0
     * @param layout where the channels are in x
     * @return output, with the channels where they are in x
     */
    public SDVariable batchNorm(String name, SDVariable x, SDVariable gamma, SDVariable beta, double eps, Layout layout) {
        return named(name, batchNorm(x, gamma, beta, eps, layout));
    }

    /**
     * {@link NormOps#batchNormInference} whose output has a name.
     *
     * @param name  name of the output
     * @param x     input
     * @param gamma scale of each channel, {@code [C]}, or null for 1
     * @param beta  shift of each channel, {@code [C]}, or null for 0
     * @param mean  mean of each channel, {@code [C]}
     * @param var   variance of each channel, {@code [C]}; a negative one counts as 0
     * @param eps   added to the variance, at least 0
     * @return output, with the channels in dimension 1 as in x
     */
    public SDVariable batchNormInference(String name, SDVariable x, SDVariable gamma, SDVariable beta, SDVariable mean,
                                         SDVariable var, double eps) {
        return named(name, batchNormInference(x, gamma, beta, mean, var, eps));
    }

    /**
     * {@link NormOps#batchNormInference} with the layout, whose output has a name.
     *
     * @param name   name of the output
     * @param x      input
     * @param gamma  scale of each channel, {@code [C]}, or null for 1
     * @param beta   shift of each channel, {@code [C]}, or null for 0
     * @param mean   mean of each channel, {@code [C]}
     * @param var    variance of each channel, {@code [C]}; a negative one counts as 0
     * @param eps    added to the variance, at least 0
     * @param layout where the channels are in x
     * @return output, with the channels where they are in x
     */
    public SDVariable batchNormInference(String name, SDVariable x, SDVariable gamma, SDVariable beta, SDVariable mean,
                                         SDVariable var, double eps, Layout layout) {
        return named(name, batchNormInference(x, gamma, beta, mean, var, eps, layout));
    }

    /**
     * {@link NormOps#groupNorm} whose output has a name.
     *
     * @param name   name of the output
     * @param x      input
     * @param gamma  scale of each channel, {@code [C]}, or null for 1
     * @param beta   shift of each channel, {@code [C]}, or null for 0
     * @param groups number of groups of neighbouring channels, a divisor of C
     * @param eps    added to the variance, at least 0
     * @return output, with the channels in dimension 1 as in x
     */
    public SDVariable groupNorm(String name, SDVariable x, SDVariable gamma, SDVariable beta, int groups, double eps) {
        return named(name, groupNorm(x, gamma, beta, groups, eps));
    }

    /**
     * {@link NormOps#groupNorm} with the layout, whose output has a name.
     *
     * @param name   name of the output
     * @param x      input
     * @param gamma  scale of each channel, {@code [C]}, or null for 1
     * @param beta   shift of each channel, {@code [C]}, or null for 0
     * @param groups number of groups of neighbouring channels, a divisor of C
     * @param eps    added to the variance, at least 0
     * @param layout where the channels are in x
     * @return output, with the channels where they are in x
     */
    public SDVariable groupNorm(String name, SDVariable x, SDVariable gamma, SDVariable beta, int groups, double eps,
                                Layout layout) {
        return named(name, groupNorm(x, gamma, beta, groups, eps, layout));
    }

    /**
     * {@link NormOps#instanceNorm} whose output has a name.
     *
     * @param name  name of the output
     * @param x     input
     * @param gamma scale of each channel, {@code [C]}, or null for 1
     * @param beta  shift of each channel, {@code [C]}, or null for 0
     * @param eps   added to the variance, at least 0
     * @return output, with the channels in dimension 1 as in x
     */
    public SDVariable instanceNorm(String name, SDVariable x, SDVariable gamma, SDVariable beta, double eps) {
        return named(name, instanceNorm(x, gamma, beta, eps));
    }

    /**
     * {@link NormOps#instanceNorm} with the layout, whose output has a name.
     *
     * @param name   name of the output
     * @param x      input
     * @param gamma  scale of each channel, {@code [C]}, or null for 1
     * @param beta   shift of each channel, {@code [C]}, or null for 0
     * @param eps    added to the variance, at least 0
     * @param layout where the channels are in x
     * @return output, with the channels where they are in x
     */
    public SDVariable instanceNorm(String name, SDVariable x, SDVariable gamma, SDVariable beta, double eps, Layout layout) {
        return named(name, instanceNorm(x, gamma, beta, eps, layout));
    }

    /**
     * {@link NormOps#layerNorm} of input of rank 2, whose output has a name.
     *
     * @param name  name of the output
     * @param x     input {@code [N, C]}
     * @param gamma scale of each channel, {@code [C]}, or null for 1
     * @param beta  shift of each channel, {@code [C]}, or null for 0
     * @param eps   added to the variance, at least 0
     * @return output {@code [N, C]}
     * @throws IllegalArgumentException if the rank is not 2
     */
    public SDVariable layerNorm(String name, SDVariable x, SDVariable gamma, SDVariable beta, double eps) {
        return named(name, layerNorm(x, gamma, beta, eps));
    }

    /**
     * {@link NormOps#layerNorm} with the layout, whose output has a name.
     *
     * @param name   name of the output
     * @param x      input
     * @param gamma  scale of each channel, {@code [C]}, or null for 1
     * @param beta   shift of each channel, {@code [C]}, or null for 0
     * @param eps    added to the variance, at least 0
     * @param layout where the channels are in x
     * @return output, with the channels where they are in x
     */
    public SDVariable layerNorm(String name, SDVariable x, SDVariable gamma, SDVariable beta, double eps, Layout layout) {
        return named(name, layerNorm(x, gamma, beta, eps, layout));
    }

    /**
     * {@link NormOps#layerNormPerPosition} of input of rank 2, whose output has a name.
     *
     * @param name  name of the output
     * @param x     input {@code [N, C]}
     * @param gamma scale of each channel, {@code [C]}, or null for 1
     * @param beta  shift of each channel, {@code [C]}, or null for 0
     * @param eps   added to the variance, at least 0
     * @return output {@code [N, C]}
     * @throws IllegalArgumentException if the rank is not 2
     */
    public SDVariable layerNormPerPosition(String name, SDVariable x, SDVariable gamma, SDVariable beta, double eps) {
        return named(name, layerNormPerPosition(x, gamma, beta, eps));
    }

    /**
     * {@link NormOps#layerNormPerPosition} with the layout, whose output has a name.
     *
     * @param name   name of the output
     * @param x      input
     * @param gamma  scale of each channel, {@code [C]}, or null for 1
     * @param beta   shift of each channel, {@code [C]}, or null for 0
     * @param eps    added to the variance, at least 0
     * @param layout where the channels are in x
     * @return output, with the channels where they are in x
     */
    public SDVariable layerNormPerPosition(String name, SDVariable x, SDVariable gamma, SDVariable beta, double eps,
                                           Layout layout) {
        return named(name, layerNormPerPosition(x, gamma, beta, eps, layout));
    }

    /**
     * {@link NormOps#switchableNorm} whose output has a name.
     *
     * @param name       name of the output
     * @param x          input
     * @param gamma      scale of each channel, {@code [C]}, or null for 1
     * @param beta       shift of each channel, {@code [C]}, or null for 0
     * @param meanWeight logits of the parts' weights in the mean: {@code [3]} for instance, layer and batch, or {@code [2]}
     *                   without batch
     * @param varWeight  logits of the parts' weights in the variance, as many
     * @param eps        added to the variance, at least 0
     * @return output, with the channels in dimension 1 as in x
     */
    public SDVariable switchableNorm(String name, SDVariable x, SDVariable gamma, SDVariable beta, SDVariable meanWeight,
                                     SDVariable varWeight, double eps) {
        return named(name, switchableNorm(x, gamma, beta, meanWeight, varWeight, eps));
    }

    /**
     * {@link NormOps#switchableNorm} with the layout, whose output has a name.
     *
     * @param name       name of the output
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
    public SDVariable switchableNorm(String name, SDVariable x, SDVariable gamma, SDVariable beta, SDVariable meanWeight,
                                     SDVariable varWeight, double eps, Layout layout) {
        return named(name, switchableNorm(x, gamma, beta, meanWeight, varWeight, eps, layout));
    }

    /**
     * {@link NormOps#switchableNormInference} whose output has a name.
     *
     * @param name       name of the output
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
    public SDVariable switchableNormInference(String name, SDVariable x, SDVariable gamma, SDVariable beta,
                                              SDVariable meanWeight, SDVariable varWeight, SDVariable mean, SDVariable var,
                                              double eps) {
        return named(name, switchableNormInference(x, gamma, beta, meanWeight, varWeight, mean, var, eps));
    }

    /**
     * {@link NormOps#switchableNormInference} with the layout, whose output has a name.
     *
     * @param name       name of the output
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
    public SDVariable switchableNormInference(String name, SDVariable x, SDVariable gamma, SDVariable beta,
                                              SDVariable meanWeight, SDVariable varWeight, SDVariable mean, SDVariable var,
                                              double eps, Layout layout) {
        return named(name, switchableNormInference(x, gamma, beta, meanWeight, varWeight, mean, var, eps, layout));
    }
}
