// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.convolution;

import org.bytedeco.dnnl.IntMemoryMap;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.pooling_backward;
import org.bytedeco.dnnl.pooling_forward;
import org.nd4j.linalg.api.ndarray.INDArray;

/** A pooling of given sizes: oneDNN's primitives and how arrays get to them. */
final class Pooling implements AutoCloseable {
    private final Natives natives;
    private final Port x;
    private final Port y;
    private final Port dy;
    private final Port dx;
    /** Which element of each window is the largest; null for means. */
    private final Port places;
    private final pooling_forward forward;
    private final pooling_backward backward;
    private final IntMemoryMap forwardArguments;
    private final IntMemoryMap backwardArguments;

    /**
     * Makes the primitives.
     *
     * @param natives   releases them
     * @param algorithm a pooling of oneDNN
     * @param sizes     examples, channels and positions of the input
     * @param out       the same of the output
     */
    private Pooling(Natives natives, dnnl.algorithm algorithm, Geometry geometry, long[] sizes, long[] out,
                    boolean channelsLast) {
        this.natives = natives;
        memory.format_tag tag = channelsLast ? Primitives.channelsLast(sizes.length) : Primitives.channelsFirst(sizes.length);
        memory.desc from = Primitives.desc(sizes, tag);
        memory.desc to = Primitives.desc(out, tag);
        long[] in = Primitives.spatial(sizes);
        long[] positions = Primitives.spatial(out);
        long[] strides = geometry.strides();
        long[] kernel = geometry.kernels();
        long[] before = geometry.before(in, positions);
        long[] after = geometry.after(in, positions);
        pooling_forward.primitive_desc made = new pooling_forward.primitive_desc(new pooling_forward.desc(
                dnnl.prop_kind.forward_training, algorithm, from, to, strides, kernel, before, after), OneDnn.engine());
        pooling_backward.primitive_desc back = new pooling_backward.primitive_desc(new pooling_backward.desc(
                algorithm, from, to, strides, kernel, before, after), OneDnn.engine(), made);
        forward = new pooling_forward(made);
        backward = new pooling_backward(back);
        x = new Port(from);
        y = new Port(to);
        dx = new Port(from);
        dy = new Port(to);
        places = algorithm == dnnl.algorithm.pooling_max ? new Port(made.workspace_desc()) : null;
        forwardArguments = new IntMemoryMap().put(dnnl.DNNL_ARG_SRC, x.memory()).put(dnnl.DNNL_ARG_DST, y.memory());
        backwardArguments = new IntMemoryMap().put(dnnl.DNNL_ARG_DIFF_SRC, dx.memory())
                .put(dnnl.DNNL_ARG_DIFF_DST, dy.memory());
        if (places != null) {
            forwardArguments.put(dnnl.DNNL_ARG_WORKSPACE, places.memory());
            backwardArguments.put(dnnl.DNNL_ARG_WORKSPACE, places.memory());
        }
    }

    static Pooling of(dnnl.algorithm algorithm, Geometry geometry, long[] sizes, long[] out, boolean channelsLast) {
        Natives natives = new Natives();
        return natives.make(() -> new Pooling(natives, algorithm, geometry, sizes, out, channelsLast));
    }

    /** {@return how many bytes the backward pass needs of the forward pass} */
    long keptBytes() {
        return places == null ? 0 : places.bytes();
    }

    /**
     * Computes the output.
     *
     * @param kept gets what the backward pass needs; null if none follows
     */
    void forward(Tensor in, Tensor out, INDArray kept) {
        OneDnn session = OneDnn.begin(x.scratch() + y.scratch() + (places == null ? 0 : places.scratch()));
        x.read(session, in);
        y.place(session, out);
        if (places != null && kept == null) {
            places.scratch(session);
        } else if (places != null) {
            places.at(Tensor.of(kept, 0));
        }
        forward.execute(session.stream(), forwardArguments);
        y.written(session);
        session.stream()._wait();
    }

    /**
     * Computes the gradient of the input.
     *
     * @param kept what the forward pass kept; null for means
     */
    void backward(Tensor gradient, Tensor result, INDArray kept) {
        OneDnn session = OneDnn.begin(dx.scratch() + dy.scratch());
        dy.read(session, gradient);
        dx.place(session, result);
        if (places != null) {
            places.at(Tensor.of(kept, 0));
        }
        backward.execute(session.stream(), backwardArguments);
        dx.written(session);
        session.stream()._wait();
    }

    @Override
    public void close() {
        for (Port port : new Port[]{x, y, dx, dy, places}) {
            if (port != null) {
                port.close();
            }
        }
        natives.close();
    }
}
