// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.pass;

import io.github.dl4jnorm.kernel.Frames;
import io.github.dl4jnorm.kernel.Kernels;
import io.github.dl4jnorm.kernel.NormKernels;
import io.github.dl4jnorm.norm.Affine;
import io.github.dl4jnorm.norm.Divisor;
import io.github.dl4jnorm.norm.GradSums;
import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.Norm;
import io.github.dl4jnorm.norm.NormGradients;
import io.github.dl4jnorm.norm.Parameter;
import io.github.dl4jnorm.norm.Pool;
import io.github.dl4jnorm.norm.Pooling;
import io.github.dl4jnorm.norm.Values;
import io.github.dl4jnorm.norm.View;
import java.util.List;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.ops.transforms.Transforms;

/**
 * {@code gamma·h·unit + beta} with {@code h = x·sigmoid(v·x)}, where the unit is that of x in a group of channels. Its gradient
 * goes back through h, and through the unit as that of a norm which does not subtract the mean.
 *
 * @param pass   the normalization
 * @param norm   its algebra
 * @param frames what makes examples smaller whose squares are too large for double; else null
 */
record GatePass(NormPass pass, Norm norm, Frames frames) implements Saved {
    /** Beyond, a sigmoid is 0 or 1 in double; its argument may be infinite. */
    private static final double FLAT = 1000;

    static Saved forward(NormPass pass, int groups, INDArray x, INDArray y) {
        if (pass.relu()) {
            throw new IllegalArgumentException("expected a gate without ReLU, got both");
        }
        Norm plain = norm(pass, groups, x);
        Frames frames = plain.overflowed() && x.dataType() == DataType.DOUBLE
                ? Frames.find(x, pass.view(), pass.mask(), Frames.Shared.GROUP, groups, false, null) : null;
        GatePass result = new GatePass(pass, frames == null ? plain : norm(pass, groups, frames.into(x)), frames);
        result.again(x, y);
        return result;
    }

    private static Norm norm(NormPass pass, int groups, INDArray x) {
        Pool pool = Pool.of(Pooling.group(groups), Kernels.get().moments(x, pass.view(), pass.mask()));
        double[] one = {1};
        return new Norm(pass.view().examples(), pass.view().channels(), List.of(pool), one, one,
                pass.values().get(Parameter.GAMMA), pass.values().get(Parameter.BETA), pass.eps(), null,
                Divisor.DEVIATION_ALONE);
    }

    private INDArray framed(INDArray x) {
        return frames == null ? Wide.of(x) : frames.into(x);
    }

    /** {@code v·x}, within bounds, and its sigmoid. */
    private INDArray[] gate(INDArray x) {
        INDArray t = Wide.like(x);
        Kernels.get().affine(Wide.of(x), pass.view(), pass.mask(), Affine.times(pass.values().get(Parameter.V)), false, t);
        Transforms.min(Transforms.max(t, -FLAT, false), FLAT, false);
        return new INDArray[]{t, Transforms.sigmoid(t, true)};
    }

    @Override
    public void again(INDArray x, INDArray y) {
        INDArray wide = Wide.output(y);
        Kernels.get().affine(gate(x)[1].muli(framed(x)), pass.view(), pass.mask(), norm, false, wide);
        Wide.deliver(wide, y);
    }

    @Override
    public Values backward(INDArray x, INDArray dy, INDArray dx) {
        NormKernels kernels = Kernels.get();
        View view = pass.view();
        Mask mask = pass.mask();
        INDArray within = framed(x);
        INDArray wideDy = Wide.of(dy);
        INDArray[] gate = gate(x);
        INDArray sigmoid = gate[1];
        NormGradients gradients =
                norm.backward(kernels.gradSums(sigmoid.mul(within), wideDy, view, mask, norm, false));
        INDArray slope = sigmoid.mul(sigmoid).rsubi(sigmoid);
        INDArray dz = gate[0].muli(slope).addi(sigmoid).muli(wideDy);
        double[] toV = toV(kernels.gradSums(Wide.of(x), slope.muli(within).muli(wideDy), view, mask, Affine.IDENTITY, false));
        INDArray wide = Wide.output(dx);
        kernels.affineGrad(within, dz, view, mask, norm, false, gradients, wide);
        Wide.deliver(wide, dx);
        if (frames != null) {
            frames.outOf(dx);
        }
        return new Values().set(Parameter.GAMMA, gradients.gamma()).set(Parameter.BETA, gradients.beta())
                .set(Parameter.V, toV);
    }

    private double[] toV(GradSums sums) {
        int channels = pass.view().channels();
        Affine.Coefficients at = new Affine.Coefficients(channels);
        double[] dy = new double[channels];
        double[] products = new double[channels];
        double[] toV = new double[channels];
        for (int n = 0; n < pass.view().examples(); n++) {
            norm.row(n, 0, channels, at);
            sums.row(n, 0, channels, dy, products);
            for (int c = 0; c < channels; c++) {
                toV[c] += at.scale[c] * products[c];
            }
        }
        return toV;
    }
}
