// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.norm.Affine;
import io.github.dl4jnorm.norm.GradAffine;
import io.github.dl4jnorm.norm.GradSums;
import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.Moments;
import io.github.dl4jnorm.norm.PositionNorm;
import io.github.dl4jnorm.norm.View;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.INDArrayIndex;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** Every pass of the kernels in use against loops over double, on drawn shapes, layouts, types, strides and masks. */
class NormKernelsContractTest {
    private static final int[] SIZES = {1, 2, 3, 7, 15, 16, 17, 31, 33, 64, 100};
    private static final DataType[] TYPES = {DataType.FLOAT, DataType.DOUBLE, DataType.HALF};

    static Stream<Drawn> cases() {
        return IntStream.range(0, 150).mapToObj(seed -> new Drawn(Kernels.get(), seed));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void everyPassAgreesWithPlainLoops(Drawn drawn) {
        drawn.momentsAgree();
        drawn.affineAgrees();
        drawn.gradSumsAgree();
        drawn.affineGradAgrees();
        drawn.rowNormAgrees();
    }

    /** One drawn case: arrays and the numbers in them as [n][c][s]. */
    static final class Drawn {
        private final NormKernels kernels;
        private final int seed;
        private final Random random;
        private final DataType type;
        private final View view;
        private final boolean relu;
        private final Mask mask;
        private final INDArray x;
        private final INDArray dy;
        private final int n;
        private final int c;
        private final int s;
        private final double tolerance;
        private final Affine affine;
        private final GradAffine grad;

        Drawn(NormKernels kernels, int seed) {
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
            boolean fold = rank == 2 && random.nextBoolean();
            view = fold ? plain.batchAsPositions() : plain;
            n = view.examples();
            c = view.channels();
            s = view.positions();
            relu = random.nextBoolean();
            x = strided(shape, 3);
            dy = strided(shape, 1);
            mask = drawMask();
            tolerance = type == DataType.DOUBLE ? 1e-11 : type == DataType.FLOAT ? 2e-5 : 4e-3;
            double[][] tables = random.doubles(6L * n * c, -1, 1).boxed()
                    .collect(java.util.stream.Collectors.collectingAndThen(java.util.stream.Collectors.toList(),
                            all -> IntStream.range(0, 6).mapToObj(t -> all.subList(t * n * c, (t + 1) * n * c).stream()
                                    .mapToDouble(d -> d).toArray()).toArray(double[][]::new)));
            affine = (row, k) -> {
                System.arraycopy(tables[0], row * c, k.scale, 0, c);
                System.arraycopy(tables[1], row * c, k.center, 0, c);
                System.arraycopy(tables[2], row * c, k.shift, 0, c);
                System.arraycopy(tables[3], row * c, k.unit, 0, c);
            };
            grad = (row, at, slope, shift) -> {
                System.arraycopy(tables[4], row * c, slope, 0, c);
                System.arraycopy(tables[5], row * c, shift, 0, c);
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

        private boolean kept(int i, int j, int p) {
            return mask == null || mask.keeps(i, j, p);
        }

        /** The elements of an array as [n][c][s], read with ND4J alone. */
        private double[][][] read(INDArray array) {
            int channelAxis = view.channelAxis();
            double[][][] result = new double[n][c][s];
            INDArray first = array.rank() > 2 && channelAxis != 1
                    ? array.permute(channelsFirst(array.rank())) : array;
            double[] flat = first.castTo(DataType.DOUBLE).dup('c').data().asDouble();
            for (int i = 0; i < n; i++) {
                for (int j = 0; j < c; j++) {
                    for (int p = 0; p < s; p++) {
                        result[i][j][p] = view.batchFolded() ? flat[p * c + j] : flat[(i * c + j) * s + p];
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

        private INDArray output() {
            return Nd4j.valueArrayOf(view.shape(), 77.0, type);
        }

        void momentsAgree() {
            Moments actual = kernels.moments(x, view, mask);
            double[][][] in = read(x);
            for (int i = 0; i < n; i++) {
                for (int j = 0; j < c; j++) {
                    double count = 0;
                    double sum = 0;
                    double squares = 0;
                    for (int p = 0; p < s; p++) {
                        if (kept(i, j, p)) {
                            count++;
                            sum += in[i][j][p];
                        }
                    }
                    double mean = count == 0 ? 0 : sum / count;
                    for (int p = 0; p < s; p++) {
                        squares += kept(i, j, p) ? Math.pow(in[i][j][p] - mean, 2) : 0;
                    }
                    int cell = i * c + j;
                    assertThat(actual.count(cell)).as("%s", this).isEqualTo(count);
                    assertThat(actual.mean(cell)).as("%s", this).isCloseTo(mean, within(1e-11));
                    assertThat(actual.squares(cell)).as("%s", this).isCloseTo(squares, within(1e-9 * (1 + squares)));
                }
            }
        }

        void affineAgrees() {
            INDArray y = output();
            kernels.affine(x, view, mask, affine, relu, y);
            double[][][] in = read(x);
            compare(read(y), (i, j, p, k) -> act(k, j, in[i][j][p]), "affine");
        }

        private double act(Affine.Coefficients k, int j, double value) {
            double z = k.scale[j] * (value - k.center[j]) + k.shift[j];
            return relu ? Math.max(z, 0) : z;
        }

            private double active(Affine.Coefficients k, int j, double value, double gradient) {
            double z = k.scale[j] * (value - k.center[j]) + k.shift[j];
            return relu && z <= 0 ? 0 : gradient;
        }

        void gradSumsAgree() {
            GradSums actual = kernels.gradSums(x, dy, view, mask, affine, relu);
            double[][][] in = read(x);
            double[][][] gradient = read(dy);
            double[] sums = new double[c];
            double[] products = new double[c];
            Affine.Coefficients k = new Affine.Coefficients(c);
            for (int i = 0; i < n; i++) {
                actual.row(i, sums, products);
                affine.row(i, k);
                for (int j = 0; j < c; j++) {
                    double sum = 0;
                    double product = 0;
                    for (int p = 0; p < s; p++) {
                        if (kept(i, j, p)) {
                            double d = active(k, j, in[i][j][p], gradient[i][j][p]);
                            sum += d;
                            product += d * (in[i][j][p] - k.center[j]);
                        }
                    }
                    assertThat(sums[j]).as("%s", this).isCloseTo(sum, within(1e-9 * (1 + s)));
                    assertThat(products[j]).as("%s", this).isCloseTo(product, within(1e-9 * (1 + s)));
                }
            }
        }

        void affineGradAgrees() {
            INDArray dx = output();
            kernels.affineGrad(x, dy, view, mask, affine, relu, grad, dx);
            double[][][] in = read(x);
            double[][][] gradient = read(dy);
            double[] slope = new double[c];
            double[] shift = new double[c];
            compare(read(dx), (i, j, p, k) -> {
                grad.row(i, k, slope, shift);
                return k.scale[j] * active(k, j, in[i][j][p], gradient[i][j][p])
                        + slope[j] * (in[i][j][p] - k.center[j]) * k.unit[j] + shift[j];
            }, "affineGrad");
        }

        void rowNormAgrees() {
            if (view.batchFolded()) {
                return;
            }
            int groups = c % 4 == 0 && random.nextBoolean() ? 4 : 1;
            double[] gamma = random.doubles(c, 0.5, 1.5).toArray();
            double[] beta = random.doubles(c, -1, 1).toArray();
            // A large eps keeps groups of one or two elements smooth enough to compare in HALF.
            PositionNorm norm = new PositionNorm(groups, gamma, beta, 0.1);
            INDArray y = output();
            INDArray dx = output();
            kernels.rowNorm(x, view, mask, norm, relu, y);
            PositionNorm.Gradients gradients = kernels.rowNormGrad(x, dy, view, mask, norm, relu, dx);
            RowReference reference = new RowReference(read(x), read(dy), norm, relu, mask);
            compare(read(y), (i, j, p, k) -> reference.y[i][j][p], "rowNorm");
            compare(read(dx), (i, j, p, k) -> reference.dx[i][j][p], "rowNormGrad");
            for (int j = 0; j < c; j++) {
                double bound = 1e-9 * (1 + n * (double) s);
                assertThat(gradients.gamma()[j]).as("%s", this).isCloseTo(reference.dGamma[j], within(bound));
                assertThat(gradients.beta()[j]).as("%s", this).isCloseTo(reference.dBeta[j], within(bound));
            }
        }

        private interface Expected {
            double at(int i, int j, int p, Affine.Coefficients k);
        }

        private void compare(double[][][] actual, Expected expected, String what) {
            Affine.Coefficients k = new Affine.Coefficients(c);
            for (int i = 0; i < n; i++) {
                affine.row(i, k);
                for (int j = 0; j < c; j++) {
                    for (int p = 0; p < s; p++) {
                        double wanted = kept(i, j, p) ? expected.at(i, j, p, k) : 0;
                        if (!(Math.abs(actual[i][j][p] - wanted) <= tolerance * Math.max(1, Math.abs(wanted)))) {
                            assertThat(actual[i][j][p]).as("%s [%d,%d,%d] of %s", what, i, j, p, this)
                                    .isCloseTo(wanted, within(tolerance));
                        }
                    }
                }
            }
        }

        @Override
        public String toString() {
            return kernels.name() + " seed " + seed + " " + type + " " + view + (view.channelAxis() == 1 ? " first" : " last")
                    + (relu ? " relu" : "") + (mask == null ? "" : mask.perChannel() ? " channel mask" : " mask")
                    + " strides " + java.util.Arrays.toString(x.stride()) + java.util.Arrays.toString(dy.stride());
        }
    }
}
