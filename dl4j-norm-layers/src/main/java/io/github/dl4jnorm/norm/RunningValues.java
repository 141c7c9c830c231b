// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.norm;

/** The running statistics of a layer, read when they are asked for. */
public interface RunningValues {
    /** {@return the mean of each channel, a copy} */
    double[] mean();

    /** {@return the variance of each channel, a copy; 1 where only means are tracked} */
    double[] variance();

    /** {@return how many batches were taken up, by the channel that has seen most; 0 if they are not counted} */
    double batches();
}
