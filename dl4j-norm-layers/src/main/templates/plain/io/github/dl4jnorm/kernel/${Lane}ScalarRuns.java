// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static io.github.dl4jnorm.kernel.${Lane}Tile.BYTES;
import static io.github.dl4jnorm.kernel.${Lane}Tile.SIZE;
import static io.github.dl4jnorm.kernel.${Lane}Tile.step;

/** {@link RunOps} on ${lane} in plain Java. */
final class ${Lane}ScalarRuns implements RunOps {
    private final ${Lane}Tile tile = new ${Lane}Tile();
    private final ${Lane}Tile gradTile = new ${Lane}Tile();
    private final ${lane}[] d = tile.values;
    private final ${lane}[] g = gradTile.values;

    @Override
    public void sums(Memory x, int at, int length, double zoom, double center, double[] into) {
        ${lane} t = (${lane}) zoom;
        ${lane} k = (${lane}) center;
        into[0] = 0;
        into[1] = 0;
        for (int done = 0; done < length; done += SIZE) {
            int size = Math.min(SIZE, length - done);
            tile.load(x, at + done * BYTES, size);
            for (int i = 0; i < size; i++) {
                d[i] = d[i] * t - k;
            }
            ${Lane}Tile.sums(d, d, size, into);
        }
    }

    @Override
    public void affine(Memory x, int atX, Memory y, int atY, int length, Line k, boolean relu) {
        ${lane} t = (${lane}) k.zoom;
        ${lane} c = (${lane}) k.center;
        ${lane} a = (${lane}) k.factor;
        ${lane} b = (${lane}) k.shift;
        for (int done = 0; done < length; done += SIZE) {
            int size = Math.min(SIZE, length - done);
            tile.load(x, atX + done * BYTES, size);
            for (int i = 0; i < size; i++) {
                d[i] = a * (d[i] * t - c) + b;
            }
            if (relu) {
                tile.rectify(size);
            }
            tile.store(y, atY + done * BYTES, size);
        }
    }

    @Override
    public void gradSums(Memory x, int atX, Memory dy, int atDy, int length, Line k, boolean relu, double[] into) {
        into[0] = 0;
        into[1] = 0;
        for (int done = 0; done < length; done += SIZE) {
            int size = Math.min(SIZE, length - done);
            load(x, atX + done * BYTES, dy, atDy + done * BYTES, size, k, relu);
            ${Lane}Tile.sums(g, d, size, into);
        }
    }

    @Override
    public void affineGrad(Memory x, int atX, Memory dy, int atDy, Memory dx, int atDx, int length, Line k,
                           boolean relu) {
        ${lane} s = (${lane}) k.scale;
        ${lane} q = (${lane}) k.slope;
        ${lane} r = (${lane}) k.gradShift;
        for (int done = 0; done < length; done += SIZE) {
            int size = Math.min(SIZE, length - done);
            load(x, atX + done * BYTES, dy, atDy + done * BYTES, size, k, relu);
            for (int i = 0; i < size; i++) {
                d[i] = s * g[i] + (q * d[i] + r);
            }
            tile.store(dx, atDx + done * BYTES, size);
        }
    }

    /** d = x·zoom − center and g = dy where a ReLU was active. */
    private void load(Memory x, int atX, Memory dy, int atDy, int size, Line k, boolean relu) {
        ${lane} t = (${lane}) k.zoom;
        ${lane} c = (${lane}) k.center;
        tile.load(x, atX, size);
        gradTile.load(dy, atDy, size);
        for (int i = 0; i < size; i++) {
            d[i] = d[i] * t - c;
        }
        if (relu) {
            ${lane} a = (${lane}) k.factor;
            ${lane} b = (${lane}) k.shift;
            for (int i = 0; i < size; i++) {
                g[i] *= step(a * d[i] + b);
            }
        }
    }
}
