// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.pass;

import io.github.dl4jnorm.norm.Norm;
import io.github.dl4jnorm.norm.NormPlan;
import io.github.dl4jnorm.norm.Renorm;
import java.util.Arrays;

/**
 * The learned numbers as one pass sees them; null where there is nothing to learn and 1 or 0 stands in.
 *
 * @param gamma      scale of each channel, or of each channel of each example in turn, or null for 1
 * @param beta       shift of each channel, or of each channel of each example in turn, or null for 0
 * @param meanLogits logits of the parts' weights in the mean, or null with a single part
 * @param varLogits  logits of the parts' weights in the variance, or null with a single part
 * @param eps        what is added to the variance
 * @param renorm     how elements normalized by the batch are corrected, or null
 * @param tau        threshold of each channel, or null for none
 */
public record NormParams(double[] gamma, double[] beta, double[] meanLogits, double[] varLogits, double eps,
                         Renorm renorm, double[] tau) {

    /**
     * Without a correction and a threshold.
     *
     * @param gamma      scale of each channel, or null for 1
     * @param beta       shift of each channel, or null for 0
     * @param meanLogits logits of the parts' weights in the mean, or null with a single part
     * @param varLogits  logits of the parts' weights in the variance, or null with a single part
     * @param eps        what is added to the variance
     */
    public NormParams(double[] gamma, double[] beta, double[] meanLogits, double[] varLogits, double eps) {
        this(gamma, beta, meanLogits, varLogits, eps, null, null);
    }

    /** Softmax over the logits of the parts in use; one part alone has weight 1. */
    double[] mixture(double[] logits, NormPlan.Channels plan) {
        if (logits == null) {
            return new double[]{1};
        }
        return Norm.softmax(Arrays.copyOfRange(logits, plan.firstWeight(), plan.firstWeight() + plan.parts().size()));
    }
}
