// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.pass;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** A weight divided by an estimate of its largest singular value, which power iteration improves. */
public final class SpectralWeight implements WeightPass {
    private final INDArray left;
    private final INDArray right;
    private final int iterations;
    private final int warmUp;
    private final double eps;
    /** u, v and σ of the last forward pass, and whether u and v are newer than the parameters. */
    private double[] u;
    private double[] v;
    private double sigma;
    private boolean improved;

    /**
     * A weight with its singular vectors.
     *
     * @param left       u, which has an element for each unit
     * @param right      v, which has an element for each input
     * @param iterations power iterations in a training step
     * @param warmUp     power iterations to begin with
     * @param eps        least length and singular value that is divided by
     */
    public SpectralWeight(INDArray left, INDArray right, int iterations, int warmUp, double eps) {
        this.left = left;
        this.right = right;
        this.iterations = iterations;
        this.warmUp = warmUp;
        this.eps = eps;
    }

    @Override
    public void initialize(INDArray weight, long seed) {
        Random random = new Random(seed);
        u = unit(random.doubles(left.length(), -1, 1).toArray(), null);
        v = unit(random.doubles(right.length(), -1, 1).toArray(), null);
        iterate(new MatrixOfWeights(weight), warmUp);
        takeUp();
    }

    private void iterate(MatrixOfWeights matrix, int times) {
        for (int i = 0; i < times; i++) {
            u = unit(matrix.times(v), u);
            v = unit(matrix.transposedTimes(u), v);
        }
    }

    /** Unit length; what is too short for it says nothing, and the former direction remains. */
    private double[] unit(double[] vector, double[] former) {
        double length = Math.sqrt(MatrixOfWeights.dot(vector, vector));
        return length < eps && former != null ? former
                : Arrays.stream(vector).map(x -> x / Math.max(length, eps)).toArray();
    }

    private void takeUp() {
        ParameterArrays.write(u, left);
        ParameterArrays.write(v, right);
        improved = false;
    }

    @Override
    public void forward(INDArray weight, boolean training, INDArray w) {
        MatrixOfWeights matrix = new MatrixOfWeights(weight);
        u = ParameterArrays.read(left);
        v = ParameterArrays.read(right);
        improved = training;
        if (training) {
            iterate(matrix, iterations);
        }
        double estimate = MatrixOfWeights.dot(u, matrix.times(v));
        sigma = Math.abs(estimate) < eps ? eps : estimate;
        deliver(quotient(weight, sigma, w), w);
    }

    /** HALF in FLOAT: it holds no number as small as eps. */
    private static INDArray working(INDArray array) {
        return array.dataType() == DataType.HALF ? array.castTo(DataType.FLOAT) : array;
    }

    /** A quotient in its place, unless that is HALF. */
    private static INDArray quotient(INDArray array, double divisor, INDArray into) {
        return array.dataType() == DataType.HALF ? working(array).divi(divisor) : array.divi(divisor, into);
    }

    private static void deliver(INDArray result, INDArray into) {
        if (result != into) {
            into.assign(result);
        }
    }

    @Override
    public void backward(INDArray weight, INDArray dw, List<INDArray> gradients, INDArray dv) {
        if (sigma == eps) {
            // A weight of 0 has no direction to go on in; divided by eps, one of its gradients would be a step of any size.
            dv.assign(0);
        } else {
            MatrixOfWeights matrix = new MatrixOfWeights(weight);
            INDArray along = working(matrix.outer(u, v)).muli(matrix.dot(dw) / sigma / sigma);
            deliver(quotient(dw, sigma, dv).subi(along), dv);
        }
        if (improved) {
            takeUp();
        }
    }
}
