// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

import io.github.dl4jnorm.norm.ChannelStatistics;
import io.github.dl4jnorm.pass.Saved;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.ConcurrentMap;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.shape.LongShapeDescriptor;
import org.nd4j.shade.guava.collect.MapMaker;

/**
 * Runs a normalization in a SameDiff graph. Use {@link SDNorm} to create it; the class is public only because SameDiff
 * copies nodes.
 */
public final class NormNode extends KernelNode {
    /**
     * What forward passes left for gradients that are still to come, by the identity of the output: it saves the
     * gradient node a pass over x. Every node replaces or removes the pass of the array that it writes, so it never belongs
     * to another input, even where SameDiff uses an array again.
     */
    private static final ConcurrentMap<INDArray, Saved> SAVED = new MapMaker().weakKeys().makeMap();

    /** Whether a gradient node asks for the pass. Not saved: a copy gets gradient nodes of its own. */
    private boolean differentiated;

    /** Used by SameDiff. */
    public NormNode() {
    }

    NormNode(NormSpec spec) {
        super(spec);
    }

    NormNode(SameDiff sd, NormSpec spec, List<SDVariable> inputs) {
        super(sd, spec, inputs);
    }

    /** What the pass that wrote an output left, or null. It is given away once. */
    static Saved take(INDArray y) {
        return SAVED.remove(y);
    }

    /** The statistics of the batch an output was normalized with, or null if they are not at hand. */
    static ChannelStatistics batchStatistics(INDArray y) {
        Saved saved = SAVED.get(y);
        return saved == null ? null : saved.batchStatistics();
    }

    @Override
    public String opName() {
        return spec() == null ? "dl4jnorm" : spec().opName();
    }

    @Override
    public int getNumOutputs() {
        return spec().arrays();
    }

    @Override
    List<LongShapeDescriptor> shapes(List<INDArray> inputs) {
        NormChecks.arrays(spec(), inputs);
        INDArray x = inputs.get(0);
        return Collections.nCopies(getNumOutputs(), LongShapeDescriptor.fromShape(x.shape(), x.dataType()));
    }

    @Override
    void run(List<INDArray> inputs, List<INDArray> outputs) {
        INDArray y = outputs.get(0);
        Saved saved = spec().forward(inputs, outputs);
        if (differentiated) {
            SAVED.put(y, saved);
        } else {
            SAVED.remove(y);
        }
    }

    @Override
    public List<SDVariable> doDiff(List<SDVariable> gradients) {
        differentiated = true;
        List<SDVariable> arguments = new ArrayList<>(Arrays.asList(args()));
        SDVariable[] outputs = outputVariables();
        for (int i = 0; i < outputs.length; i++) {
            arguments.add(outputs[i]);
            arguments.add(gradients.get(i));
        }
        return Arrays.asList(new NormGradNode(sameDiff, spec(), arguments).outputVariables());
    }
}
