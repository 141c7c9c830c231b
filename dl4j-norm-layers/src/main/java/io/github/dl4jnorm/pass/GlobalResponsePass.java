// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.pass;

import io.github.dl4jnorm.kernel.Frames;
import io.github.dl4jnorm.kernel.Kernels;
import io.github.dl4jnorm.kernel.NormKernels;
import io.github.dl4jnorm.norm.GlobalResponse;
import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.SumTable;
import io.github.dl4jnorm.norm.View;
import java.util.stream.IntStream;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** One forward pass of global response normalization, which needs the moments of every channel by themselves. */
final class GlobalResponsePass implements NormPass {
    private final NormKernels kernels = Kernels.get();
    private final View view;
    private final Mask mask;
    private final GlobalResponse norm;
    /** What makes the examples smaller whose sums of squares are too large for double; else null. */
    private final Frames frames;

    GlobalResponsePass(INDArray x, View view, Mask mask, NormParams params) {
        this.view = view;
        this.mask = mask;
        GlobalResponse plain =
                new GlobalResponse(kernels.moments(x, view, mask), params.gamma(), params.beta(), params.eps());
        frames = plain.overflowed() && x.dataType() == DataType.DOUBLE
                ? Frames.find(x, view, mask, Frames.Shared.GROUP, 1, false, null) : null;
        norm = frames == null ? plain : new GlobalResponse(kernels.moments(frames.into(x), view, mask), params.gamma(),
                params.beta(), params.eps(), IntStream.range(0, view.examples()).mapToDouble(frames::scale).toArray());
    }

    @Override
    public void forward(INDArray x, boolean relu, INDArray y) {
        kernels.affine(x, view, mask, norm, relu, y);
    }

    /** All channels of an example are one group. What is done with smaller numbers gives the same gradient of the input. */
    @Override
    public Gradients backward(INDArray x, INDArray dy, boolean relu, INDArray dx) {
        SumTable sums = new SumTable(view.examples(), view.channels());
        GlobalResponse.Gradients gradients = norm.new Gradients(sums);
        INDArray within = frames == null ? x : frames.into(x);
        kernels.normalizeGrad(within, dy, view, mask, 1, norm, relu, sums, gradients::add, gradients, dx);
        return new Gradients(gradients.gamma(), gradients.beta(), null, null, null, null);
    }
}
