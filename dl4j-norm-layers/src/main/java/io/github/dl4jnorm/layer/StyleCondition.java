// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import io.github.dl4jnorm.kernel.Kernels;
import io.github.dl4jnorm.norm.Affine;
import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.Moments;
import io.github.dl4jnorm.norm.View;
import java.util.Arrays;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Deviation and mean of every channel of a style. */
final class StyleCondition extends TableCondition {
    private final View view;
    private final Mask mask;
    private final Moments moments;
    private final double[] deviations;

    StyleCondition(INDArray style, View view, Mask mask, double eps) {
        this.view = view;
        this.mask = mask;
        moments = Kernels.get().moments(style, view, mask);
        deviations = new double[view.examples() * view.channels()];
        Arrays.setAll(deviations, cell -> Math.sqrt(moments.variance(cell) + eps));
    }

    @Override
    double[] gamma() {
        return deviations;
    }

    @Override
    double[] beta() {
        double[] means = new double[deviations.length];
        Arrays.setAll(means, moments::mean);
        return means;
    }

    /** {@code ds = dBeta/S + dGamma·(s − mean)/(S·deviation)}. */
    @Override
    void backward(INDArray style, double[] dGamma, double[] dBeta, INDArray into) {
        Affine toStyle = (n, from, to, coefficients) -> {
            for (int c = from; c < to; c++) {
                int cell = n * view.channels() + c;
                double share = 1 / Math.max(1, moments.count(cell));
                // A style that does not vary has a deviation of 0 without eps, and that no gradient.
                double unit = deviations[cell] == 0 ? 0 : 1 / deviations[cell];
                coefficients.unit[c - from] = unit;
                coefficients.scale[c - from] = dGamma[cell] * share * unit;
                coefficients.center[c - from] = moments.mean(cell);
                coefficients.shift[c - from] = dBeta[cell] * share;
            }
        };
        Kernels.get().affine(style, view, mask, toStyle, false, into);
    }
}
