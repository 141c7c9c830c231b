// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.norm.Affine;
import io.github.dl4jnorm.norm.GradAffine;
import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.View;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.INDArrayIndex;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** One drawn case: arrays and the numbers in them as [n][c][s]. */
class KernelCase {
    private static final int[] SIZES = {1, 2, 3, 4, 7, 8, 15, 16, 17, 31, 32, 33, 64, 1000, 1021, 4098};
    private static final DataType[] TYPES = {DataType.FLOAT, DataType.DOUBLE, DataType.HALF};

    final NormKernels kernels;
    final int seed;
    final Random random;
    final DataType type;
    final View view;
    final boolean relu;
    final Mask mask;
    final INDArray x;
    final INDArray dy;
    final int n;
    final int c;
    final int s;
    final double tolerance;
    /** Of sums: the elements of HALF are exact in float, so only the type of the arithmetic counts. */
    final double sumTolerance;
    final Affine affine;
    final GradAffine grad;

    KernelCase(NormKernels kernels, int seed) {
        this.kernels = kernels;
        this.seed = seed;
        random = new Random(seed);
        type = TYPES[random.nextInt(TYPES.length)];
        int rank = 2 + random.nextInt(4);
        long[] shape = new long[rank];
        long length = 1;
        for (int i = 0; i < rank; i++) {
            shape[i] = Math.min(SIZES[random.nextInt(SIZES.length)], Math.max(1, 60_000 / length));
            length *= shape[i];
        }
        View plain = View.of(shape, random.nextBoolean());
        view = random.nextInt(3) == 0 ? plain.batchAsPositions() : plain;
        n = view.examples();
        c = view.channels();
        s = view.positions();
        relu = random.nextBoolean();
        x = strided(shape, 3);
        dy = strided(shape, 1);
        mask = drawMask();
        tolerance = type == DataType.DOUBLE ? 1e-11 : type == DataType.FLOAT ? 2e-5 : 4e-3;
        sumTolerance = type == DataType.DOUBLE ? 1e-11 : 1e-6;
        double[][] tables = new double[6][];
        Arrays.setAll(tables, t -> random.doubles((long) n * c, -1, 1).toArray());
        affine = (row, from, to, k) -> {
            System.arraycopy(tables[0], row * c + from, k.scale, 0, to - from);
            System.arraycopy(tables[1], row * c + from, k.center, 0, to - from);
            System.arraycopy(tables[2], row * c + from, k.shift, 0, to - from);
            System.arraycopy(tables[3], row * c + from, k.unit, 0, to - from);
        };
        grad = (row, from, to, at, slope, shift) -> {
            System.arraycopy(tables[4], row * c + from, slope, 0, to - from);
            System.arraycopy(tables[5], row * c + from, shift, 0, to - from);
        };
    }

    /** In c order, f order, as a permuted view or as a window into a larger array. */
    private INDArray strided(long[] shape, double mean) {
        int kind = random.nextInt(4);
        int rank = shape.length;
        long[] stored = shape.clone();
        if (kind == 2) {
            for (int i = 0; i < rank; i++) {
                stored[i] = shape[rank - 1 - i];
            }
        } else if (kind == 3) {
            for (int i = 0; i < rank; i++) {
                stored[i] = shape[i] + random.nextInt(3);
            }
        }
        INDArray array = Nd4j.createUninitialized(DataType.DOUBLE, stored, kind == 1 ? 'f' : 'c');
        double[] values = random.doubles(array.length(), mean - 2, mean + 2).toArray();
        array = Nd4j.createFromArray(values).reshape('c', stored).dup(kind == 1 ? 'f' : 'c').castTo(type);
        if (kind == 2) {
            return array.permute(IntStream.range(0, rank).map(i -> rank - 1 - i).toArray());
        }
        if (kind == 3) {
            INDArrayIndex[] part = new INDArrayIndex[rank];
            for (int i = 0; i < rank; i++) {
                part[i] = NDArrayIndex.interval(stored[i] - shape[i], stored[i]);
            }
            return array.get(part);
        }
        return array;
    }

    private Mask drawMask() {
        int kind = random.nextInt(3);
        if (kind == 0) {
            return null;
        }
        int channels = kind == 1 ? 1 : c;
        boolean[] keep = new boolean[n * channels * s];
        for (int i = 0; i < keep.length; i++) {
            keep[i] = random.nextInt(4) > 0;
        }
        return new Mask(n, channels, s, keep);
    }

    boolean kept(int i, int j, int p) {
        return mask == null || mask.keeps(i, j, p);
    }

    /** The elements of an array as [n][c][s], read with ND4J alone. */
    double[][][] read(INDArray array) {
        int channelAxis = view.channelAxis();
        double[][][] result = new double[n][c][s];
        INDArray first = array.rank() > 2 && channelAxis != 1
                ? array.permute(channelsFirst(array.rank())) : array;
        double[] flat = first.castTo(DataType.DOUBLE).dup('c').data().asDouble();
        int perExample = view.batchFolded() ? s / (int) array.size(0) : s;
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < c; j++) {
                for (int p = 0; p < s; p++) {
                    int example = i + p / perExample;
                    result[i][j][p] = flat[(example * c + j) * perExample + p % perExample];
                }
            }
        }
        return result;
    }

    private static int[] channelsFirst(int rank) {
        int[] axes = new int[rank];
        axes[1] = rank - 1;
        for (int i = 2; i < rank; i++) {
            axes[i] = i - 1;
        }
        return axes;
    }

    INDArray output() {
        return Nd4j.valueArrayOf(view.shape(), 77.0, type);
    }

    interface Expected {
        double at(int i, int j, int p, Affine.Coefficients k);
    }

    void compare(double[][][] actual, Expected expected, String what) {
        Affine.Coefficients k = new Affine.Coefficients(c);
        for (int i = 0; i < n; i++) {
            affine.row(i, 0, c, k);
            for (int j = 0; j < c; j++) {
                for (int p = 0; p < s; p++) {
                    double wanted = kept(i, j, p) ? expected.at(i, j, p, k) : 0;
                    if (!(Math.abs(actual[i][j][p] - wanted) <= tolerance * Math.max(1, Math.abs(wanted)))) {
                        throw new AssertionError(what + " [" + i + "," + j + "," + p + "]: expected " + wanted + ", got "
                                + actual[i][j][p] + ", " + this);
                    }
                }
            }
        }
    }

    /** Too often for an object of its own each time. */
    void assertClose(double actual, double expected, double bound, String what) {
        if (!(Math.abs(actual - expected) <= bound)) {
            throw new AssertionError(what + ": expected " + expected + ", got " + actual + ", " + this);
        }
    }

    @Override
    public String toString() {
        return kernels.name() + " seed " + seed + " " + type + " " + view + (view.channelAxis() == 1 ? " first" : " last")
                + (relu ? " relu" : "") + (mask == null ? "" : mask.perChannel() ? " channel mask" : " mask")
                + " strides " + Arrays.toString(x.stride()) + Arrays.toString(dy.stride());
    }
}
