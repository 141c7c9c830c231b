// SPDX-License-Identifier: Apache-2.0
// Derived from FloatVectorCrossings.java by Twins: edit that file, not this one.
package io.github.dl4jnorm.kernel;

import static io.github.dl4jnorm.kernel.DoubleVectors.W;
import static io.github.dl4jnorm.kernel.DoubleVectors.total;

/** {@link CrossOps} on double with the JDK's vectors: the loops are in classes of their own, one for each activation. */
final class DoubleVectorCrossings extends DoubleCrossTables {
    private final double[] scratch = new double[2 * W];

    @Override
    public void affine(Memory x, int atX, Memory y, int atY, int from, int length, boolean relu) {
        if (relu) {
            DoubleVectorReluCrossings.affine(this, x, atX, y, atY, from, length);
        } else {
            DoubleVectorIdentityCrossings.affine(this, x, atX, y, atY, from, length);
        }
    }

    @Override
    public void gradSums(Memory x, int atX, Memory dy, int atDy, int from, int length, boolean relu, double[] into) {
        if (relu) {
            DoubleVectorReluCrossings.sums(this, x, atX, dy, atDy, from, length, scratch);
        } else {
            DoubleVectorIdentityCrossings.sums(this, x, atX, dy, atDy, from, length, scratch);
        }
        into[0] = total(scratch, 0);
        into[1] = total(scratch, W);
    }

    @Override
    public void affineGrad(Memory x, int atX, Memory dy, int atDy, Memory dx, int atDx, int from, int length,
                           boolean relu) {
        if (relu) {
            DoubleVectorReluCrossings.grad(this, x, atX, dy, atDy, dx, atDx, from, length);
        } else {
            DoubleVectorIdentityCrossings.grad(this, x, atX, dy, atDy, dx, atDx, from, length);
        }
    }
}
