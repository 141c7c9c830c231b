// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

import java.util.List;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;

/**
 * Adds normalizations to a {@link SameDiff} graph, like ND4J's {@code SDNN}:
 *
 * <pre>{@code
 * SDNorm norm = new SDNorm(sd);
 * SDVariable y = norm.groupNorm("y", x, gamma, beta, 8, 1e-5);
 * SDVariable z = norm.layerNorm("z", y, null, null, 1e-6, Layout.CHANNELS_LAST);
 * }</pre>
 *
 * <p>Each operation is a single node that runs this library's kernels; a second node computes the gradients of all inputs.
 * See {@link NormOps} for the operations. Here each has an overload whose first argument names the output.
 *
 * <p>Call {@link #register()} before loading a saved graph in a process that has not created such an operation.
 *
 * <p>Whether ND4J can run these nodes is tested once, on a small graph. If it cannot, the methods compose each operation
 * from ND4J's own, which is slower but gives the same numbers and gradients, and log this once. The system property
 * {@code -Ddl4jnorm.samediff=fused} throws instead; {@code composed} always composes.
 */
public final class SDNorm extends NamedLengthOps {
    private final boolean fused;

    /**
     * Creates operations for a graph.
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

    /** Registers the operations with SameDiff, so that it can load graphs that contain them. Can be called repeatedly. */
    public static void register() {
        NormNodes.register();
    }

    @Override
    SDVariable apply(NormSpec spec, List<SDVariable> inputs) {
        NormChecks.variables(spec, inputs);
        return fused ? NormNodes.fused(sd, spec, inputs) : new Composition(sd, spec, inputs).output();
    }

    /**
     * Applies {@link NormOps#batchNorm} and names the output.
     *
     * @param name  name of the output
     * @param x     input
     * @param gamma scale of each channel, {@code [C]}, or null for 1
     * @param beta  shift of each channel, {@code [C]}, or null for 0
     * @param eps   value added to the variance, at least 0
     * @return output with the shape of x
     */
    public SDVariable batchNorm(String name, SDVariable x, SDVariable gamma, SDVariable beta, double eps) {
        return named(name, batchNorm(x, gamma, beta, eps));
    }

    /**
     * Applies {@link NormOps#batchNorm} in the given layout and names the output.
     *
     * @param name   name of the output
     * @param x      input
     * @param gamma  scale of each channel, {@code [C]}, or null for 1
     * @param beta   shift of each channel, {@code [C]}, or null for 0
     * @param eps    value added to the variance, at least 0
     * @param layout layout of x
     * @return output with the shape and layout of x
     */
    public SDVariable batchNorm(String name, SDVariable x, SDVariable gamma, SDVariable beta, double eps, Layout layout) {
        return named(name, batchNorm(x, gamma, beta, eps, layout));
    }

    /**
     * Applies {@link NormOps#batchNormInference} and names the output.
     *
     * @param name  name of the output
     * @param x     input
     * @param gamma scale of each channel, {@code [C]}, or null for 1
     * @param beta  shift of each channel, {@code [C]}, or null for 0
     * @param mean  mean of each channel, {@code [C]}
     * @param var   variance of each channel, {@code [C]}; negative values count as 0
     * @param eps   value added to the variance, at least 0
     * @return output with the shape of x
     */
    public SDVariable batchNormInference(String name, SDVariable x, SDVariable gamma, SDVariable beta, SDVariable mean,
                                         SDVariable var, double eps) {
        return named(name, batchNormInference(x, gamma, beta, mean, var, eps));
    }

