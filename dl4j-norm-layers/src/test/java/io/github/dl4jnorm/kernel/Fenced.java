// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import org.bytedeco.javacpp.BytePointer;
import org.nd4j.linalg.api.buffer.DataBuffer;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** An array amid elements of its buffer that are not its own: before it, behind it and between its rows. */
final class Fenced {
    /** More than the widest vector, and no multiple of one. */
    private static final int FENCE = 67;

    final INDArray array;
    private final DataBuffer buffer;
    private final byte[] before;
    private final boolean[] own;

    private Fenced(INDArray array, DataBuffer buffer, boolean[] own) {
        this.array = array;
        this.buffer = buffer;
        this.own = own;
        this.before = bytes();
    }

    /** The same numbers at the same strides, with a value wherever none of them is. */
    static Fenced copyOf(INDArray original, double fence) {
        Fenced fenced = empty(original, original.stride(), fence);
        fenced.array.assign(original);
        return new Fenced(fenced.array, fenced.buffer, fenced.own);
    }

    /** An array of a shape and type, filled with the value of the fence like everything around it. */
    static Fenced empty(INDArray like, long[] strides, double fence) {
        long[] shape = like.shape();
        long extent = 1;
        for (int i = 0; i < shape.length; i++) {
            extent += (shape[i] - 1) * strides[i];
        }
        INDArray all = Nd4j.valueArrayOf(new long[]{extent + 2 * FENCE}, fence, like.dataType());
        boolean[] own = new boolean[(int) all.length()];
        mark(own, shape, strides, 0, FENCE);
        INDArray view = Nd4j.create(all.data(), shape, strides, FENCE, 'c');
        assertThat(view.offset()).isEqualTo(FENCE);
        return new Fenced(view, all.data(), own);
    }

    private static void mark(boolean[] own, long[] shape, long[] strides, int axis, long at) {
        if (axis == shape.length) {
            own[(int) at] = true;
            return;
        }
        for (long i = 0; i < shape[axis]; i++) {
            mark(own, shape, strides, axis + 1, at + i * strides[axis]);
        }
    }

    private byte[] bytes() {
        byte[] bytes = new byte[own.length * buffer.getElementSize()];
        new BytePointer(buffer.pointer()).position(0).limit(bytes.length).asByteBuffer().get(bytes);
        return bytes;
    }

    /** The numbers of the array alone, bit by bit. */
    byte[] content() {
        byte[] now = bytes();
        int width = buffer.getElementSize();
        byte[] content = new byte[now.length];
        int length = 0;
        for (int i = 0; i < own.length; i++) {
            if (own[i]) {
                System.arraycopy(now, i * width, content, length, width);
                length += width;
            }
        }
        return Arrays.copyOf(content, length);
    }

    void assertUntouched(String what) {
        assertThat(Arrays.mismatch(bytes(), before)).as("first byte changed of %s", what).isEqualTo(-1);
    }

    void assertOnlyOwnChanged(String what) {
        byte[] now = bytes();
        int width = buffer.getElementSize();
        for (int i = 0; i < own.length; i++) {
            if (!own[i] && !Arrays.equals(now, i * width, (i + 1) * width, before, i * width, (i + 1) * width)) {
                throw new AssertionError(what + ": written outside of the array, at element " + (i - FENCE) + " of "
                        + (own.length - 2 * FENCE));
            }
        }
    }
}
