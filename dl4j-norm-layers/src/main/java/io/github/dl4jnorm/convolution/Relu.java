// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.convolution;

import org.bytedeco.dnnl.IntMemoryMap;
import org.bytedeco.dnnl.eltwise_backward;
import org.bytedeco.dnnl.eltwise_forward;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.dnnl.memory;

/** The backward pass of a ReLU, from its output: the gradient where that is above 0, else 0. */
final class Relu implements AutoCloseable {
    private final Port kept;
    private final Port output;
    private final Port result;
    private final Port gradient;
    private final eltwise_backward primitive;
    private final IntMemoryMap arguments;

    /**
     * Makes it.
     *
     * @param kept what the output is kept as
     * @param desc what gradients are computed as
     */
    Relu(memory.desc kept, memory.desc desc) {
        this.kept = new Port(kept);
        output = new Port(desc);
        gradient = new Port(desc);
        result = new Port(desc);
        dnnl.algorithm algorithm = dnnl.algorithm.eltwise_relu_use_dst_for_bwd;
        eltwise_forward.primitive_desc hint = new eltwise_forward.primitive_desc(
                new eltwise_forward.desc(dnnl.prop_kind.forward_training, algorithm, desc), OneDnn.engine());
        primitive = new eltwise_backward(new eltwise_backward.primitive_desc(
                new eltwise_backward.desc(algorithm, desc, desc), OneDnn.engine(), hint));
        arguments = new IntMemoryMap().put(dnnl.DNNL_ARG_DST, output.memory())
                .put(dnnl.DNNL_ARG_DIFF_DST, gradient.memory()).put(dnnl.DNNL_ARG_DIFF_SRC, result.memory());
    }

    long scratch() {
        return output.scratch() + result.scratch();
    }

    /**
     * Replaces a gradient.
     *
     * @param y  output of the ReLU as it was kept
     * @param dy gradient of the output; afterwards the port has that of the input
     */
    void run(OneDnn session, Tensor y, Port dy) {
        kept.at(y);
        output.read(session, kept);
        gradient.read(session, dy);
        // Not in place: the gradient's array may be the one that Deeplearning4j handed over.
        result.scratch(session);
        primitive.execute(session.stream(), arguments);
        dy.read(session, result);
    }

    @Override
    public void close() {
        kept.close();
        output.close();
        gradient.close();
        result.close();
    }
}
