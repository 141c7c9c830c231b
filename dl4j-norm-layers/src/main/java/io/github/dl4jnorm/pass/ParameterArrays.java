// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.pass;

import io.github.dl4jnorm.kernel.Kernels;
import java.util.Arrays;
import org.nd4j.linalg.api.buffer.DataBuffer;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Parameter arrays as numbers in double. Element by element where memory is Java's: for as few as there are channels, a single
 * operation of ND4J takes longer. The elements of a view's buffer are counted from where the view begins. On a device each of
 * them would wait for a copy of the buffer that all parameters of a network share: there it is one operation and one transfer.
 */
public final class ParameterArrays {
    private ParameterArrays() {
    }

    /**
     * The numbers of an array in c order.
     *
     * @param array any array, or null
     * @return a copy, null for null
     */
    public static double[] read(INDArray array) {
        if (array == null) {
            return null;
        }
        int stride = stride(array);
        if (stride < 1) {
            return array.dup('c').data().asDouble();
        }
        double[] values = new double[Math.toIntExact(array.length())];
        DataBuffer data = array.data();
        for (int i = 0; i < values.length; i++) {
            values[i] = data.getDouble((long) i * stride);
        }
        return values;
    }

    /**
     * Writes numbers into an array.
     *
     * @param values as many as the array has elements, in c order
     * @param into   the array
     * @throws IllegalArgumentException if there are more or fewer; behind a view, others begin
     */
    public static void write(double[] values, INDArray into) {
        if (values.length != into.length()) {
            throw new IllegalArgumentException("expected " + into.length() + " numbers for an array of shape "
                    + Arrays.toString(into.shape()) + ", got " + values.length);
        }
        int stride = stride(into);
        if (stride < 1) {
            into.assign(Nd4j.createFromArray(values).reshape(into.shape()));
            return;
        }
        DataBuffer data = into.data();
        for (int i = 0; i < values.length; i++) {
            data.put((long) i * stride, values[i]);
        }
    }

    /**
     * Sets all elements to 0.
     *
     * @param array the array
     */
    public static void clear(INDArray array) {
        if (stride(array) < 1) {
            array.assign(0);
        } else {
            write(new double[Math.toIntExact(array.length())], array);
        }
    }

    /** Elements from one to the next, or 0 where that is not the same everywhere, or memory is of another order or a device's. */
    private static int stride(INDArray array) {
        return Kernels.get().onHost() && array.isVectorOrScalar() ? Math.max(0, array.elementWiseStride()) : 0;
    }
}
