// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.transforms.comparison.CompareAndSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.conditions.Conditions;

/** Which elements pass: those where an array of gates is above 0, NaN included. All others become 0, NaN as well. */
final class Gates {
    /** Of a mean, relative to it: far above what sums in double lose. */
    private static final double MOST_ROUNDING = 1e-9;

    private Gates() {
    }

    /** Sets what does not pass to 0. Unlike a product this leaves no NaN, and unlike {@code select} it is not done one by one. */
    static void close(INDArray values, INDArray gate) {
        if (gate != null) {
            pass(values, gate, values);
        }
    }

    /**
     * The values that pass, else 0.
     *
     * @param values any
     * @param gate   of the same shape and type, nothing below 0: a mask, or the output of a ReLU
     * @param into   where to
     */
    static void pass(INDArray values, INDArray gate, INDArray into) {
        Nd4j.exec(new CompareAndSet(values, gate, into, Conditions.lessThanOrEqual(0)));
    }

    /**
     * Sets squares to 0 where all elements that count are equal: their mean is off by some units in the last place, which an
     * eps of 0 would take for a deviation.
     *
     * @param cells      what squares were summed up of
     * @param deviations elements less their mean
     * @param gate       which of them count, or null
     * @param counts     number of elements
     * @param means      their means
     * @param squares    their sums of squares
     */
    static void dropRounding(Nd4jCells cells, INDArray deviations, INDArray gate, double[] counts, double[] means,
                             double[] squares) {
        double[] low = null;
        double[] high = null;
        for (int i = 0; i < squares.length; i++) {
            double rounding = MOST_ROUNDING * means[i];
            // A mean that overflowed is no rounding: the pass is repeated with smaller numbers.
            if (squares[i] > 0 && squares[i] < Double.POSITIVE_INFINITY && squares[i] <= counts[i] * rounding * rounding) {
                if (low == null) {
                    INDArray others = gate == null ? null : gate.rsub(1).muli(largest(gate));
                    low = cells.least(gate == null ? deviations : deviations.add(others));
                    high = cells.greatest(gate == null ? deviations : deviations.sub(others));
                }
                squares[i] = low[i] == high[i] ? 0 : squares[i];
            }
        }
    }

    private static Number largest(INDArray array) {
        return array.dataType() == DataType.DOUBLE ? (Number) Double.MAX_VALUE : (Number) Float.MAX_VALUE;
    }
}
