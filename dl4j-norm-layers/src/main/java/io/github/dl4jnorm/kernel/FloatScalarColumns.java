// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static io.github.dl4jnorm.kernel.FloatTile.BYTES;
import static io.github.dl4jnorm.kernel.FloatTile.SIZE;
import static io.github.dl4jnorm.kernel.FloatTile.step;

import java.util.Arrays;

/** {@link ColumnOps} on float in plain Java. */
final class FloatScalarColumns extends FloatTables implements ColumnOps {
    private final FloatTile tile = new FloatTile();
    private final FloatTile gradTile = new FloatTile();
    private final float[] d = tile.values;
    private final float[] g = gradTile.values;
    private final float[] firsts = new float[SIZE];
    private final float[] seconds = new float[SIZE];

    @Override
    public void sums(Memory x, int at, int stride, int runs, int from, int length, double zoomOfAll, double[] sum,
                     double[] squares) {
        float t = (float) zoomOfAll;
        for (int done = 0; done < length; done += SIZE) {
            int size = Math.min(SIZE, length - done);
            int column = from + done;
            startSums(size);
            for (int r = 0; r < runs; r++) {
                tile.load(x, at + r * stride + done * BYTES, size);
                for (int i = 0; i < size; i++) {
                    d[i] = d[i] * t + offset[column + i];
                }
                for (int i = 0; i < size; i++) {
                    firsts[i] += d[i];
                    seconds[i] += d[i] * d[i];
                }
            }
            add(firsts, size, sum, column);
            add(seconds, size, squares, column);
        }
    }

    @Override
    public void affine(Memory x, int atX, int strideX, Memory y, int atY, int strideY, int runs, int from, int length,
                       boolean relu) {
        for (int done = 0; done < length; done += SIZE) {
            int size = Math.min(SIZE, length - done);
            int column = from + done;
            for (int r = 0; r < runs; r++) {
                tile.load(x, atX + r * strideX + done * BYTES, size);
                for (int i = 0; i < size; i++) {
                    d[i] = d[i] * zoom[column + i] + offset[column + i];
                }
                for (int i = 0; i < size; i++) {
                    d[i] = factor[column + i] * d[i] + shift[column + i];
                }
                if (relu) {
                    tile.rectify(size);
                }
                tile.store(y, atY + r * strideY + done * BYTES, size);
            }
        }
    }

    @Override
    public void gradSums(Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, int runs, int from,
                         int length, boolean relu, double[] sum, double[] products) {
        for (int done = 0; done < length; done += SIZE) {
            int size = Math.min(SIZE, length - done);
            int column = from + done;
            startSums(size);
            for (int r = 0; r < runs; r++) {
                load(x, atX + r * strideX + done * BYTES, dy, atDy + r * strideDy + done * BYTES, column, size, relu);
                for (int i = 0; i < size; i++) {
                    firsts[i] += g[i];
                    seconds[i] += g[i] * d[i];
                }
            }
            add(firsts, size, sum, column);
            add(seconds, size, products, column);
        }
    }

    @Override
    public void affineGrad(Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, Memory dx, int atDx,
                           int strideDx, int runs, int from, int length, boolean relu) {
        for (int done = 0; done < length; done += SIZE) {
            int size = Math.min(SIZE, length - done);
            int column = from + done;
            for (int r = 0; r < runs; r++) {
                load(x, atX + r * strideX + done * BYTES, dy, atDy + r * strideDy + done * BYTES, column, size, relu);
                for (int i = 0; i < size; i++) {
                    d[i] = slope[column + i] * d[i] + gradShift[column + i];
                }
                for (int i = 0; i < size; i++) {
                    d[i] += scale[column + i] * g[i];
                }
                tile.store(dx, atDx + r * strideDx + done * BYTES, size);
            }
        }
    }

    private void startSums(int size) {
        Arrays.fill(firsts, 0, size, 0);
        Arrays.fill(seconds, 0, size, 0);
    }

    /** d = x·zoom − center and g = dy where a ReLU was active. */
    private void load(Memory x, int atX, Memory dy, int atDy, int column, int size, boolean relu) {
        tile.load(x, atX, size);
        gradTile.load(dy, atDy, size);
        for (int i = 0; i < size; i++) {
            d[i] = d[i] * zoom[column + i] + offset[column + i];
        }
        if (relu) {
            for (int i = 0; i < size; i++) {
                g[i] *= step(factor[column + i] * d[i] + shift[column + i]);
            }
        }
    }
}
