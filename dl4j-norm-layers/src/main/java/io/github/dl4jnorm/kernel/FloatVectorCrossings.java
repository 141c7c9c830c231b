// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static io.github.dl4jnorm.kernel.FloatVectors.W;
import static io.github.dl4jnorm.kernel.FloatVectors.total;

/** {@link CrossOps} on float with the JDK's vectors: the loops are in classes of their own, one for each activation. */
final class FloatVectorCrossings extends FloatCrossTables {
    private final float[] scratch = new float[2 * W];

    @Override
    public void affine(Memory x, int atX, Memory y, int atY, int from, int length, boolean relu) {
        if (relu) {
            FloatVectorReluCrossings.affine(this, x, atX, y, atY, from, length);
        } else {
            FloatVectorIdentityCrossings.affine(this, x, atX, y, atY, from, length);
        }
    }

    @Override
    public void gradSums(Memory x, int atX, Memory dy, int atDy, int from, int length, boolean relu, double[] into) {
        if (relu) {
            FloatVectorReluCrossings.sums(this, x, atX, dy, atDy, from, length, scratch);
        } else {
            FloatVectorIdentityCrossings.sums(this, x, atX, dy, atDy, from, length, scratch);
        }
        into[0] = total(scratch, 0);
        into[1] = total(scratch, W);
    }

    @Override
    public void affineGrad(Memory x, int atX, Memory dy, int atDy, Memory dx, int atDx, int from, int length,
                           boolean relu) {
        if (relu) {
            FloatVectorReluCrossings.grad(this, x, atX, dy, atDy, dx, atDx, from, length);
        } else {
            FloatVectorIdentityCrossings.grad(this, x, atX, dy, atDy, dx, atDx, from, length);
        }
    }
}
