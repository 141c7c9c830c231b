// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

import io.github.dl4jnorm.pass.Saved;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.shape.LongShapeDescriptor;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Computes the gradients of all inputs of a {@link NormNode}. Its inputs are those of the node, the node's output (used to
 * find the state of the forward pass) and the gradient of the output, and with a residual the sum and its gradient. The class
 * is public only because SameDiff copies nodes.
 */
public final class NormGradNode extends KernelNode {

    /** Used by SameDiff. */
    public NormGradNode() {
    }

    NormGradNode(NormSpec spec) {
        super(spec);
    }

    NormGradNode(SameDiff sd, NormSpec spec, List<SDVariable> arguments) {
        super(sd, spec, arguments);
    }

    @Override
    public String opName() {
        return spec() == null ? "dl4jnorm_bp" : spec().opName() + "_bp";
    }

    @Override
    public int getNumOutputs() {
        return spec().parameters().size() + spec().arrays();
    }

    @Override
    List<LongShapeDescriptor> shapes(List<INDArray> arguments) {
        int inputs = getNumOutputs();
        NormChecks.arrays(spec(), arguments.subList(0, inputs));
        INDArray x = arguments.get(0);
        INDArray dy = arguments.get(inputs + 1);
        if (!Arrays.equals(x.shape(), dy.shape())) {
            throw new IllegalArgumentException(spec().method() + ": expected a gradient of shape "
                    + Arrays.toString(x.shape()) + ", got " + Arrays.toString(dy.shape()));
        }
        List<LongShapeDescriptor> shapes = new ArrayList<>();
        for (INDArray input : arguments.subList(0, inputs)) {
            shapes.add(LongShapeDescriptor.fromShape(input.shape(), input.dataType()));
        }
        return shapes;
    }

    @Override
    void run(List<INDArray> arguments, List<INDArray> gradients) {
        int count = getNumOutputs();
        List<INDArray> inputs = arguments.subList(0, count);
        INDArray x = arguments.get(0);
        Saved saved = NormNode.take(arguments.get(count));
        if (saved == null) {
            List<INDArray> outputs = new ArrayList<>();
            for (int i = 0; i < spec().arrays(); i++) {
                outputs.add(Nd4j.createUninitialized(x.dataType(), x.shape(), 'c'));
            }
            saved = spec().forward(inputs, outputs);
        }
        boolean residual = spec().residual();
        spec().backward(saved, residual ? arguments.get(count + 2) : x, arguments.get(count + 1),
                residual ? arguments.get(count + 3) : null, gradients);
    }

    @Override
    public List<SDVariable> doDiff(List<SDVariable> gradients) {
        throw new UnsupportedOperationException(spec().method() + ": second derivatives are not supported");
    }
}
