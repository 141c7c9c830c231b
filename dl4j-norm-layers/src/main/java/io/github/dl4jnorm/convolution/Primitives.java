// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.convolution;

import org.bytedeco.dnnl.convolution_backward_data;
import org.bytedeco.dnnl.convolution_backward_weights;
import org.bytedeco.dnnl.convolution_forward;
import org.bytedeco.dnnl.deconvolution_backward_data;
import org.bytedeco.dnnl.deconvolution_backward_weights;
import org.bytedeco.dnnl.deconvolution_forward;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.post_ops;
import org.bytedeco.dnnl.primitive_attr;

/** Makes the primitives of a convolution, or transposed convolution, of given sizes. */
final class Primitives {
    private static final int[] FORWARD = {dnnl.DNNL_ARG_SRC, dnnl.DNNL_ARG_WEIGHTS, dnnl.DNNL_ARG_BIAS, dnnl.DNNL_ARG_DST};
    private static final int[] BACKWARD_DATA =
            {dnnl.DNNL_ARG_DIFF_DST, dnnl.DNNL_ARG_WEIGHTS, dnnl.DNNL_ARG_BIAS, dnnl.DNNL_ARG_DIFF_SRC};
    private static final int[] BACKWARD_WEIGHTS =
            {dnnl.DNNL_ARG_SRC, dnnl.DNNL_ARG_DIFF_WEIGHTS, dnnl.DNNL_ARG_DIFF_BIAS, dnnl.DNNL_ARG_DIFF_DST};

    private final boolean transposed;
    private final memory.desc x;
    private final memory.desc weights;
    /** Null if there is none. */
    private final memory.desc bias;
    private final memory.desc y;
    private final long[] strides;
    private final long[] gaps;
    private final long[] before;
    private final long[] after;
    private convolution_forward.primitive_desc forward;
    private deconvolution_forward.primitive_desc transposedForward;

    /**
     * Describes the convolution.
     *
     * @param channelsLast whether activations are to be computed with channels last, as they come; else oneDNN chooses
     */
    Primitives(Geometry geometry, long[] x, long[] weights, long outputs, long[] y, boolean bias, boolean channelsLast) {
        transposed = geometry.transposed();
        memory.format_tag tag = channelsLast ? channelsLast(x.length) : memory.format_tag.any;
        this.x = desc(x, tag);
        this.y = desc(y, tag);
        this.weights = desc(weights, memory.format_tag.any);
        this.bias = bias ? desc(new long[]{outputs}, memory.format_tag.a) : null;
        long[] in = spatial(x);
        long[] out = spatial(y);
        strides = geometry.strides();
        gaps = geometry.gaps();
        before = geometry.before(in, out);
        after = geometry.after(in, out);
    }

    static memory.format_tag channelsFirst(int rank) {
        return switch (rank) {
            case 3 -> memory.format_tag.ncw;
            case 4 -> memory.format_tag.nchw;
            default -> memory.format_tag.ncdhw;
        };
    }

    static memory.format_tag channelsLast(int rank) {
        return switch (rank) {
            case 3 -> memory.format_tag.nwc;
            case 4 -> memory.format_tag.nhwc;
            default -> memory.format_tag.ndhwc;
        };
    }

    static memory.desc desc(long[] sizes, memory.format_tag tag) {
        return new memory.desc(sizes, memory.data_type.f32, tag);
    }

    static long[] spatial(long[] sizes) {
        long[] spatial = new long[sizes.length - 2];
        System.arraycopy(sizes, 2, spatial, 0, spatial.length);
        return spatial;
    }

    private static Port port(memory.desc desc) {
        return new Port(desc);
    }

