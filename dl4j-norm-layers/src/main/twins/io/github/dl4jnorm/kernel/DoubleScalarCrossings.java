// SPDX-License-Identifier: Apache-2.0
// Derived from FloatScalarCrossings.java by Twins: edit that file, not this one.
package io.github.dl4jnorm.kernel;

import static io.github.dl4jnorm.kernel.DoubleTile.BYTES;
import static io.github.dl4jnorm.kernel.DoubleTile.SIZE;
import static io.github.dl4jnorm.kernel.DoubleTile.step;

/** {@link CrossOps} on double in plain Java. */
final class DoubleScalarCrossings extends DoubleCrossTables {
    private final DoubleTile tile = new DoubleTile();
    private final DoubleTile gradTile = new DoubleTile();
    private final double[] hat = tile.values;
    private final double[] g = gradTile.values;
    private final double[] scaled = new double[SIZE];

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
        into[0] = 0;
        into[1] = 0;
        for (int done = 0; done < length; done += SIZE) {
            int size = Math.min(SIZE, length - done);
            load(x, atX + done * BYTES, dy, atDy + done * BYTES, from + done, size, relu);
            multiplyByGamma(from + done, size);
            boolean alongChannels = channelMask != 0;
            DoubleTile.sums(alongChannels ? scaled : g, hat, size, into);
            addHere(alongChannels ? g : scaled, from + done, size);
        }
    }

    private void addHere(double[] here, int from, int size) {
        for (int i = 0; i < size; i++) {
            sums[from + i] += here[i];
        }
        for (int i = 0; i < size; i++) {
            products[from + i] += here[i] * hat[i];
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
                double one = unit[0];
                double q = slope[0];
                double r = gradShift[0];
                for (int i = 0; i < size; i++) {
                    hat[i] = one * scaled[i] + (q * hat[i] + r);
                }
            } else {
                int position = from + done;
                for (int i = 0; i < size; i++) {
                    hat[i] = slope[position + i] * hat[i] + gradShift[position + i];
                }
                for (int i = 0; i < size; i++) {
                    hat[i] += unit[position + i] * scaled[i];
                }
            }
            tile.store(dx, atDx + done * BYTES, size);
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
            double t = zoom[0];
            double c = offset[0];
            double a = factor[0];
            double b = rest[0];
            for (int i = 0; i < size; i++) {
                hat[i] = a * (hat[i] * t + c) + b;
            }
        } else {
            for (int i = 0; i < size; i++) {
                hat[i] = hat[i] * zoom[from + i] + offset[from + i];
            }
            for (int i = 0; i < size; i++) {
                hat[i] = factor[from + i] * hat[i] + rest[from + i];
            }
        }
    }

    private void scaleAndShift(double[] values, int from, int size, double[] into) {
        if (channelMask == 0) {
            double a = gamma[0];
            double b = beta[0];
            for (int i = 0; i < size; i++) {
                into[i] = a * values[i] + b;
            }
        } else {
            for (int i = 0; i < size; i++) {
                into[i] = gamma[from + i] * values[i] + beta[from + i];
            }
        }
    }

    private void multiplyByGamma(int from, int size) {
        if (channelMask == 0) {
            double a = gamma[0];
            for (int i = 0; i < size; i++) {
                scaled[i] = a * g[i];
            }
        } else {
            for (int i = 0; i < size; i++) {
                scaled[i] = gamma[from + i] * g[i];
            }
        }
    }
}
