// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.pass;

import io.github.dl4jnorm.norm.NormPlan;
import io.github.dl4jnorm.norm.Parameter;
import io.github.dl4jnorm.norm.Values;
import io.github.dl4jnorm.norm.View;
import java.util.Arrays;
import java.util.List;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * A weight normalized for each output unit: a channel normalization whose channels are the units, whose positions are the
 * weights of a unit, and whose gamma is the gain.
 */
public final class NormalizedWeight implements WeightPass {
    private final boolean centered;
    private final double eps;
    private final INDArray gain;
    private final double factor;
    private Saved saved;

    private NormalizedWeight(boolean centered, double eps, INDArray gain, double factor) {
        this.centered = centered;
        this.eps = eps;
        this.gain = gain;
        this.factor = factor;
    }

    /**
     * g·v/√(Σ v² + eps).
     *
     * @param gain g of each unit
     * @param eps  what is added to the sum
     * @return the weight
     */
    public static NormalizedWeight byLength(INDArray gain, double eps) {
        return new NormalizedWeight(false, eps, gain, 1);
    }

    /**
     * (v − mean)/√(var + eps).
     *
     * @param eps what is added to the variance
     * @return the weight
     */
    public static NormalizedWeight standardized(double eps) {
        return new NormalizedWeight(true, eps, null, 1);
    }

    /**
     * g·factor·(v − mean)/√((var + eps)·m) of m inputs.
     *
     * @param gain   g of each unit
     * @param factor what all weights are multiplied with
     * @param eps    what is added to the variance
     * @return the weight
     */
    public static NormalizedWeight scaled(INDArray gain, double factor, double eps) {
        return new NormalizedWeight(true, eps, gain, factor);
    }

    private static double inputs(INDArray v) {
        return (double) v.size(0) * v.size(2);
    }

    @Override
    public void initialize(INDArray v, long seed) {
        if (gain != null) {
            gain.assign(centered ? Nd4j.onesLike(gain) : v.castTo(DataType.DOUBLE).norm2(0, 2).castTo(gain.dataType()));
        }
    }

    @Override
    public void forward(INDArray v, boolean training, INDArray w) {
        double inputs = inputs(v);
        // The norms divide by the root of the mean, not of the sum.
        Values values = new Values().set(Parameter.GAMMA, gain == null ? null : scaled(ParameterArrays.read(gain), inputs));
        NormPlan plan = centered ? NormPlan.batch() : NormPlan.rootMeanSquareOverBatch();
        saved = new NormPass(View.of(v.shape(), false), null, plan, values, centered ? eps : eps / inputs).forward(v, w);
    }

    private double[] scaled(double[] values, double inputs) {
        return Arrays.stream(values).map(value -> value * factor / Math.sqrt(inputs)).toArray();
    }

    /** The gradient without that of units whose weights are all 0: divided by eps, it would be a step of any size. */
    private static INDArray ofDirections(INDArray v, INDArray dw) {
        INDArray largest = v.amax(0, 2).reshape(1, v.size(1), 1);
        boolean any = Arrays.stream(largest.data().asDouble()).anyMatch(value -> value == 0);
        return any ? dw.mul(largest.neq(0).castTo(dw.dataType())) : dw;
    }

    @Override
    public void backward(INDArray v, INDArray dw, List<INDArray> gradients, INDArray dv) {
        Values found = saved.backward(v, centered ? dw : ofDirections(v, dw), dv);
        if (gain != null) {
            ParameterArrays.write(scaled(found.get(Parameter.GAMMA), inputs(v)), gradients.get(0));
        }
    }
}
