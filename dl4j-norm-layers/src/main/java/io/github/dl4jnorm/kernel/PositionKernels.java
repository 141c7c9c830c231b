// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.Moments;
import io.github.dl4jnorm.norm.PositionNorm;
import io.github.dl4jnorm.norm.View;
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

    /**
     * See {@link NormKernels#positionNorm}, of x and y, and {@link NormKernels#positionNormOfSum}, of x, residual, sum and y.
     *
     * @param outputs how many of the last arrays are written
     */
    Moments forward(View view, Mask mask, PositionNorm norm, boolean relu, int outputs, INDArray... arrays) {
        Operands operands = operands(view, mask, norm, outputs, arrays);
        Blocks strips = strips(operands);
        Moments found = room(operands.view, norm);
        Workers.run(strips.tasks, () -> {
            StripNormalizer strip = strip(operands, mask, norm, relu, strips);
            return task -> {
                for (int i = strips.first(task); i < strips.first(task + 1); i++) {
                    strip.forward(strips.get(i), found);
                }
            };
        });
        return found;
    }

    /** See {@link NormKernels#positionNormGrad}, of x, dy and dx; before dx, there may be what is added to it. */
    PositionNorm.Gradients backward(View view, Mask mask, PositionNorm norm, Moments known, boolean relu, INDArray... arrays) {
        Operands operands = operands(view, mask, norm, 1, arrays);
        Blocks strips = strips(operands);
        PositionNorm.Gradients[] parts = new PositionNorm.Gradients[strips.tasks];
        Workers.run(strips.tasks, () -> {
            StripNormalizer strip = strip(operands, mask, norm, relu, strips);
            return task -> {
                strip.startGradients();
                for (int i = strips.first(task); i < strips.first(task + 1); i++) {
                    strip.backward(strips.get(i), known);
                }
                parts[task] = strip.gradients();
            };
        });
        for (int task = 1; task < parts.length; task++) {
            parts[0].add(parts[task]);
        }
        return parts[0];
    }

    /** Rows are the positions of one example, so that a strip has several; their cells are the same, one for each row. */
    private static Operands operands(View view, Mask mask, PositionNorm norm, int outputs, INDArray[] arrays) {
        boolean rows = view.positions() == 1 && mask == null && norm.groups() == 1;
        return new Operands(rows ? view.batchAsPositions() : view, outputs, arrays);
    }

    /** Whether the moments of all groups are no more than a fraction of the input. */
    static boolean worthKeeping(View view, PositionNorm norm) {
        return view.channels() / norm.groups() >= WORTH_KEEPING;
    }

    /** Room for the moments of all groups, or null where they are not worth it. */
    private static Moments room(View view, PositionNorm norm) {
        return !worthKeeping(view, norm) ? null
                : new Moments(Math.multiplyExact(view.examples(), norm.groups()), view.positions());
    }

    private StripNormalizer strip(Operands operands, Mask mask, PositionNorm norm, boolean relu, Blocks strips) {
        Arithmetic ops = arithmetic.apply(operands.type());
        return operands.alongPositions ? new ChannelsFirstNormalizer(operands, mask, norm, relu, ops, strips.positions)
                : new ChannelsLastNormalizer(operands, mask, norm, relu, ops);
    }

    /** Splits all positions. */
    private static Blocks strips(Operands operands) {
        View view = operands.view;
        int fitting = Math.max(MIN_STRIP, Blocks.TASK / view.channels() / MIN_STRIP * MIN_STRIP);
        int length = Math.min(view.positions(), fitting);
        operands.fitPositions(length);
        int count = new Blocks(view, 1, view.channels(), length, 1).count;
        long worth = Math.max(Blocks.TASK, (long) MIN_POSITIONS * view.channels());
        int tasks = (int) Math.max(1, Math.min(Math.min(count, MAX_TASKS), view.length() / worth));
        return new Blocks(view, 1, view.channels(), length, tasks);
    }
}
