// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.pass;

import io.github.dl4jnorm.kernel.Kernels;
import io.github.dl4jnorm.norm.Affine;
import io.github.dl4jnorm.norm.GradSums;
import io.github.dl4jnorm.norm.View;
import java.util.Arrays;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * A weight {@code [outer, units, inner]} as a matrix of one row for each unit, where it is. Products of matrix and vector
 * are sums of products as the backward pass of a norm has them: the kernels give the same whatever the threads.
 *
 * @param array the weight
 */
record MatrixOfWeights(INDArray array) {

    /** The matrix times a vector with an element for each input. */
    double[] times(double[] inputs) {
        return dotRows(alongInputs(inputs));
    }

    /** The transposed matrix times a vector with an element for each unit. */
    double[] transposedTimes(double[] units) {
        return sums(alongUnits(units), View.of(array.shape(), true));
    }

    /** The dot product with another weight of this shape. */
    double dot(INDArray other) {
        return Arrays.stream(dotRows(other)).sum();
    }

    /** u·vᵀ in the shape of the weight. */
    INDArray outer(double[] units, double[] inputs) {
        return alongUnits(units).mul(alongInputs(inputs));
    }

    static double dot(double[] a, double[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += a[i] * b[i];
        }
        return sum;
    }

    private double[] dotRows(INDArray other) {
        return sums(other, View.of(array.shape(), false).batchAsPositions());
    }

    /** Σ x·y over the positions of each example and channel. */
    private double[] sums(INDArray y, View view) {
        GradSums sums = Kernels.get().gradSums(array, y, view, null, Affine.IDENTITY, false);
        int channels = view.channels();
        double[] result = new double[view.examples() * channels];
        double[] row = new double[channels];
        for (int n = 0; n < view.examples(); n++) {
            sums.row(n, 0, channels, new double[channels], row);
            System.arraycopy(row, 0, result, n * channels, channels);
        }
        return result;
    }

    private INDArray alongUnits(double[] values) {
        return along(values, 0, 1, 0);
    }

    private INDArray alongInputs(double[] values) {
        return along(values, array.size(2), 0, 1);
    }

    /** The same values for every row or column, without a copy for each. */
    private INDArray along(double[] values, long... strides) {
        INDArray vector = Nd4j.createFromArray(values).castTo(array.dataType());
        return Nd4j.create(vector.data(), array.shape(), strides, 0, 'c');
    }
}