    /**
     * Applies {@link NormOps#batchNormInference} in the given layout and names the output.
     *
     * @param name   name of the output
     * @param x      input
     * @param gamma  scale of each channel, {@code [C]}, or null for 1
     * @param beta   shift of each channel, {@code [C]}, or null for 0
     * @param mean   mean of each channel, {@code [C]}
     * @param var    variance of each channel, {@code [C]}; negative values count as 0
     * @param eps    value added to the variance, at least 0
     * @param layout layout of x
     * @return output with the shape and layout of x
     */
    public SDVariable batchNormInference(String name, SDVariable x, SDVariable gamma, SDVariable beta, SDVariable mean,
                                         SDVariable var, double eps, Layout layout) {
        return named(name, batchNormInference(x, gamma, beta, mean, var, eps, layout));
    }

    /**
     * Applies {@link NormOps#groupNorm} and names the output.
     *
     * @param name   name of the output
     * @param x      input
     * @param gamma  scale of each channel, {@code [C]}, or null for 1
     * @param beta   shift of each channel, {@code [C]}, or null for 0
     * @param groups number of groups of consecutive channels; must divide C
     * @param eps    value added to the variance, at least 0
     * @return output with the shape of x
     */
    public SDVariable groupNorm(String name, SDVariable x, SDVariable gamma, SDVariable beta, int groups, double eps) {
        return named(name, groupNorm(x, gamma, beta, groups, eps));
    }

    /**
     * Applies {@link NormOps#groupNorm} in the given layout and names the output.
     *
     * @param name   name of the output
     * @param x      input
     * @param gamma  scale of each channel, {@code [C]}, or null for 1
     * @param beta   shift of each channel, {@code [C]}, or null for 0
     * @param groups number of groups of consecutive channels; must divide C
     * @param eps    value added to the variance, at least 0
     * @param layout layout of x
     * @return output with the shape and layout of x
     */
    public SDVariable groupNorm(String name, SDVariable x, SDVariable gamma, SDVariable beta, int groups, double eps,
                                Layout layout) {
        return named(name, groupNorm(x, gamma, beta, groups, eps, layout));
    }

    /**
     * Applies {@link NormOps#instanceNorm} and names the output.
     *
     * @param name  name of the output
     * @param x     input
     * @param gamma scale of each channel, {@code [C]}, or null for 1
     * @param beta  shift of each channel, {@code [C]}, or null for 0
     * @param eps   value added to the variance, at least 0
     * @return output with the shape of x
     */
    public SDVariable instanceNorm(String name, SDVariable x, SDVariable gamma, SDVariable beta, double eps) {
        return named(name, instanceNorm(x, gamma, beta, eps));
    }

    /**
     * Applies {@link NormOps#instanceNorm} in the given layout and names the output.
     *
     * @param name   name of the output
     * @param x      input
     * @param gamma  scale of each channel, {@code [C]}, or null for 1
     * @param beta   shift of each channel, {@code [C]}, or null for 0
     * @param eps    value added to the variance, at least 0
     * @param layout layout of x
     * @return output with the shape and layout of x
     */
    public SDVariable instanceNorm(String name, SDVariable x, SDVariable gamma, SDVariable beta, double eps, Layout layout) {
        return named(name, instanceNorm(x, gamma, beta, eps, layout));
    }

    /**
     * Applies {@link NormOps#layerNorm} to rank-2 input and names the output.
     *
     * @param name  name of the output
     * @param x     input {@code [N, C]}
     * @param gamma scale of each channel, {@code [C]}, or null for 1
     * @param beta  shift of each channel, {@code [C]}, or null for 0
     * @param eps   value added to the variance, at least 0
     * @return output {@code [N, C]}
     * @throws IllegalArgumentException if the rank is not 2
     */
    public SDVariable layerNorm(String name, SDVariable x, SDVariable gamma, SDVariable beta, double eps) {
        return named(name, layerNorm(x, gamma, beta, eps));
    }

