// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.INDArrayIndex;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** Kinds of views that users hand to a network. What lies around them is NaN. */
enum SeamView {
    /** {@code getRange}: examples from the middle of a table. */
    OFFSET_ROWS {
        @Override
        List<INDArray> of(INDArray array) {
            return offsets(array, 0);
        }
    },
    /** A table without its label column. */
    OFFSET_COLUMNS {
        @Override
        List<INDArray> of(INDArray array) {
            return offsets(array, 1);
        }
    },
    /** Time steps 5 to 15, a part of an image. */
    OFFSET_POSITIONS {
        @Override
        List<INDArray> of(INDArray array) {
            return offsets(array, array.rank() - 1);
        }
    },
    F_ORDER {
        @Override
        List<INDArray> of(INDArray array) {
            return List.of(array.dup('f'));
        }
    },
    STEP_2 {
        @Override
        List<INDArray> of(INDArray array) {
            return IntStream.range(0, array.rank()).mapToObj(axis -> part(array, axis, array.size(axis) * 2 + 1, 1,
                    array.size(axis) == 1 ? 1 : 2)).toList();
        }
    },
    PERMUTED {
        @Override
        List<INDArray> of(INDArray array) {
            int[] reverse = IntStream.range(0, array.rank()).map(i -> array.rank() - 1 - i).toArray();
            return List.of(array.permute(reverse).dup('c').permute(reverse));
        }
    },
    /** The same example, channel or position again and again, by a stride of 0. */
    BROADCAST {
        @Override
        List<INDArray> of(INDArray array) {
            return IntStream.range(0, array.rank()).mapToObj(axis -> {
                long[] strides = array.stride().clone();
                strides[axis] = 0;
                return Nd4j.create(array.data(), array.shape(), strides, 0, 'c');
            }).toList();
        }
    };

    /**
     * Views of this kind with the numbers of an array, or some of them.
     *
     * @param array c order
     * @return the views
     */
    abstract List<INDArray> of(INDArray array);

    /** Where the offset is that of one slice, of as many as there are (the offset is the length then), and of some more. */
    private static List<INDArray> offsets(INDArray array, int axis) {
        long size = array.size(axis);
        return Stream.of(1L, size, size + 1, 2 * size).map(offset -> part(array, axis, 3 * size + 3, offset, 1)).toList();
    }

    private static INDArray part(INDArray array, int axis, long size, long from, long step) {
        long[] larger = array.shape().clone();
        larger[axis] = size;
        INDArrayIndex[] part = new INDArrayIndex[array.rank()];
        Arrays.fill(part, NDArrayIndex.all());
        part[axis] = NDArrayIndex.interval(from, step, from + step * (array.size(axis) - 1) + 1);
        INDArray view = Nd4j.valueArrayOf(larger, Double.NaN, array.dataType()).get(part);
        return view.assign(array);
    }
}
