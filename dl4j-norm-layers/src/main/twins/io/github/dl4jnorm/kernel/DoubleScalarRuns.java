// SPDX-License-Identifier: Apache-2.0
// Derived from FloatScalarRuns.java by Twins: edit that file, not this one.
package io.github.dl4jnorm.kernel;

import static io.github.dl4jnorm.kernel.DoubleTile.BYTES;
import static io.github.dl4jnorm.kernel.DoubleTile.SIZE;
import static io.github.dl4jnorm.kernel.DoubleTile.step;

/** {@link RunOps} on double in plain Java. */
final class DoubleScalarRuns extends DoubleTables implements RunOps {
    private final DoubleTile tile = new DoubleTile();
    private final DoubleTile gradTile = new DoubleTile();
    private final double[] d = tile.values;
    private final double[] g = gradTile.values;
    private final double[] pair = new double[2];

    @Override
    public void sums(Memory x, int at, int stride, int runs, int length, double zoomOfAll, double[] centers, double[] sum,
                     double[] squares) {
        for (int r = 0; r < runs; r++) {
            pair[0] = 0;
            pair[1] = 0;
            for (int done = 0; done < length; done += SIZE) {
                int size = Math.min(SIZE, length - done);
                tile.load(x, at + r * stride + done * BYTES, size);
                map(d, size, (double) zoomOfAll, (double) -centers[r]);
                DoubleTile.sums(d, d, size, pair);
            }
            sum[r] = pair[0];
            squares[r] = pair[1];
        }
    }

    @Override
    public void affine(Memory x, int atX, int strideX, Memory y, int atY, int strideY, int runs, int from, int length,
                       boolean relu) {
        for (int r = 0; r < runs; r++) {
            for (int done = 0; done < length; done += SIZE) {
                int size = Math.min(SIZE, length - done);
                load(x, atX + r * strideX + done * BYTES, size, from + r);
                map(d, size, factor[from + r], shift[from + r]);
                if (relu) {
                    tile.rectify(size);
                }
                tile.store(y, atY + r * strideY + done * BYTES, size);
            }
        }
    }

    @Override
    public void gradSums(Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, int runs, int from, int length,
                         boolean relu, double[] sum, double[] products) {
        for (int r = 0; r < runs; r++) {
            pair[0] = 0;
            pair[1] = 0;
            for (int done = 0; done < length; done += SIZE) {
                int size = Math.min(SIZE, length - done);
                load(x, atX + r * strideX + done * BYTES, size, from + r);
                loadGrad(dy, atDy + r * strideDy + done * BYTES, size, from + r, relu);
                DoubleTile.sums(g, d, size, pair);
            }
            sum[from + r] += pair[0];
            products[from + r] += pair[1];
        }
    }

    @Override
    public void affineGrad(Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, Memory dx, int atDx,
                           int strideDx, int runs, int from, int length, boolean relu) {
        for (int r = 0; r < runs; r++) {
            double s = scale[from + r];
            double q = slope[from + r];
            double t = gradShift[from + r];
            for (int done = 0; done < length; done += SIZE) {
                int size = Math.min(SIZE, length - done);
                load(x, atX + r * strideX + done * BYTES, size, from + r);
                loadGrad(dy, atDy + r * strideDy + done * BYTES, size, from + r, relu);
                for (int i = 0; i < size; i++) {
                    d[i] = s * g[i] + (q * d[i] + t);
                }
                tile.store(dx, atDx + r * strideDx + done * BYTES, size);
            }
        }
    }

    /** d = x·zoom − center. */
    private void load(Memory x, int at, int size, int channel) {
        tile.load(x, at, size);
        map(d, size, zoom[channel], offset[channel]);
    }

    private static void map(double[] values, int size, double factor, double shift) {
        for (int i = 0; i < size; i++) {
            values[i] = values[i] * factor + shift;
        }
    }

    /** g = dy where a ReLU was active, given d. */
    private void loadGrad(Memory dy, int at, int size, int channel, boolean relu) {
        gradTile.load(dy, at, size);
        if (relu) {
            double a = factor[channel];
            double b = shift[channel];
            for (int i = 0; i < size; i++) {
                g[i] *= step(a * d[i] + b);
            }
        }
    }
}
