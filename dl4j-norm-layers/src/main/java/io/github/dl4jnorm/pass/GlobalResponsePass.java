// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.pass;

import io.github.dl4jnorm.kernel.Frames;
import io.github.dl4jnorm.kernel.Kernels;
import io.github.dl4jnorm.norm.GlobalResponse;
import io.github.dl4jnorm.norm.Parameter;
import io.github.dl4jnorm.norm.Values;
import io.github.dl4jnorm.norm.View;
import java.util.stream.IntStream;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * A pass of global response normalization, which needs the moments of every channel by themselves.
 *
 * @param pass   the normalization
 * @param norm   its algebra
 * @param frames what makes the examples smaller whose sums of squares are too large for double; else null
 */
record GlobalResponsePass(NormPass pass, GlobalResponse norm, Frames frames) implements Saved {

    static Saved forward(NormPass pass, INDArray x, INDArray y) {
        View view = pass.view();
        GlobalResponse plain = of(pass, x, null);
        Frames frames = plain.overflowed() && x.dataType() == DataType.DOUBLE
                ? Frames.find(x, view, pass.mask(), Frames.Shared.GROUP, 1, false, null) : null;
        GlobalResponse norm = frames == null ? plain : of(pass, frames.into(x),
                IntStream.range(0, view.examples()).mapToDouble(frames::scale).toArray());
        Kernels.get().affine(x, view, pass.mask(), norm, pass.relu(), y);
        return new GlobalResponsePass(pass, norm, frames);
    }

    private static GlobalResponse of(NormPass pass, INDArray x, double[] scales) {
        return new GlobalResponse(Kernels.get().moments(x, pass.view(), pass.mask()), pass.values().get(Parameter.GAMMA),
                pass.values().get(Parameter.BETA), pass.eps(), scales);
    }

    @Override
    public void again(INDArray x, INDArray y) {
        Kernels.get().affine(x, pass.view(), pass.mask(), norm, false, y);
    }

    /** All channels of an example are one group. What is done with smaller numbers gives the same gradient of the input. */
    @Override
    public Values backward(INDArray x, INDArray dy, INDArray dx) {
        View view = pass.view();
        GlobalResponse.Gradients gradients = norm.new Gradients();
        INDArray within = frames == null ? x : frames.into(x);
        Kernels.get().normalizeGrad(within, dy, view, pass.mask(), 1, norm, pass.relu(), gradients, dx);
        return new Values().set(Parameter.GAMMA, gradients.gamma()).set(Parameter.BETA, gradients.beta());
    }
}
