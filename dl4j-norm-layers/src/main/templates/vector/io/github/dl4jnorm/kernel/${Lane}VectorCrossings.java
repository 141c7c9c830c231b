// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static io.github.dl4jnorm.kernel.${Lane}Vectors.W;
import static io.github.dl4jnorm.kernel.${Lane}Vectors.total;

/** {@link CrossOps} on ${lane} with the JDK's vectors: the loops are in classes of their own, one for each activation. */
final class ${Lane}VectorCrossings extends ${Lane}CrossTables {
    private final ${lane}[] scratch = new ${lane}[2 * W];

    @Override
    public void affine(Memory x, int atX, Memory y, int atY, int from, int length, boolean relu) {
        if (relu) {
            ${Lane}VectorReluCrossings.affine(this, x, atX, y, atY, from, length);
        } else {
            ${Lane}VectorIdentityCrossings.affine(this, x, atX, y, atY, from, length);
        }
    }

    @Override
    public void gradSums(Memory x, int atX, Memory dy, int atDy, int from, int length, boolean relu, double[] into) {
        if (relu) {
            ${Lane}VectorReluCrossings.sums(this, x, atX, dy, atDy, from, length, scratch);
        } else {
            ${Lane}VectorIdentityCrossings.sums(this, x, atX, dy, atDy, from, length, scratch);
        }
        into[0] = total(scratch, 0);
        into[1] = total(scratch, W);
    }

    @Override
    public void affineGrad(Memory x, int atX, Memory dy, int atDy, Memory dx, int atDx, int from, int length,
                           boolean relu) {
        if (relu) {
            ${Lane}VectorReluCrossings.grad(this, x, atX, dy, atDy, dx, atDx, from, length);
        } else {
            ${Lane}VectorIdentityCrossings.grad(this, x, atX, dy, atDy, dx, atDx, from, length);
        }
    }
}
