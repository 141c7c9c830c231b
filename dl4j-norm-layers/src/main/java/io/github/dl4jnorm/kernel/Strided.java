// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.kernel.Blocks.Block;
import io.github.dl4jnorm.norm.View;
import java.nio.ByteOrder;
import org.bytedeco.javacpp.BytePointer;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The memory of an array along the three axes of a {@link View}, in elements. Made from strides alone: the ordering an
 * array reports may be wrong.
 */
final class Strided {
    private final INDArray array;
    private final View view;
    private final int elementBytes;
    private final long strideN;
    private final long strideC;
    private final long strideS;

    private Strided(INDArray array, View view, long strideN, long strideC, long strideS) {
        this.array = array;
        this.view = view;
        this.elementBytes = array.dataType().width();
        this.strideN = strideN;
        this.strideC = strideC;
        this.strideS = strideS;
    }

    /**
     * Finds the strides, and makes sure that neither the array nor the view of it reaches beyond the array's buffer: what is
     * behind the windows of blocks is not checked again where vectors are read and written.
     *
     * @return them, or null if the positions are not evenly spaced or a stride is negative
     * @throws IllegalArgumentException if an element lies outside of the buffer
     */
    static Strided of(INDArray array, View view) {
        Extent.requireWithinBuffer(array);
        long strideS = 1;
        long expected = -1;
        int[] axes = view.positionAxes();
        for (int i = axes.length - 1; i >= 0; i--) {
            long size = array.size(axes[i]);
            if (size > 1) {
                long stride = array.stride(axes[i]);
                if (expected < 0) {
                    strideS = stride;
                } else if (stride != expected) {
                    return null;
                }
                expected = stride * size;
            }
        }
        long strideN = view.examples() == 1 ? 0 : array.stride(0);
        long strideC = view.channels() == 1 ? 0 : array.stride(view.channelAxis());
        if (strideN < 0 || strideC < 0 || strideS < 0) {
            return null;
        }
        long offset = array.offset();
        Extent.requireWithinBuffer(array, offset, offset + Extent.reach(view.examples(), strideN)
                + Extent.reach(view.channels(), strideC) + Extent.reach(view.positions(), strideS));
        return new Strided(array, view, strideN, strideC, strideS);
    }

    /** Whether neighbours in a run of positions, or of channels, are neighbours in memory. */
    boolean contiguous(boolean alongPositions) {
        return alongPositions
                ? strideS == 1 || view.positions() == 1
                : strideC == 1 || view.channels() == 1;
    }

    /** Bytes from one position to the next. */
    int positionBytes() {
        return Math.toIntExact(strideS * elementBytes);
    }

    /** Bytes from one channel to the next. */
    int channelBytes() {
        return Math.toIntExact(strideC * elementBytes);
    }

    /** Whether a channel's positions end where those of the next one start. */
    boolean channelsJoin() {
        return contiguous(true) && strideC == view.positions();
    }

    /** Whether a position's channels end where those of the next one start. */
    boolean positionsJoin() {
        return contiguous(false) && strideS == view.channels();
    }

    /** The memory that a block of the view lies in. */
    Window window(Block block) {
        return new Window(block);
    }

    /** Whether a window of this many examples, channels and positions stays within the 2 GiB of a buffer. */
    boolean fits(long examples, long channels, long positions) {
        long extent = (examples - 1) * strideN + (channels - 1) * strideC + (positions - 1) * strideS + 1;
        return extent * elementBytes <= Integer.MAX_VALUE;
    }

    /** A buffer over one block; valid while the array is reachable. */
    final class Window {
        final Memory memory;
        private final long origin;

        private Window(Block b) {
            origin = b.n0() * strideN + b.c0() * strideC + b.s0() * strideS;
            long last = (b.n1() - 1) * strideN + (b.c1() - 1) * strideC + (b.s1() - 1) * strideS;
            long offset = array.offset();
            // A pointer of its own, moved to the block: a position would count against the 2 GiB of the buffer.
            BytePointer bytes = new BytePointer(array.data().pointer()).getPointer((offset + origin) * elementBytes);
            memory = new Memory(bytes.limit((last - origin + 1) * elementBytes).asByteBuffer()
                    .order(ByteOrder.nativeOrder()));
        }

        /** Byte offset of an element of the block. */
        int at(int n, int c, int s) {
            return (int) ((n * strideN + c * strideC + s * strideS - origin) * elementBytes);
        }
    }
}
