// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.pass;

import io.github.dl4jnorm.norm.NormPlan;
import io.github.dl4jnorm.norm.Parameter;
import io.github.dl4jnorm.norm.Values;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** A norm of positions, and then a scale and a shift of each channel of each example, which its kernels do not have. */
final class PerExamplePass extends Wrapped {
    private final Saved affine;

    private PerExamplePass(Saved inner, Saved affine) {
        super(inner);
        this.affine = affine;
    }

    static Saved forward(NormPass pass, INDArray x, INDArray y) {
        Values own = pass.values();
        INDArray normalized = room(x);
        Saved inner = pass.with(own.copy().set(Parameter.GAMMA, null).set(Parameter.BETA, null)).with(false)
                .forward(x, normalized);
        NormPass affine = new NormPass(pass.view(), pass.mask(), NormPlan.affineOfExamples(pass.view().channels()), own, 0,
                pass.relu(), false, null);
        return new PerExamplePass(inner, affine.forward(normalized, y));
    }

    private static INDArray room(INDArray like) {
        return Nd4j.createUninitialized(like.dataType(), like.shape(), 'c');
    }

    private INDArray normalized(INDArray x) {
        INDArray normalized = room(x);
        inner.again(x, normalized);
        return normalized;
    }

    @Override
    public void again(INDArray x, INDArray y) {
        affine.again(normalized(x), y);
    }

    @Override
    public Values backward(INDArray x, INDArray dy, INDArray dx) {
        INDArray toNormalized = room(x);
        Values gradients = affine.backward(normalized(x), dy, toNormalized);
        inner.backward(x, toNormalized, dx);
        return gradients;
    }
}