    Plan.Step forward(boolean relu) {
        primitive_attr attributes = new primitive_attr();
        if (relu) {
            post_ops after = new post_ops();
            after.append_eltwise(1, dnnl.algorithm.eltwise_relu, 0, 0);
            attributes.set_post_ops(after);
        }
        dnnl.prop_kind kind = dnnl.prop_kind.forward_training;
        if (transposed) {
            dnnl.algorithm algorithm = dnnl.algorithm.deconvolution_direct;
            deconvolution_forward.desc desc = bias == null
                    ? new deconvolution_forward.desc(kind, algorithm, x, weights, y, strides, gaps, before, this.after)
                    : new deconvolution_forward.desc(kind, algorithm, x, weights, bias, y, strides, gaps, before, this.after);
            transposedForward = new deconvolution_forward.primitive_desc(desc, attributes, OneDnn.engine());
            return new Plan.Step(new deconvolution_forward(transposedForward), FORWARD, port(transposedForward.src_desc()),
                    port(transposedForward.weights_desc()), biasPort(), port(transposedForward.dst_desc()));
        }
        dnnl.algorithm algorithm = dnnl.algorithm.convolution_direct;
        convolution_forward.desc desc = bias == null
                ? new convolution_forward.desc(kind, algorithm, x, weights, y, strides, gaps, before, this.after)
                : new convolution_forward.desc(kind, algorithm, x, weights, bias, y, strides, gaps, before, this.after);
        forward = new convolution_forward.primitive_desc(desc, attributes, OneDnn.engine());
        return new Plan.Step(new convolution_forward(forward), FORWARD, port(forward.src_desc()),
                port(forward.weights_desc()), biasPort(), port(forward.dst_desc()));
    }

    private Port biasPort() {
        return bias == null ? null : port(bias);
    }

    Plan.Step backwardData() {
        if (transposed) {
            deconvolution_backward_data.primitive_desc made = new deconvolution_backward_data.primitive_desc(
                    new deconvolution_backward_data.desc(dnnl.algorithm.deconvolution_direct, x, weights, y, strides, gaps,
                            before, after), OneDnn.engine(), transposedForward);
            return new Plan.Step(new deconvolution_backward_data(made), BACKWARD_DATA, port(made.diff_dst_desc()),
                    port(made.weights_desc()), null, port(made.diff_src_desc()));
        }
        convolution_backward_data.primitive_desc made = new convolution_backward_data.primitive_desc(
                new convolution_backward_data.desc(dnnl.algorithm.convolution_direct, x, weights, y, strides, gaps, before,
                        after), OneDnn.engine(), forward);
        return new Plan.Step(new convolution_backward_data(made), BACKWARD_DATA, port(made.diff_dst_desc()),
                port(made.weights_desc()), null, port(made.diff_src_desc()));
    }

    Plan.Step backwardWeights() {
        if (transposed) {
            dnnl.algorithm algorithm = dnnl.algorithm.deconvolution_direct;
            deconvolution_backward_weights.desc desc = bias == null
                    ? new deconvolution_backward_weights.desc(algorithm, x, weights, y, strides, gaps, before, after)
                    : new deconvolution_backward_weights.desc(algorithm, x, weights, bias, y, strides, gaps, before, after);
            deconvolution_backward_weights.primitive_desc made = new deconvolution_backward_weights.primitive_desc(desc,
                    OneDnn.engine(), transposedForward);
            return new Plan.Step(new deconvolution_backward_weights(made), BACKWARD_WEIGHTS, port(made.src_desc()),
                    port(made.diff_weights_desc()), biasPort(), port(made.diff_dst_desc()));
        }
        dnnl.algorithm algorithm = dnnl.algorithm.convolution_direct;
        convolution_backward_weights.desc desc = bias == null
                ? new convolution_backward_weights.desc(algorithm, x, weights, y, strides, gaps, before, after)
                : new convolution_backward_weights.desc(algorithm, x, weights, bias, y, strides, gaps, before, after);
        convolution_backward_weights.primitive_desc made = new convolution_backward_weights.primitive_desc(desc,
                OneDnn.engine(), forward);
        return new Plan.Step(new convolution_backward_weights(made), BACKWARD_WEIGHTS, port(made.src_desc()),
                port(made.diff_weights_desc()), biasPort(), port(made.diff_dst_desc()));
    }
}
