// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.pass;

import io.github.dl4jnorm.kernel.Frames;
import io.github.dl4jnorm.kernel.Kernels;
import io.github.dl4jnorm.norm.Divisor;
import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.Moments;
import io.github.dl4jnorm.norm.NormPlan;
import io.github.dl4jnorm.norm.Parameter;
import io.github.dl4jnorm.norm.PositionNorm;
import io.github.dl4jnorm.norm.Values;
import io.github.dl4jnorm.norm.View;
import java.util.Arrays;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * A pass of a position normalization.
 *
 * @param view  how the norm sees the input
 * @param mask  mask for it, or null
 * @param norm  its algebra
 * @param relu  whether max(·, 0) follows
 * @param found statistics of the forward pass, or null where the backward pass finds them again, row by row
 */
record PositionPass(View view, Mask mask, PositionNorm norm, boolean relu, Moments found) implements Saved {

    /** Normalizes x, or if there is a residual, writes the sum of both and normalizes that. */
    static Saved forward(NormPass pass, NormPlan.Positions plan, INDArray x, INDArray residual, INDArray sum, INDArray y) {
        PositionNorm norm = new PositionNorm(plan.divisor(), plan.groups(), pass.values().get(Parameter.GAMMA),
                pass.values().get(Parameter.BETA), pass.eps());
        View view = pass.view();
        Mask mask = pass.mask();
        if (plan.elements()) {
            boolean channelsLast = view.channelAxis() > 1;
            mask = mask == null ? null : mask.elementsAsChannels(view.channels(), channelsLast);
            view = view.elementsAsChannels();
        }
        Moments found = residual == null
                ? Kernels.get().positionNorm(seen(x, view), view, mask, norm, pass.relu(), seen(y, view))
                : Kernels.get().positionNormOfSum(seen(x, view), seen(residual, view), view, mask, norm, pass.relu(),
                        seen(sum, view), seen(y, view));
        return new PositionPass(view, mask, norm, pass.relu(), found);
    }

    /** What brings input into the range of double, or null if it is there, or if the output is as large as the input. */
    static Frames frames(NormPass pass, NormPlan.Positions plan, INDArray x) {
        if (plan.divisor() == Divisor.NOTHING) {
            return null;
        }
        boolean centered = plan.divisor().isCentered();
        return plan.elements() ? Frames.find(x, pass.view(), pass.mask(), Frames.Shared.GROUP, 1, centered, null)
                : Frames.find(x, pass.view(), pass.mask(), Frames.Shared.POSITION, plan.groups(), centered, null);
    }

    @Override
    public boolean overflowed() {
        return norm.overflow().happened();
    }

    /** As a view sees it: itself, or an array of another shape on the same memory if that is contiguous. */
    private static INDArray seen(INDArray array, View view) {
        return Arrays.equals(array.shape(), view.shape()) ? array : array.reshape('c', view.shape());
    }

    @Override
    public void again(INDArray x, INDArray y) {
        Kernels.get().positionNorm(seen(x, view), view, mask, norm, false, seen(y, view));
    }

    @Override
    public Values backward(INDArray x, INDArray dy, INDArray dx) {
        return backward(x, dy, null, dx);
    }

    /** Writes the gradient of the input, with what is added to it unless that is null. */
    Values backward(INDArray x, INDArray dy, INDArray added, INDArray dx) {
        PositionNorm.Gradients gradients = added == null
                ? Kernels.get().positionNormGrad(seen(x, view), seen(dy, view), view, mask, norm, found, relu, seen(dx, view))
                : Kernels.get().positionNormOfSumGrad(seen(x, view), seen(dy, view), seen(added, view), view, mask, norm, found,
                        relu, seen(dx, view));
        return new Values().set(Parameter.GAMMA, gradients.gamma()).set(Parameter.BETA, gradients.beta());
    }
}
