// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.kernel.Strided.Block;
import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.PositionNorm;

/** The way of one thread over positions that each have statistics of their own; adds up the parameters' gradients. */
abstract class Strip {
    final Operands operands;
    final Mask mask;
    final PositionNorm norm;
    final boolean relu;
    final RowOps ops;
    final int channels;
    final double[] pair = new double[2];
    final double[] gammaGradient;
    final double[] betaGradient;

    Strip(Operands operands, Mask mask, PositionNorm norm, boolean relu, RowOps ops) {
        this.operands = operands;
        this.mask = mask;
        this.norm = norm;
        this.relu = relu;
        this.ops = ops;
        channels = operands.view.channels();
        gammaGradient = new double[channels];
        betaGradient = new double[channels];
    }

    /** Normalizes the positions of a block, one example with all its channels. */
    abstract void forward(Block block);

    /** Writes the gradient of the input at these positions. */
    abstract void backward(Block block);

    /** What the backward passes of this strip have summed up. */
    PositionNorm.Gradients gradients() {
        return new PositionNorm.Gradients(gammaGradient, betaGradient);
    }

    /** dx = gamma·unit·dy + shift + slope·x̂: sets the last two of a position. */
    void setGradient(int position, double unit, double count, double sum, double product) {
        ops.crossing().gradient(position, norm.gradShift(unit, count, sum), norm.gradSlope(unit, count, product));
    }
}
