// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static io.github.dl4jnorm.kernel.FloatTile.BYTES;
import static io.github.dl4jnorm.kernel.FloatTile.SIZE;
import static io.github.dl4jnorm.kernel.FloatTile.step;

import java.util.Arrays;

/** {@link ColumnOps} on float in plain Java. */
final class FloatScalarColumnOps extends FloatTables implements ColumnOps {
    private final FloatTile tile = new FloatTile();
    private final FloatTile gradTile = new FloatTile();
    private final float[] d = tile.values;
    private final float[] g = gradTile.values;
    private final float[] firsts = new float[SIZE];
    private final float[] seconds = new float[SIZE];
    private final FloatTile zooms = new FloatTile();
    private final FloatTile offsets = new FloatTile();
    private final FloatTile factors = new FloatTile();
    private final FloatTile shifts = new FloatTile();
    private final FloatTile scales = new FloatTile();
    private final FloatTile slopes = new FloatTile();
    private final FloatTile gradShifts = new FloatTile();
    /** The coefficients of the columns in the tile. */
    private float[] z;
    private float[] o;
    private float[] f;
    private float[] s;

    @Override
    public void sums(Memory x, int at, int stride, int runs, int from, int length, double zoomOfAll, double[] sum,
                     double[] squares) {
        for (int done = 0; done < length; done += SIZE) {
            int size = Math.min(SIZE, length - done);
            int column = from + done;
            start(column, size);
            startSums(size);
            for (int r = 0; r < runs; r++) {
                tile.load(x, at + r * stride + done * BYTES, size);
                addSquares(d, size, (float) zoomOfAll, o, firsts, seconds);
            }
            add(firsts, size, sum, column);
            add(seconds, size, squares, column);
        }
    }

    private static void addSquares(float[] x, int size, float zoom, float[] offset, float[] sums, float[] squares) {
        for (int i = 0; i < size; i++) {
            float d = x[i] * zoom + offset[i];
            sums[i] += d;
            squares[i] += d * d;
        }
    }

    @Override
    public void affine(Memory x, int atX, int strideX, Memory y, int atY, int strideY, int runs, int from, int length,
                       boolean relu) {
        for (int done = 0; done < length; done += SIZE) {
            int size = Math.min(SIZE, length - done);
            start(from + done, size);
            for (int r = 0; r < runs; r++) {
                tile.load(x, atX + r * strideX + done * BYTES, size);
                map(d, size, z, o);
                map(d, size, f, s);
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
            start(column, size);
            startSums(size);
            for (int r = 0; r < runs; r++) {
                load(x, atX + r * strideX + done * BYTES, dy, atDy + r * strideDy + done * BYTES, size, relu);
                FloatTileSums.accumulate(g, d, size, firsts, seconds);
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
            start(column, size);
            float[] k = scales.of(scale, column, size);
            float[] q = slopes.of(slope, column, size);
            float[] t = gradShifts.of(gradShift, column, size);
            for (int r = 0; r < runs; r++) {
                load(x, atX + r * strideX + done * BYTES, dy, atDy + r * strideDy + done * BYTES, size, relu);
                gradient(d, g, size, k, q, t);
                tile.store(dx, atDx + r * strideDx + done * BYTES, size);
            }
        }
    }

    private static void gradient(float[] d, float[] g, int size, float[] scale, float[] slope, float[] gradShift) {
        for (int i = 0; i < size; i++) {
            d[i] = scale[i] * g[i] + (slope[i] * d[i] + gradShift[i]);
        }
    }

    private void start(int column, int size) {
        z = zooms.of(zoom, column, size);
        o = offsets.of(offset, column, size);
        f = factors.of(factor, column, size);
        s = shifts.of(shift, column, size);
    }

    private void startSums(int size) {
        Arrays.fill(firsts, 0, size, 0);
        Arrays.fill(seconds, 0, size, 0);
    }

    /** d = x·zoom − center and g = dy where a ReLU was active. */
    private void load(Memory x, int atX, Memory dy, int atDy, int size, boolean relu) {
        tile.load(x, atX, size);
        gradTile.load(dy, atDy, size);
        map(d, size, z, o);
        if (relu) {
            gate(g, d, size, f, s);
        }
    }

    private static void map(float[] x, int size, float[] factor, float[] shift) {
        for (int i = 0; i < size; i++) {
            x[i] = factor[i] * x[i] + shift[i];
        }
    }

    private static void gate(float[] g, float[] d, int size, float[] factor, float[] shift) {
        for (int i = 0; i < size; i++) {
            g[i] *= step(factor[i] * d[i] + shift[i]);
        }
    }
}
