// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.kernel.Strided.Block;
import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.Moments;
import io.github.dl4jnorm.norm.PositionNorm;
import io.github.dl4jnorm.norm.View;
import java.util.function.Consumer;
import java.util.function.Function;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Normalization of each position over its channels. Channels last, run after run; channels first, all channels of a
 * strip of positions, each of which has statistics of its own.
 */
final class PositionKernels {
    private static final int MAX_TASKS = 32;
    /** Positions of a strip at least: a cache line of float, or channels would share lines with the next strip. */
    private static final int MIN_STRIP = 16;
    /** Positions of a task at least: each has gradients of gamma and beta of its own, to be set to 0 and added up. */
    private static final int MIN_POSITIONS = 32;
    /** Channels of a group that make its moments small beside them. */
    private static final int WORTH_KEEPING = 64;

    private final Function<DataType, Arithmetic> arithmetic;

    PositionKernels(Function<DataType, Arithmetic> arithmetic) {
        this.arithmetic = arithmetic;
    }

    /** See {@link NormKernels#positionNorm}. */
    Moments forward(INDArray x, View view, Mask mask, PositionNorm norm, boolean relu, INDArray y) {
        Operands operands = new Operands(view, true, x, y);
        Strips strips = new Strips(operands);
        Moments found = room(view, norm);
        operands.forEachTask(strips.tasks(), () -> strip(operands, mask, norm, relu, strips), (strip, task) ->
                strips.forEach(task, block -> strip.forward(block, found)));
        return found;
    }

    /** See {@link NormKernels#positionNormGrad}. */
    PositionNorm.Gradients backward(INDArray x, INDArray dy, View view, Mask mask, PositionNorm norm, Moments known,
                                    boolean relu, INDArray dx) {
        Operands operands = new Operands(view, true, x, dy, dx);
        Strips strips = new Strips(operands);
        PositionNorm.Gradients[] parts = new PositionNorm.Gradients[strips.tasks()];
        operands.forEachTask(strips.tasks(), () -> strip(operands, mask, norm, relu, strips), (strip, task) -> {
            strip.startGradients();
            strips.forEach(task, block -> strip.backward(block, known));
            parts[task] = strip.gradients();
        });
        for (int task = 1; task < parts.length; task++) {
            parts[0].add(parts[task]);
        }
        return parts[0];
    }

    /** Room for the moments of all groups, or null where they would be more than a fraction of the input. */
    private static Moments room(View view, PositionNorm norm) {
        return view.channels() / norm.groups() < WORTH_KEEPING ? null
                : new Moments(Math.multiplyExact(view.examples(), norm.groups()), view.positions());
    }

    private Strip strip(Operands operands, Mask mask, PositionNorm norm, boolean relu, Strips strips) {
        Arithmetic ops = arithmetic.apply(operands.type());
        return operands.alongPositions ? new ChannelsFirstStrip(operands, mask, norm, relu, ops, strips.length)
                : new ChannelsLastStrip(operands, mask, norm, relu, ops);
    }

    /** The split of all positions into strips, and of the strips into tasks: by shape alone. */
    private static final class Strips {
        private final View view;
        private final int length;
        private final int perExample;
        private final int count;

        Strips(Operands operands) {
            view = operands.view;
            int fitting = Math.max(MIN_STRIP, Operands.TASK / view.channels() / MIN_STRIP * MIN_STRIP);
            length = Math.min(view.positions(), fitting);
            operands.fitPositions(length);
            perExample = (view.positions() - 1) / length + 1;
            count = Math.multiplyExact(view.examples(), perExample);
        }

        int tasks() {
            long worth = Math.max(Operands.TASK, (long) MIN_POSITIONS * view.channels());
            return (int) Math.max(1, Math.min(Math.min(count, MAX_TASKS), view.length() / worth));
        }

        void forEach(int task, Consumer<Block> work) {
            int end = (int) ((task + 1L) * count / tasks());
            for (int i = (int) ((long) task * count / tasks()); i < end; i++) {
                int n = i / perExample;
                int s = i % perExample * length;
                work.accept(new Block(n, n + 1, 0, view.channels(), s, Math.min(view.positions(), s + length)));
            }
        }
    }
}
