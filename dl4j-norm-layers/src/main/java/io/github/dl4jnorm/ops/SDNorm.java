// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

import java.util.List;
import java.util.Objects;
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
public final class SDNorm extends NormOps<SDVariable> {
    private final SameDiff sd;
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
        this.sd = Objects.requireNonNull(sd, "sd");
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

    private SDVariable named(String name, SDVariable output) {
        return sd.updateVariableNameAndReference(output, name);
    }

    /** {@link NormOps#batchNorm} whose output has a name. */
    public SDVariable batchNorm(String name, SDVariable x, SDVariable gamma, SDVariable beta, double eps) {
        return named(name, batchNorm(x, gamma, beta, eps));
    }

    /** {@link NormOps#batchNorm} with the layout, whose output has a name. */
    public SDVariable batchNorm(String name, SDVariable x, SDVariable gamma, SDVariable beta, double eps, Layout layout) {
        return named(name, batchNorm(x, gamma, beta, eps, layout));
    }

    /** {@link NormOps#batchNormInference} whose output has a name. */
    public SDVariable batchNormInference(String name, SDVariable x, SDVariable gamma, SDVariable beta, SDVariable mean,
                                         SDVariable var, double eps) {
        return named(name, batchNormInference(x, gamma, beta, mean, var, eps));
    }

    /** {@link NormOps#batchNormInference} with the layout, whose output has a name. */
    public SDVariable batchNormInference(String name, SDVariable x, SDVariable gamma, SDVariable beta, SDVariable mean,
                                         SDVariable var, double eps, Layout layout) {
        return named(name, batchNormInference(x, gamma, beta, mean, var, eps, layout));
    }

    /** {@link NormOps#groupNorm} whose output has a name. */
    public SDVariable groupNorm(String name, SDVariable x, SDVariable gamma, SDVariable beta, int groups, double eps) {
        return named(name, groupNorm(x, gamma, beta, groups, eps));
    }

    /** {@link NormOps#groupNorm} with the layout, whose output has a name. */
    public SDVariable groupNorm(String name, SDVariable x, SDVariable gamma, SDVariable beta, int groups, double eps,
                                Layout layout) {
        return named(name, groupNorm(x, gamma, beta, groups, eps, layout));
    }

    /** {@link NormOps#instanceNorm} whose output has a name. */
    public SDVariable instanceNorm(String name, SDVariable x, SDVariable gamma, SDVariable beta, double eps) {
        return named(name, instanceNorm(x, gamma, beta, eps));
    }

    /** {@link NormOps#instanceNorm} with the layout, whose output has a name. */
    public SDVariable instanceNorm(String name, SDVariable x, SDVariable gamma, SDVariable beta, double eps, Layout layout) {
        return named(name, instanceNorm(x, gamma, beta, eps, layout));
    }

    /** {@link NormOps#layerNorm} whose output has a name. */
    public SDVariable layerNorm(String name, SDVariable x, SDVariable gamma, SDVariable beta, double eps) {
        return named(name, layerNorm(x, gamma, beta, eps));
    }

    /** {@link NormOps#layerNorm} with the layout, whose output has a name. */
    public SDVariable layerNorm(String name, SDVariable x, SDVariable gamma, SDVariable beta, double eps, Layout layout) {
        return named(name, layerNorm(x, gamma, beta, eps, layout));
    }

    /** {@link NormOps#layerNormPerPosition} whose output has a name. */
    public SDVariable layerNormPerPosition(String name, SDVariable x, SDVariable gamma, SDVariable beta, double eps) {
        return named(name, layerNormPerPosition(x, gamma, beta, eps));
    }

    /** {@link NormOps#layerNormPerPosition} with the layout, whose output has a name. */
    public SDVariable layerNormPerPosition(String name, SDVariable x, SDVariable gamma, SDVariable beta, double eps,
                                           Layout layout) {
        return named(name, layerNormPerPosition(x, gamma, beta, eps, layout));
    }

    /** {@link NormOps#switchableNorm} whose output has a name. */
    public SDVariable switchableNorm(String name, SDVariable x, SDVariable gamma, SDVariable beta, SDVariable meanWeight,
                                     SDVariable varWeight, double eps) {
        return named(name, switchableNorm(x, gamma, beta, meanWeight, varWeight, eps));
    }

    /** {@link NormOps#switchableNorm} with the layout, whose output has a name. */
    public SDVariable switchableNorm(String name, SDVariable x, SDVariable gamma, SDVariable beta, SDVariable meanWeight,
                                     SDVariable varWeight, double eps, Layout layout) {
        return named(name, switchableNorm(x, gamma, beta, meanWeight, varWeight, eps, layout));
    }

    /** {@link NormOps#switchableNormInference} whose output has a name. */
    public SDVariable switchableNormInference(String name, SDVariable x, SDVariable gamma, SDVariable beta,
                                              SDVariable meanWeight, SDVariable varWeight, SDVariable mean, SDVariable var,
                                              double eps) {
        return named(name, switchableNormInference(x, gamma, beta, meanWeight, varWeight, mean, var, eps));
    }

    /** {@link NormOps#switchableNormInference} with the layout, whose output has a name. */
    public SDVariable switchableNormInference(String name, SDVariable x, SDVariable gamma, SDVariable beta,
                                              SDVariable meanWeight, SDVariable varWeight, SDVariable mean, SDVariable var,
                                              double eps, Layout layout) {
        return named(name, switchableNormInference(x, gamma, beta, meanWeight, varWeight, mean, var, eps, layout));
    }

    /** {@link NormOps#rmsNorm} whose output has a name. */
    public SDVariable rmsNorm(String name, SDVariable x, SDVariable gamma, SDVariable beta, double eps) {
        return named(name, rmsNorm(x, gamma, beta, eps));
    }

    /** {@link NormOps#rmsNorm} with the layout, whose output has a name. */
    public SDVariable rmsNorm(String name, SDVariable x, SDVariable gamma, SDVariable beta, double eps, Layout layout) {
        return named(name, rmsNorm(x, gamma, beta, eps, layout));
    }

    /** {@link NormOps#l2Normalize} whose output has a name. */
    public SDVariable l2Normalize(String name, SDVariable x, double eps) {
        return named(name, l2Normalize(x, eps));
    }

    /** {@link NormOps#l2Normalize} with the layout, whose output has a name. */
    public SDVariable l2Normalize(String name, SDVariable x, double eps, Layout layout) {
        return named(name, l2Normalize(x, eps, layout));
    }

    /** {@link NormOps#filterResponseNorm} whose output has a name. */
    public SDVariable filterResponseNorm(String name, SDVariable x, SDVariable gamma, SDVariable beta, double eps) {
        return named(name, filterResponseNorm(x, gamma, beta, eps));
    }

    /** {@link NormOps#filterResponseNorm} with the layout, whose output has a name. */
    public SDVariable filterResponseNorm(String name, SDVariable x, SDVariable gamma, SDVariable beta, double eps,
                                         Layout layout) {
        return named(name, filterResponseNorm(x, gamma, beta, eps, layout));
    }

    /** {@link NormOps#globalResponseNorm} whose output has a name. */
    public SDVariable globalResponseNorm(String name, SDVariable x, SDVariable gamma, SDVariable beta, double eps) {
        return named(name, globalResponseNorm(x, gamma, beta, eps));
    }

    /** {@link NormOps#globalResponseNorm} with the layout, whose output has a name. */
    public SDVariable globalResponseNorm(String name, SDVariable x, SDVariable gamma, SDVariable beta, double eps,
                                         Layout layout) {
        return named(name, globalResponseNorm(x, gamma, beta, eps, layout));
    }
}
