// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import io.github.dl4jnorm.norm.Parameter;
import io.github.dl4jnorm.norm.Values;
import io.github.dl4jnorm.pass.NormPass;
import io.github.dl4jnorm.pass.Saved;
import org.nd4j.linalg.api.ndarray.INDArray;

/** A gamma and a beta for each channel of each example. */
abstract class TableCondition implements Condition {
    private Saved saved;

    /** Factors, of each channel of each example in turn. */
    abstract double[] gamma();

    /** Shifts, or null for 0. */
    abstract double[] beta();

    /** Writes the gradient of the condition. */
    abstract void backward(INDArray condition, double[] dGamma, double[] dBeta, INDArray into);

    @Override
    public void forward(NormPass norm, INDArray x, INDArray y) {
        Values values = norm.values().copy().set(Parameter.GAMMA, gamma()).set(Parameter.BETA, beta());
        saved = new NormPass(norm.view(), norm.mask(), norm.plan(), values, norm.eps()).forward(x, y);
    }

    @Override
    public void backward(INDArray x, INDArray condition, INDArray dy, INDArray dx, INDArray toCondition) {
        Values gradients = saved.backward(x, dy, dx);
        backward(condition, gradients.get(Parameter.GAMMA), gradients.get(Parameter.BETA), toCondition);
    }
}
