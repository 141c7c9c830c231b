// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.pass;

import java.util.List;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * A weight with orthonormal columns, or rows if there are more inputs than units: the first columns of a product of reflections
 * {@code H = I − 2·v·vᵀ/‖v‖²}. Column i of the array it is computed from holds the v of reflection i from row i on; what is above
 * has no effect and no gradient.
 *
 * @param eps length up to which v counts as 0, which reflects nothing
 */
public record OrthogonalWeight(double eps) implements WeightPass {
    @Override
    public void initialize(INDArray v, long seed) {
        // There are no further parameters.
    }

    /** The longer side of the matrix. */
    private static int rows(INDArray v) {
        return Math.toIntExact(Math.max(v.size(1), v.length() / v.size(1)));
    }

    private static int columns(INDArray v) {
        return Math.toIntExact(v.length() / rows(v));
    }

    /** Where an element of column i is in c order. */
    private static int at(INDArray v, int column, int row) {
        int units = Math.toIntExact(v.size(1));
        int inner = Math.toIntExact(v.size(2));
        boolean tall = units == rows(v);
        int unit = tall ? row : column;
        int input = tall ? column : row;
        return (input / inner * units + unit) * inner + input % inner;
    }

    /** The columns of an array. */
    private static double[][] columnsOf(INDArray array) {
        double[] flat = ParameterArrays.read(array);
        double[][] columns = new double[columns(array)][rows(array)];
        for (int i = 0; i < columns.length; i++) {
            for (int j = 0; j < columns[i].length; j++) {
                columns[i][j] = flat[at(array, i, j)];
            }
        }
        return columns;
    }

    private static void write(double[][] columns, INDArray into) {
        double[] flat = new double[Math.toIntExact(into.length())];
        for (int i = 0; i < columns.length; i++) {
            for (int j = 0; j < columns[i].length; j++) {
                flat[at(into, i, j)] = columns[i][j];
            }
        }
        ParameterArrays.write(flat, into);
    }

    private static double dot(double[] a, double[] b, int from) {
        double sum = 0;
        for (int j = from; j < a.length; j++) {
            sum += a[j] * b[j];
        }
        return sum;
    }

    private static void add(double factor, double[] summand, double[] sum, int from) {
        for (int j = from; j < sum.length; j++) {
            sum[j] += factor * summand[j];
        }
    }

    /** 2/‖v‖², or 0 where v is too short. */
    private double strength(double[] v, int i) {
        double square = dot(v, v, i);
        return square > eps * eps ? 2 / square : 0;
    }

    /** Reflects columns from the i-th one on. */
    private void reflect(double[] v, int i, double[][] columns) {
        double strength = strength(v, i);
        for (int k = i; k < columns.length; k++) {
            add(-strength * dot(v, columns[k], i), v, columns[k], i);
        }
    }

    private double[][] product(double[][] v) {
        double[][] q = new double[v.length][v[0].length];
        for (int i = v.length - 1; i >= 0; i--) {
            q[i][i] = 1;
            reflect(v[i], i, q);
        }
        return q;
    }

    @Override
    public void forward(INDArray v, boolean training, INDArray w) {
        write(product(columnsOf(v)), w);
    }

    /** From the first reflection on, each undone in turn. */
    @Override
    public void backward(INDArray v, INDArray dw, List<INDArray> gradients, INDArray dv) {
        double[][] all = columnsOf(v);
        double[][] q = product(all);
        double[][] g = columnsOf(dw);
        double[][] result = new double[all.length][all[0].length];
        for (int i = 0; i < all.length; i++) {
            double strength = strength(all[i], i);
            double alongV = 0;
            reflect(all[i], i, q);
            for (int k = i; k < q.length; k++) {
                double a = dot(all[i], q[k], i);
                double b = dot(all[i], g[k], i);
                add(-strength * a, g[k], result[i], i);
                add(-strength * b, q[k], result[i], i);
                alongV += a * b;
            }
            add(strength * strength * alongV, all[i], result[i], i);
            reflect(all[i], i, g);
        }
        write(result, dv);
    }
}
