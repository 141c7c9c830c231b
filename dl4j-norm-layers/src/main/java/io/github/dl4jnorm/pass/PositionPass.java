// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.pass;

import io.github.dl4jnorm.kernel.Frames;
import io.github.dl4jnorm.kernel.Kernels;
import io.github.dl4jnorm.kernel.NormKernels;
import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.Moments;
import io.github.dl4jnorm.norm.NormPlan;
import io.github.dl4jnorm.norm.PositionNorm;
import io.github.dl4jnorm.norm.View;
import java.util.Arrays;
import org.nd4j.linalg.api.ndarray.INDArray;

/** One forward pass of a position normalization; its backward pass finds the statistics again, row by row. */
final class PositionPass implements NormPass {
    private final NormKernels kernels = Kernels.get();
    private final View view;
    private final Mask mask;
    private final PositionNorm norm;
    /** Of the last forward pass, or null where they are to be found again. */
    private Moments found;

    private PositionPass(View view, Mask mask, PositionNorm norm) {
        this.view = view;
        this.mask = mask;
        this.norm = norm;
    }

    static PositionPass of(View whole, Mask mask, NormPlan.Positions plan, NormParams params) {
        PositionNorm norm = new PositionNorm(plan.kind(), plan.groups(), params.gamma(), params.beta(), params.eps(),
                new PositionNorm.Overflow());
        if (!plan.elements()) {
            return new PositionPass(whole, mask, norm);
        }
        boolean channelsLast = whole.channelAxis() > 1;
        return new PositionPass(whole.elementsAsChannels(),
                mask == null ? null : mask.elementsAsChannels(whole.channels(), channelsLast), norm);
    }

    /** What brings input into the range of double, or null if it is there. */
    static Frames frames(INDArray x, View whole, Mask mask, NormPlan.Positions plan) {
        boolean centered = plan.kind() == PositionNorm.Kind.STANDARD;
        return plan.elements() ? Frames.find(x, whole, mask, Frames.Shared.GROUP, 1, centered, null)
                : Frames.find(x, whole, mask, Frames.Shared.POSITION, plan.groups(), centered, null);
    }

    @Override
    public boolean overflowed() {
        return norm.overflow().happened();
    }

    /** As the view sees it: itself, or an array of another shape on the same memory if that is contiguous. */
    private INDArray seen(INDArray array) {
        return Arrays.equals(array.shape(), view.shape()) ? array : array.reshape('c', view.shape());
    }

    @Override
    public void forward(INDArray x, boolean relu, INDArray y) {
        found = kernels.rowNorm(seen(x), view, mask, norm, relu, seen(y));
    }

    @Override
    public Gradients backward(INDArray x, INDArray dy, boolean relu, INDArray dx) {
        PositionNorm.Gradients gradients = kernels.rowNormGrad(seen(x), seen(dy), view, mask, norm, found, relu,
                seen(dx));
        return new Gradients(gradients.gamma(), gradients.beta(), null, null, null, null);
    }
}
