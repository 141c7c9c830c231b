// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.pass;

import io.github.dl4jnorm.kernel.Kernels;
import io.github.dl4jnorm.kernel.NormKernels;
import io.github.dl4jnorm.norm.Affine;
import io.github.dl4jnorm.norm.ChannelStatistics;
import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.Moments;
import io.github.dl4jnorm.norm.View;
import java.util.Arrays;
import java.util.function.Function;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * A norm and a thresholded linear unit behind it, max(·, tau): the norm with beta − tau and a ReLU, and tau added to what
 * comes out.
 */
final class ThresholdPass implements NormPass {
    private final NormKernels kernels = Kernels.get();
    private final View view;
    private final Mask mask;
    private final double[] tau;
    private final NormPass norm;

    /**
     * Makes the pass of the norm.
     *
     * @param view   view of the input, nothing folded
     * @param mask   mask for it, or null
     * @param params learned numbers, tau among them
     * @param make   the norm for other numbers
     */
    ThresholdPass(View view, Mask mask, NormParams params, Function<NormParams, NormPass> make) {
        this.view = view;
        this.mask = mask;
        tau = params.tau();
        double[] beta = params.beta() == null ? new double[tau.length] : params.beta().clone();
        Arrays.setAll(beta, c -> beta[c] - tau[c]);
        norm = make.apply(new NormParams(params.gamma(), beta, params.meanLogits(), params.varLogits(), params.eps(),
                params.renorm(), null));
    }

    @Override
    public ChannelStatistics batchStatistics() {
        return norm.batchStatistics();
    }

    @Override
    public void forward(INDArray x, boolean relu, INDArray y) {
        if (relu) {
            throw new IllegalArgumentException("expected a threshold without ReLU, got both");
        }
        INDArray above = Nd4j.createUninitialized(x.dataType(), x.shape(), 'c');
        norm.forward(x, true, above);
        kernels.affine(above, view, mask, this::plusTau, false, y);
    }

    private void plusTau(int n, int from, int to, Affine.Coefficients into) {
        Affine.IDENTITY.row(n, from, to, into);
        System.arraycopy(tau, from, into.shift, 0, to - from);
    }

    /** tau receives what the norm does not. */
    @Override
    public Gradients backward(INDArray x, INDArray dy, boolean relu, INDArray dx) {
        Gradients below = norm.backward(x, dy, true, dx);
        Moments cells = kernels.moments(dy, view, mask);
        double[] toTau = new double[tau.length];
        for (int cell = 0; cell < cells.examples() * tau.length; cell++) {
            toTau[cell % tau.length] += cells.count(cell) * cells.mean(cell);
        }
        Arrays.setAll(toTau, c -> toTau[c] - below.beta()[c]);
        return new Gradients(below.gamma(), below.beta(), below.meanLogits(), below.varLogits(), below.mean(),
                below.variance(), below.eps(), toTau);
    }
}
