// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

import java.util.List;
import java.util.Objects;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;

/**
 * Adds normalizations to a {@link SameDiff} graph, like ND4J's {@code SDNN}:
 *
 * <pre>{@code
 * SDNorm norm = new SDNorm(sd);
 * SDVariable y = norm.named("y").groupNorm(x, gamma, beta, 8, 1e-5);
 * SDVariable z = norm.layout(Layout.CHANNELS_LAST).layerNorm(y, null, null, 1e-6);
 * }</pre>
 *
 * <p>Each operation is a single node that runs this library's kernels; a second node computes the gradients of all inputs.
 * See {@link NormOps} for the operations; {@link #named} names the output.
 *
 * <p>Call {@link #register()} before loading a saved graph in a process that has not created such an operation.
 *
 * <p>Whether ND4J can run these nodes is tested once, on a small graph. If it cannot, the methods compose each operation
 * from ND4J's own, which is slower but gives the same numbers and gradients, and log this once. The system property
 * {@code -Ddl4jnorm.samediff=fused} throws instead; {@code composed} always composes.
 */
public final class SDNorm extends NormOps<SDVariable> {
    private final SameDiff sd;
    private final boolean fused;
    /** Of the output, or null. */
    private final String name;

    /**
     * Creates operations for a graph.
     *
     * @param sd the graph
     */
    public SDNorm(SameDiff sd) {
        this(sd, NormNodes.areFused());
    }

    SDNorm(SameDiff sd, boolean fused) {
        this(Objects.requireNonNull(sd, "sd"), fused, null, 0, null);
    }

    private SDNorm(SameDiff sd, boolean fused, Layout layout, double gammaOffset, String name) {
        super(layout, gammaOffset);
        this.sd = sd;
        this.fused = fused;
        this.name = name;
    }

    @Override
    public SDNorm layout(Layout layout) {
        return new SDNorm(sd, fused, Objects.requireNonNull(layout, "layout"), gammaOffset(), name);
    }

    @Override
    public SDNorm gammaOffset(double gammaOffset) {
        return new SDNorm(sd, fused, layout(), gammaOffset, name);
    }

    /**
     * Returns the same operations with a name for the output.
     *
     * @param name name of the output variable
     * @return operations of which one is to be used; these are unchanged
     */
    public SDNorm named(String name) {
        return new SDNorm(sd, fused, layout(), gammaOffset(), Objects.requireNonNull(name, "name"));
    }

    /** Registers the operations with SameDiff, so that it can load graphs that contain them. Can be called repeatedly. */
    public static void register() {
        NormNodes.register();
    }

    @Override
    List<SDVariable> outputs(NormSpec spec, List<SDVariable> inputs) {
        NormChecks.variables(spec, inputs);
        List<SDVariable> outputs = fused ? NormNodes.fused(sd, spec, inputs) : new Composition(sd, spec, inputs).outputs();
        if (name != null) {
            sd.updateVariableNameAndReference(outputs.get(0), name);
        }
        return outputs;
    }
}
