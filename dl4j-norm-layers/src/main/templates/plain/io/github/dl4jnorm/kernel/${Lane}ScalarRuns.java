// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static io.github.dl4jnorm.kernel.${Lane}Tile.BYTES;
import static io.github.dl4jnorm.kernel.${Lane}Tile.SIZE;
import static io.github.dl4jnorm.kernel.${Lane}Tile.step;

/** {@link RunOps} on ${lane} in plain Java. */
final class ${Lane}ScalarRuns extends ${Lane}Tables implements RunOps {
    private final ${Lane}Tile tile = new ${Lane}Tile();
    private final ${Lane}Tile gradTile = new ${Lane}Tile();
    private final ${lane}[] d = tile.values;
    private final ${lane}[] g = gradTile.values;
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
                map(d, size, (${lane}) zoomOfAll, (${lane}) -centers[r]);
                ${Lane}Tile.sums(d, d, size, pair);
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
                ${Lane}Tile.sums(g, d, size, pair);
            }
            sum[from + r] += pair[0];
            products[from + r] += pair[1];
        }
    }

    @Override
    public void affineGrad(Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, Memory dx, int atDx,
                           int strideDx, int runs, int from, int length, boolean relu) {
        for (int r = 0; r < runs; r++) {
            ${lane} s = scale[from + r];
            ${lane} q = slope[from + r];
            ${lane} t = gradShift[from + r];
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

    private static void map(${lane}[] values, int size, ${lane} factor, ${lane} shift) {
        for (int i = 0; i < size; i++) {
            values[i] = values[i] * factor + shift;
        }
    }

    /** g = dy where a ReLU was active, given d. */
    private void loadGrad(Memory dy, int at, int size, int channel, boolean relu) {
        gradTile.load(dy, at, size);
        if (relu) {
            ${lane} a = factor[channel];
            ${lane} b = shift[channel];
            for (int i = 0; i < size; i++) {
                g[i] *= step(a * d[i] + b);
            }
        }
    }
}
