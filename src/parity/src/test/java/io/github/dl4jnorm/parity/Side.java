// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.parity;

import java.util.Map;

/** One of those compared. Arrays are in the order of {@link Drawn#stored()}. */
interface Side {
    /**
     * Forward pass.
     *
     * @param x        input
     * @param training whether in training mode
     * @return output
     */
    double[] forward(double[] x, boolean training);

    /**
     * Backward pass of the last forward pass; then, after one in training mode, running statistics have taken it up.
     *
     * @param dy gradient of the output
     * @return gradients: that of the input as "dx", those of parameters under the parameters' names
     */
    Map<String, double[]> backward(double[] dy);

    /** @return running mean of each channel */
    double[] runningMean();

    /** @return running variance of each channel */
    double[] runningVariance();
}
