// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static io.github.dl4jnorm.kernel.FloatTile.BYTES;
import static io.github.dl4jnorm.kernel.FloatTile.SIZE;
import static io.github.dl4jnorm.kernel.FloatTile.step;

/** {@link CrossOps} on float in plain Java. */
final class FloatScalarCrossOps extends FloatCrossTables {
    private final FloatTile tile = new FloatTile();
    private final FloatTile gradTile = new FloatTile();
    private final float[] hat = tile.values;
    private final float[] g = gradTile.values;
    private final float[] scaled = new float[SIZE];
    private final FloatTile firsts = new FloatTile();
    private final FloatTile seconds = new FloatTile();
    private final FloatTileSums tileSums = new FloatTileSums();

    @Override
    public void affine(Memory x, int atX, Memory y, int atY, int from, int length, boolean relu) {
        for (int done = 0; done < length; done += SIZE) {
            int size = Math.min(SIZE, length - done);
            normalize(x, atX + done * BYTES, from + done, size);
            scaleAndShift(hat, from + done, size, hat);
            if (relu) {
                tile.rectify(size);
            }
            tile.store(y, atY + done * BYTES, size);
        }
    }

    @Override
    public void gradSums(Memory x, int atX, Memory dy, int atDy, int from, int length, boolean relu, double[] into) {
        boolean alongChannels = channelMask != 0;
        tileSums.start();
        for (int done = 0; done < length; done += SIZE) {
            int size = Math.min(SIZE, length - done);
            load(x, atX + done * BYTES, dy, atDy + done * BYTES, from + done, size, relu);
            multiplyByGamma(from + done, size);
            tileSums.add(alongChannels ? scaled : g, hat, size);
            addHere(alongChannels ? g : scaled, from + done, size);
        }
        into[0] = 0;
        into[1] = 0;
        tileSums.addTo(into);
    }

    private void addHere(float[] here, int from, int size) {
        float[] s = firsts.of(sums, from, size);
        float[] p = seconds.of(products, from, size);
        FloatTileSums.accumulate(here, hat, size, s, p);
        if (from > 0) {
            System.arraycopy(s, 0, sums, from, size);
            System.arraycopy(p, 0, products, from, size);
        }
    }

    @Override
    public void add(Memory a, int atA, Memory b, int atB, Memory sum, int atSum, int length) {
        for (int done = 0; done < length; done += SIZE) {
            int size = Math.min(SIZE, length - done);
            tile.load(a, atA + done * BYTES, size);
            gradTile.load(b, atB + done * BYTES, size);
            for (int i = 0; i < size; i++) {
                hat[i] += g[i];
            }
            tile.store(sum, atSum + done * BYTES, size);
        }
    }

    @Override
    public void affineGrad(Memory x, int atX, Memory dy, int atDy, Memory dx, int atDx, int from, int length,
                           boolean relu) {
        for (int done = 0; done < length; done += SIZE) {
            int size = Math.min(SIZE, length - done);
            load(x, atX + done * BYTES, dy, atDy + done * BYTES, from + done, size, relu);
            multiplyByGamma(from + done, size);
            if (positionMask == 0) {
                gradient(hat, scaled, size, unit[0], slope[0], gradShift[0]);
            } else {
                map(hat, size, firsts.of(slope, from + done, size), seconds.of(gradShift, from + done, size), hat);
                addProducts(hat, size, firsts.of(unit, from + done, size), scaled);
            }
            tile.store(dx, atDx + done * BYTES, size);
        }
    }

    private static void gradient(float[] hat, float[] scaled, int size, float unit, float slope, float gradShift) {
        for (int i = 0; i < size; i++) {
            hat[i] = unit * scaled[i] + (slope * hat[i] + gradShift);
        }
    }

    private static void addProducts(float[] values, int size, float[] a, float[] b) {
        for (int i = 0; i < size; i++) {
            values[i] += a[i] * b[i];
        }
    }

    private void load(Memory x, int atX, Memory dy, int atDy, int from, int size, boolean relu) {
        normalize(x, atX, from, size);
        gradTile.load(dy, atDy, size);
        if (relu) {
            scaleAndShift(hat, from, size, scaled);
            for (int i = 0; i < size; i++) {
                g[i] *= step(scaled[i]);
            }
        }
    }

    private void normalize(Memory x, int at, int from, int size) {
        tile.load(x, at, size);
        if (positionMask == 0) {
            normalize(hat, size, zoom[0], offset[0], factor[0], rest[0]);
        } else {
            map(hat, size, firsts.of(zoom, from, size), seconds.of(offset, from, size), hat);
            map(hat, size, firsts.of(factor, from, size), seconds.of(rest, from, size), hat);
        }
    }

    private static void normalize(float[] x, int size, float zoom, float offset, float factor, float rest) {
        for (int i = 0; i < size; i++) {
            x[i] = factor * (x[i] * zoom + offset) + rest;
        }
    }

    private void scaleAndShift(float[] values, int from, int size, float[] into) {
        if (channelMask == 0) {
            map(values, size, gamma[0], beta[0], into);
        } else {
            map(values, size, firsts.of(gamma, from, size), seconds.of(beta, from, size), into);
        }
    }

    private void multiplyByGamma(int from, int size) {
        if (channelMask == 0) {
            multiply(g, size, gamma[0], scaled);
        } else {
            multiply(g, size, firsts.of(gamma, from, size), scaled);
        }
    }

    private static void map(float[] x, int size, float factor, float shift, float[] into) {
        for (int i = 0; i < size; i++) {
            into[i] = factor * x[i] + shift;
        }
    }

    private static void map(float[] x, int size, float[] factor, float[] shift, float[] into) {
        for (int i = 0; i < size; i++) {
            into[i] = factor[i] * x[i] + shift[i];
        }
    }

    private static void multiply(float[] x, int size, float factor, float[] into) {
        for (int i = 0; i < size; i++) {
            into[i] = factor * x[i];
        }
    }

    private static void multiply(float[] x, int size, float[] factor, float[] into) {
        for (int i = 0; i < size; i++) {
            into[i] = factor[i] * x[i];
        }
    }
}
