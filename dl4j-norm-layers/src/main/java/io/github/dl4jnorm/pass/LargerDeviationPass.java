// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.pass;

import io.github.dl4jnorm.kernel.Kernels;
import io.github.dl4jnorm.kernel.NormKernels;
import io.github.dl4jnorm.norm.Affine;
import io.github.dl4jnorm.norm.ChannelStatistics;
import io.github.dl4jnorm.norm.GradSums;
import io.github.dl4jnorm.norm.LargerDeviation;
import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.NormPlan;
import io.github.dl4jnorm.norm.Parameter;
import io.github.dl4jnorm.norm.Values;
import io.github.dl4jnorm.norm.View;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * {@code gamma·h + beta} with {@code h = x/max(√(var of the batch + eps), v·x + √(var of the instance + eps))}. Both sides of the
 * quotient are brought to the size of 1 first, so that neither leaves the range of float.
 *
 * @param pass  the normalization
 * @param norm  its algebra
 * @param saved the affine pass from h to the output
 */
record LargerDeviationPass(NormPass pass, LargerDeviation norm, Saved saved) implements Saved {

    static Saved forward(NormPass pass, INDArray x, INDArray y) {
        Values values = pass.values();
        LargerDeviation norm = new LargerDeviation(Kernels.get().moments(x, pass.view(), pass.mask()),
                values.get(Parameter.VAR), values.get(Parameter.V), pass.eps(), pass.exchange());
        Values affine = new Values().set(Parameter.GAMMA, values.get(Parameter.GAMMA))
                .set(Parameter.BETA, values.get(Parameter.BETA));
        INDArray wide = Wide.output(y);
        INDArray divisor = divisor(pass, norm, x);
        Saved saved = pass.with(NormPlan.affine()).with(affine).forward(quotient(pass, norm, x, divisor), wide);
        Wide.deliver(wide, y);
        return new LargerDeviationPass(pass, norm, saved);
    }

    /** The divisor, brought to the size of 1. */
    private static INDArray divisor(NormPass pass, LargerDeviation norm, INDArray x) {
        INDArray larger = Wide.like(x);
        INDArray divisor = larger.ulike();
        NormKernels kernels = Kernels.get();
        kernels.affine(Wide.of(x), pass.view(), pass.mask(), norm.excess(), true, larger);
        // Of all elements: what is masked is divided, too.
        kernels.affine(larger, pass.view(), null, norm.least(), false, divisor);
        return divisor;
    }

    private static INDArray quotient(NormPass pass, LargerDeviation norm, INDArray x, INDArray divisor) {
        INDArray z = Wide.like(x);
        Kernels.get().affine(Wide.of(x), pass.view(), pass.mask(), norm.unit(), false, z);
        return z.divi(divisor);
    }

    @Override
    public boolean overflowed() {
        return norm.overflowed();
    }

    @Override
    public ChannelStatistics batchStatistics() {
        return pass.values().get(Parameter.VAR) != null && !pass.observe() ? null : norm.batchStatistics();
    }

    @Override
    public void again(INDArray x, INDArray y) {
        INDArray wide = Wide.output(y);
        saved.again(quotient(pass, norm, x, divisor(pass, norm, x)), wide);
        Wide.deliver(wide, y);
    }

    @Override
    public Values backward(INDArray x, INDArray dy, INDArray dx) {
        NormKernels kernels = Kernels.get();
        View view = pass.view();
        Mask mask = pass.mask();
        INDArray in = Wide.of(x);
        INDArray divisor = divisor(pass, norm, x);
        INDArray h = quotient(pass, norm, x, divisor);
        INDArray dh = h.ulike();
        Values found = saved.backward(h, Wide.of(dy), dh);
        INDArray direct = dh.divi(divisor);
        INDArray toDivisor = h.muli(direct).negi();
        Affine excess = norm.excess();
        GradSums active = kernels.gradSums(in, toDivisor, view, mask, excess, true);
        LargerDeviation.Gradients gradients =
                norm.new Gradients(active, kernels.gradSums(in, toDivisor, view, mask, excess, false));
        INDArray wide = Wide.output(dx);
        kernels.affineGrad(in, toDivisor, view, mask, excess, true, gradients, wide);
        INDArray scaled = direct.ulike();
        kernels.affine(direct, view, mask, norm.unit(), false, scaled);
        wide.addi(scaled);
        Wide.deliver(wide, dx);
        return found.set(Parameter.V, gradients.v()).set(Parameter.VAR, gradients.variance())
                .set(Parameter.MEAN, new double[view.channels()]);
    }
}
