// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.norm.Affine.Coefficients;
import java.nio.ByteBuffer;
import org.nd4j.linalg.api.buffer.DataType;

/**
 * {@link RowOps} in plain Java: runs pass through small tiles of double, so that one piece of arithmetic serves every
 * element type and rounds once, when it stores.
 */
final class ScalarRowOps implements RowOps {
    private static final int TILE = 1024;

    private final ElementCodec codec;
    private final double[] x = new double[TILE];
    private final double[] dy = new double[TILE];

    private ScalarRowOps(ElementCodec codec) {
        this.codec = codec;
    }

    static RowOps of(DataType type) {
        return new ScalarRowOps(ElementCodec.of(type));
    }

    @Override
    public int elementBytes() {
        return codec.bytes();
    }

    @Override
    public double get(ByteBuffer from, int at) {
        codec.load(from, at, x, 1);
        return x[0];
    }

    @Override
    public void zero(ByteBuffer y, int at, int length) {
        int end = at + length * codec.bytes();
        for (int i = at; i < end; i += 2) {
            y.putShort(i, (short) 0);
        }
    }

    @Override
    public void moments(ByteBuffer from, int at, int length, double pivot, double[] sums) {
        double sum = 0;
        double squares = 0;
        for (int done = 0; done < length; done += TILE) {
            int size = Math.min(TILE, length - done);
            codec.load(from, at + done * codec.bytes(), x, size);
            // Four chains of additions instead of one: each waits four cycles for its predecessor.
            double s0 = 0;
            double s1 = 0;
            double q0 = 0;
            double q1 = 0;
            int i = 0;
            for (; i + 1 < size; i += 2) {
                double a = x[i] - pivot;
                double b = x[i + 1] - pivot;
                s0 += a;
                s1 += b;
                q0 += a * a;
                q1 += b * b;
            }
            if (i < size) {
                double a = x[i] - pivot;
                s0 += a;
                q0 += a * a;
            }
            sum += s0 + s1;
            squares += q0 + q1;
        }
        sums[0] = sum;
        sums[1] = squares;
    }

    @Override
    public void addMoments(ByteBuffer from, int at, int length, int first, double[] pivot, double[] sum,
                           double[] squares) {
        for (int done = 0; done < length; done += TILE) {
            int size = Math.min(TILE, length - done);
            codec.load(from, at + done * codec.bytes(), x, size);
            for (int i = 0, j = first + done; i < size; i++, j++) {
                double d = x[i] - pivot[j];
                sum[j] += d;
                squares[j] += d * d;
            }
        }
    }

    @Override
    public void affine(ByteBuffer from, int atX, ByteBuffer y, int atY, int length, Coefficients k, int c, boolean relu) {
        double scale = k.scale[c];
        double center = k.center[c];
        double shift = k.shift[c];
        for (int done = 0; done < length; done += TILE) {
            int size = Math.min(TILE, length - done);
            codec.load(from, atX + done * codec.bytes(), x, size);
            for (int i = 0; i < size; i++) {
                x[i] = scale * (x[i] - center) + shift;
            }
            store(y, atY + done * codec.bytes(), size, relu);
        }
    }

    @Override
    public void affineAlong(ByteBuffer from, int atX, ByteBuffer y, int atY, int length, Coefficients k, int first,
                            boolean relu) {
        for (int done = 0; done < length; done += TILE) {
            int size = Math.min(TILE, length - done);
            codec.load(from, atX + done * codec.bytes(), x, size);
            for (int i = 0, j = first + done; i < size; i++, j++) {
                x[i] = k.scale[j] * (x[i] - k.center[j]) + k.shift[j];
            }
            store(y, atY + done * codec.bytes(), size, relu);
        }
    }