    /**
     * Applies {@link NormOps#layerNorm} in the given layout and names the output.
     *
     * @param name   name of the output
     * @param x      input
     * @param gamma  scale of each channel, {@code [C]}, or null for 1
     * @param beta   shift of each channel, {@code [C]}, or null for 0
     * @param eps    value added to the variance, at least 0
     * @param layout layout of x
     * @return output with the shape and layout of x
     */
    public SDVariable layerNorm(String name, SDVariable x, SDVariable gamma, SDVariable beta, double eps, Layout layout) {
        return named(name, layerNorm(x, gamma, beta, eps, layout));
    }

    /**
     * Applies {@link NormOps#layerNormPerPosition} to rank-2 input and names the output.
     *
     * @param name  name of the output
     * @param x     input {@code [N, C]}
     * @param gamma scale of each channel, {@code [C]}, or null for 1
     * @param beta  shift of each channel, {@code [C]}, or null for 0
     * @param eps   value added to the variance, at least 0
     * @return output {@code [N, C]}
     * @throws IllegalArgumentException if the rank is not 2
     */
    public SDVariable layerNormPerPosition(String name, SDVariable x, SDVariable gamma, SDVariable beta, double eps) {
        return named(name, layerNormPerPosition(x, gamma, beta, eps));
    }

    /**
     * Applies {@link NormOps#layerNormPerPosition} in the given layout and names the output.
     *
     * @param name   name of the output
     * @param x      input
     * @param gamma  scale of each channel, {@code [C]}, or null for 1
     * @param beta   shift of each channel, {@code [C]}, or null for 0
     * @param eps    value added to the variance, at least 0
     * @param layout layout of x
     * @return output with the shape and layout of x
     */
    public SDVariable layerNormPerPosition(String name, SDVariable x, SDVariable gamma, SDVariable beta, double eps,
                                           Layout layout) {
        return named(name, layerNormPerPosition(x, gamma, beta, eps, layout));
    }

    /**
     * Applies {@link NormOps#switchableNorm} and names the output.
     *
     * @param name       name of the output
     * @param x          input
     * @param gamma      scale of each channel, {@code [C]}, or null for 1
     * @param beta       shift of each channel, {@code [C]}, or null for 0
     * @param meanWeight logits that weight the means: {@code [3]} for instance, layer and batch, or {@code [2]}
     *                   without batch
     * @param varWeight  logits that weight the variances, with the length of meanWeight
     * @param eps        value added to the variance, at least 0
     * @return output with the shape of x
     */
    public SDVariable switchableNorm(String name, SDVariable x, SDVariable gamma, SDVariable beta, SDVariable meanWeight,
                                     SDVariable varWeight, double eps) {
        return named(name, switchableNorm(x, gamma, beta, meanWeight, varWeight, eps));
    }

    /**
     * Applies {@link NormOps#switchableNorm} in the given layout and names the output.
     *
     * @param name       name of the output
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
    public SDVariable switchableNorm(String name, SDVariable x, SDVariable gamma, SDVariable beta, SDVariable meanWeight,
                                     SDVariable varWeight, double eps, Layout layout) {
        return named(name, switchableNorm(x, gamma, beta, meanWeight, varWeight, eps, layout));
    }

    /**
     * Applies {@link NormOps#switchableNormInference} and names the output.
     *
     * @param name       name of the output
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
    public SDVariable switchableNormInference(String name, SDVariable x, SDVariable gamma, SDVariable beta,
                                              SDVariable meanWeight, SDVariable varWeight, SDVariable mean, SDVariable var,
                                              double eps) {
        return named(name, switchableNormInference(x, gamma, beta, meanWeight, varWeight, mean, var, eps));
    }

    /**
     * Applies {@link NormOps#switchableNormInference} in the given layout and names the output.
     *
     * @param name       name of the output
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
    public SDVariable switchableNormInference(String name, SDVariable x, SDVariable gamma, SDVariable beta,
                                              SDVariable meanWeight, SDVariable varWeight, SDVariable mean, SDVariable var,
                                              double eps, Layout layout) {
        return named(name, switchableNormInference(x, gamma, beta, meanWeight, varWeight, mean, var, eps, layout));
    }
}
