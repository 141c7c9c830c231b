// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import java.util.Arrays;
import java.util.stream.IntStream;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.factory.Nd4j;

/** Reduces axes of an array, such as {@link SDVariable#mean(boolean, int...)}. */
@FunctionalInterface
interface Reduction {
    /** Of arrays of fewer axes ND4J takes some for vectors that there is nothing to reduce of, and fails. */
    int SAFE_RANK = 3;

    SDVariable apply(SDVariable x, boolean keep, int... axes);

    /** Applies a reduction to an array of any rank. */
    static SDVariable of(Reduction reduction, SameDiff sd, SDVariable x, int rank, boolean keep, int... axes) {
        int missing = Math.max(0, SAFE_RANK - rank);
        if (missing == 0) {
            return reduction.apply(x, keep, axes);
        }
        SDVariable ones = sd.constant(Nd4j.ones(DataType.LONG, missing));
        SDVariable y = rank == 0 ? sd.reshape(x, ones) : sd.reshape(x, sd.concat(0, ones, sd.shape(x)));
        y = reduction.apply(y, keep, Arrays.stream(axes).map(axis -> axis + missing).toArray());
        int left = keep ? rank : rank - axes.length;
        return left == 0 ? sd.reshape(y, new long[0])
                : sd.reshape(y, sd.gather(sd.shape(y), IntStream.range(missing, missing + left).toArray(), 0));
    }
}