    @Override
    public void gradSums(ByteBuffer from, int atX, ByteBuffer fromDy, int atDy, int length, Coefficients k, int c,
                         boolean relu, double[] sums) {
        double center = k.center[c];
        double sum = 0;
        double products = 0;
        for (int done = 0; done < length; done += TILE) {
            int size = load(from, atX, fromDy, atDy, done, length);
            if (relu) {
                double scale = k.scale[c];
                double shift = k.shift[c];
                for (int i = 0; i < size; i++) {
                    dy[i] = passes(scale * (x[i] - center) + shift) ? dy[i] : 0;
                }
            }
            double tileSum = 0;
            double tileProducts = 0;
            for (int i = 0; i < size; i++) {
                tileSum += dy[i];
                tileProducts += dy[i] * (x[i] - center);
            }
            sum += tileSum;
            products += tileProducts;
        }
        sums[0] = sum;
        sums[1] = products;
    }

    @Override
    public void addGradSums(ByteBuffer from, int atX, ByteBuffer fromDy, int atDy, int length, Coefficients k, int first,
                            boolean relu, double[] sum, double[] products) {
        for (int done = 0; done < length; done += TILE) {
            int size = load(from, atX, fromDy, atDy, done, length);
            dropInactive(k, first + done, size, relu);
            for (int i = 0, j = first + done; i < size; i++, j++) {
                sum[j] += dy[i];
                products[j] += dy[i] * (x[i] - k.center[j]);
            }
        }
    }

    @Override
    public void affineGrad(ByteBuffer from, int atX, ByteBuffer fromDy, int atDy, ByteBuffer dx, int atDx, int length,
                           Coefficients k, double[] slope, double[] shift, int c, boolean relu) {
        double scale = k.scale[c];
        double center = k.center[c];
        double unit = k.unit[c];
        double beta = k.shift[c];
        double q = slope[c];
        double r = shift[c];
        for (int done = 0; done < length; done += TILE) {
            int size = load(from, atX, fromDy, atDy, done, length);
            if (relu) {
                for (int i = 0; i < size; i++) {
                    dy[i] = passes(scale * (x[i] - center) + beta) ? dy[i] : 0;
                }
            }
            for (int i = 0; i < size; i++) {
                x[i] = scale * dy[i] + q * ((x[i] - center) * unit) + r;
            }
            codec.store(dx, atDx + done * codec.bytes(), x, size);
        }
    }

    @Override
    public void affineGradAlong(ByteBuffer from, int atX, ByteBuffer fromDy, int atDy, ByteBuffer dx, int atDx,
                                int length, Coefficients k, double[] slope, double[] shift, int first, boolean relu) {
        for (int done = 0; done < length; done += TILE) {
            int size = load(from, atX, fromDy, atDy, done, length);
            dropInactive(k, first + done, size, relu);
            for (int i = 0, j = first + done; i < size; i++, j++) {
                x[i] = k.scale[j] * dy[i] + slope[j] * ((x[i] - k.center[j]) * k.unit[j]) + shift[j];
            }
            codec.store(dx, atDx + done * codec.bytes(), x, size);
        }
    }

    /** Loads the next tile of x and dy. */
    private int load(ByteBuffer from, int atX, ByteBuffer fromDy, int atDy, int done, int length) {
        int size = Math.min(TILE, length - done);
        codec.load(from, atX + done * codec.bytes(), x, size);
        codec.load(fromDy, atDy + done * codec.bytes(), dy, size);
        return size;
    }

    private void store(ByteBuffer y, int at, int size, boolean relu) {
        if (relu) {
            for (int i = 0; i < size; i++) {
                x[i] = passes(x[i]) ? x[i] : 0;
            }
        }
        codec.store(y, at, x, size);
    }

    private void dropInactive(Coefficients k, int first, int size, boolean relu) {
        if (relu) {
            for (int i = 0, j = first; i < size; i++, j++) {
                dy[i] = passes(k.scale[j] * (x[i] - k.center[j]) + k.shift[j]) ? dy[i] : 0;
            }
        }
    }

    /** Whether a ReLU lets z through; NaN passes, so that it stays visible. */
    private static boolean passes(double z) {
        return !(z <= 0);
    }
}
