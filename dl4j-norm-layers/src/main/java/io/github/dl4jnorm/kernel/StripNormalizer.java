// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.kernel.Blocks.Block;
import io.github.dl4jnorm.kernel.Strided.Window;
import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.Moments;
import io.github.dl4jnorm.norm.PositionNorm;

/** What one thread normalizes positions with that each have statistics of their own; adds up the parameters' gradients. */
abstract class StripNormalizer {
    final Operands operands;
    final Mask mask;
    final PositionNorm norm;
    final boolean relu;
    final Arithmetic ops;
    final CrossOps crossing;
    final int channels;
    final Runs runs;
    final double[] pair = new double[2];
    double[] gammaGradient;
    double[] betaGradient;

    StripNormalizer(Operands operands, Mask mask, PositionNorm norm, boolean relu, Arithmetic ops) {
        this.operands = operands;
        this.mask = mask;
        this.norm = norm;
        this.relu = relu;
        this.ops = ops;
        crossing = ops.crossing();
        channels = operands.view.channels();
        runs = new Runs(operands, mask, 1);
    }

    /**
     * Normalizes the positions of a block, one example with all its channels.
     *
     * @param block the positions
     * @param found receives the moments, or null
     */
    abstract void forward(Block block, Moments found);

    /**
     * Writes the gradient of the input at these positions.
     *
     * @param block the positions
     * @param known their moments, or null to find them
     */
    abstract void backward(Block block, Moments known);

    /** Where a forward pass finds what it normalizes: x, or behind x and a residual their sum. */
    final int source() {
        return operands.last() - 1;
    }

    final void add(Window a, Window b, Window sum, int c) {
        crossing.add(a.memory, runs.at(a, c), b.memory, runs.at(b, c), sum.memory, runs.at(sum, c), runs.length);
    }

    /** What is added to the gradient, or null. */
    final Window added(Block block) {
        return operands.last() > 2 ? operands.window(2, block) : null;
    }

    /** Writes the gradient of the input at one of the runs, of channel c. */
    final void gradient(Window x, Window dy, Window added, Window dx, int c) {
        int at = runs.at(dx, c);
        if (runs.kept) {
            crossing.affineGrad(x.memory, runs.at(x, c), dy.memory, runs.at(dy, c), dx.memory, at, runs.column(), runs.length,
                    relu);
        } else {
            ops.zero(dx.memory, at, runs.length);
        }
        if (added != null) {
            add(dx, added, dx, c);
        }
    }

    /** Normalizes one of the runs, of channel c. */
    final void map(Window x, Window y, int c) {
        int at = runs.at(y, c);
        if (runs.kept) {
            crossing.affine(x.memory, runs.at(x, c), y.memory, at, runs.column(), runs.length, relu);
        } else {
            ops.zero(y.memory, at, runs.length);
        }
    }

    /** The gradients of the parameters begin anew, at 0. */
    final void startGradients() {
        gammaGradient = new double[channels];
        betaGradient = new double[channels];
    }

    /** What the backward passes since then have summed up. */
    PositionNorm.Gradients gradients() {
        return new PositionNorm.Gradients(gammaGradient, betaGradient);
    }

    /** Where the moments of a group are at position 0. */
    final int cells(int n, int c) {
        return (n * norm.groups() + c / (channels / norm.groups())) * operands.view.positions();
    }

    /** dx = gamma·unit·dy + shift + slope·x̂: sets the last two of a position. */
    void setGradient(int position, double unit, double count, double sum, double product) {
        crossing.gradient(position, norm.gradShift(unit, count, sum), norm.gradSlope(unit, count, product));
    }
}
