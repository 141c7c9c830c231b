// SPDX-License-Identifier: Apache-2.0
// Derived from FloatScalarRunOps.java by Twins: edit that file, not this one.
package io.github.dl4jnorm.kernel;

import static io.github.dl4jnorm.kernel.DoubleTile.BYTES;
import static io.github.dl4jnorm.kernel.DoubleTile.SIZE;
import static io.github.dl4jnorm.kernel.DoubleTile.step;

/** {@link RunOps} on double in plain Java. */
final class DoubleScalarRunOps extends DoubleTables implements RunOps {
    private final DoubleTile tile = new DoubleTile();
    private final DoubleTile gradTile = new DoubleTile();
    private final double[] d = tile.values;
    private final double[] g = gradTile.values;
    private final DoubleTileSums tileSums = new DoubleTileSums();
    private final double[] pair = new double[2];

    @Override
    public void sums(Memory x, int at, int stride, int runs, int length, double zoomOfAll, double[] centers, double[] sum,
                     double[] squares) {
        for (int r = 0; r < runs; r++) {
            tileSums.start();
            for (int done = 0; done < length; done += SIZE) {
                int size = Math.min(SIZE, length - done);
                tile.load(x, at + r * stride + done * BYTES, size);
                tileSums.addSquares(d, (double) zoomOfAll, (double) -centers[r], size);
            }
            total();
            sum[r] = pair[0];
            squares[r] = pair[1];
        }
    }

    private void total() {
        pair[0] = 0;
        pair[1] = 0;
        tileSums.addTo(pair);
    }

    @Override
    public void affine(Memory x, int atX, int strideX, Memory y, int atY, int strideY, int runs, int from, int length,
                       boolean relu) {
        for (int r = 0; r < runs; r++) {
            int channel = from + r;
            for (int done = 0; done < length; done += SIZE) {
                int size = Math.min(SIZE, length - done);
                tile.load(x, atX + r * strideX + done * BYTES, size);
                affine(d, size, zoom[channel], offset[channel], factor[channel], shift[channel]);
                if (relu) {
                    tile.rectify(size);
                }
                tile.store(y, atY + r * strideY + done * BYTES, size);
            }
        }
    }

    private static void affine(double[] x, int size, double zoom, double offset, double factor, double shift) {
        for (int i = 0; i < size; i++) {
            x[i] = (x[i] * zoom + offset) * factor + shift;
        }
    }

    @Override
    public void gradSums(Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, int runs, int from, int length,
                         boolean relu, double[] sum, double[] products) {
        for (int r = 0; r < runs; r++) {
            tileSums.start();
            for (int done = 0; done < length; done += SIZE) {
                int size = Math.min(SIZE, length - done);
                load(x, atX + r * strideX + done * BYTES, size, from + r);
                loadGrad(dy, atDy + r * strideDy + done * BYTES, size, from + r, relu);
                tileSums.add(g, d, size);
            }
            total();
            sum[from + r] += pair[0];
            products[from + r] += pair[1];
        }
    }

    @Override
    public void affineGrad(Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, Memory dx, int atDx,
                           int strideDx, int runs, int from, int length, boolean relu) {
        for (int r = 0; r < runs; r++) {
            int channel = from + r;
            for (int done = 0; done < length; done += SIZE) {
                int size = Math.min(SIZE, length - done);
                load(x, atX + r * strideX + done * BYTES, size, channel);
                loadGrad(dy, atDy + r * strideDy + done * BYTES, size, channel, relu);
                gradient(d, g, size, scale[channel], slope[channel], gradShift[channel]);
                tile.store(dx, atDx + r * strideDx + done * BYTES, size);
            }
        }
    }

    private static void gradient(double[] d, double[] g, int size, double scale, double slope, double gradShift) {
        for (int i = 0; i < size; i++) {
            d[i] = scale * g[i] + (slope * d[i] + gradShift);
        }
    }

    /** d = x·zoom − center. */
    private void load(Memory x, int at, int size, int channel) {
        tile.load(x, at, size);
        center(d, size, zoom[channel], offset[channel]);
    }

    private static void center(double[] x, int size, double zoom, double offset) {
        for (int i = 0; i < size; i++) {
            x[i] = x[i] * zoom + offset;
        }
    }

    /** g = dy where a ReLU was active, given d. */
    private void loadGrad(Memory dy, int at, int size, int channel, boolean relu) {
        gradTile.load(dy, at, size);
        if (relu) {
            gate(g, d, size, factor[channel], shift[channel]);
        }
    }

    private static void gate(double[] g, double[] d, int size, double factor, double shift) {
        for (int i = 0; i < size; i++) {
            g[i] *= step(factor * d[i] + shift);
        }
    }
}
