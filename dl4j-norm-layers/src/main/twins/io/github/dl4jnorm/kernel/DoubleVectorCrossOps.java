// SPDX-License-Identifier: Apache-2.0
// Derived from FloatVectorCrossOps.java by Twins: edit that file, not this one.
package io.github.dl4jnorm.kernel;

import static io.github.dl4jnorm.kernel.DoubleVectors.BYTES;
import static io.github.dl4jnorm.kernel.DoubleVectors.LAST;
import static io.github.dl4jnorm.kernel.DoubleVectors.ORDER;
import static io.github.dl4jnorm.kernel.DoubleVectors.SPECIES;
import static io.github.dl4jnorm.kernel.DoubleVectors.STEP;
import static io.github.dl4jnorm.kernel.DoubleVectors.W;
import static io.github.dl4jnorm.kernel.DoubleVectors.get;
import static io.github.dl4jnorm.kernel.DoubleVectors.put;
import static io.github.dl4jnorm.kernel.DoubleVectors.total;
import static jdk.incubator.vector.DoubleVector.broadcast;
import static jdk.incubator.vector.DoubleVector.fromArray;
import static jdk.incubator.vector.DoubleVector.fromByteBuffer;
import static jdk.incubator.vector.DoubleVector.zero;
import static jdk.incubator.vector.VectorOperators.LE;

import jdk.incubator.vector.DoubleVector;

/** {@link CrossOps} on double with the JDK's vectors: loops with an activation are in classes of their own, one for each. */
final class DoubleVectorCrossOps extends DoubleCrossTables {
    private final double[] scratch = new double[2 * W];

    @Override
    public void affine(Memory x, int atX, Memory y, int atY, int from, int length, boolean relu) {
        if (relu) {
            DoubleVectorReluCrossLoops.affine(this, x, atX, y, atY, from, length);
        } else {
            DoubleVectorIdentityCrossLoops.affine(this, x, atX, y, atY, from, length);
        }
    }

    @Override
    public void gradSums(Memory x, int atX, Memory dy, int atDy, int from, int length, boolean relu, double[] into) {
        if (relu) {
            DoubleVectorReluCrossLoops.sums(this, x, atX, dy, atDy, from, length, scratch);
        } else {
            DoubleVectorIdentityCrossLoops.sums(this, x, atX, dy, atDy, from, length, scratch);
        }
        into[0] = total(scratch, 0);
        into[1] = total(scratch, W);
    }

    /** Four vectors at a time also make it too large to be inlined. */
    @Override
    public void add(Memory a, int atA, Memory b, int atB, Memory sum, int atSum, int length) {
        var as = Lanes.of(a);
        var startA = Lanes.base(a) + atA;
        var bs = Lanes.of(b);
        var startB = Lanes.base(b) + atB;
        var sumOfBoth = Lanes.of(sum);
        var startSum = Lanes.base(sum) + atSum;
        int i = 0;
        for (; i <= length - 4 * W; i += 4 * W) {
            DoubleVector a0 = fromByteBuffer(SPECIES, as, startA + STEP * i, ORDER);
            DoubleVector a1 = fromByteBuffer(SPECIES, as, startA + STEP * (i + W), ORDER);
            DoubleVector a2 = fromByteBuffer(SPECIES, as, startA + STEP * (i + 2 * W), ORDER);
            DoubleVector a3 = fromByteBuffer(SPECIES, as, startA + STEP * (i + 3 * W), ORDER);
            DoubleVector b0 = fromByteBuffer(SPECIES, bs, startB + STEP * i, ORDER);
            DoubleVector b1 = fromByteBuffer(SPECIES, bs, startB + STEP * (i + W), ORDER);
            DoubleVector b2 = fromByteBuffer(SPECIES, bs, startB + STEP * (i + 2 * W), ORDER);
            DoubleVector b3 = fromByteBuffer(SPECIES, bs, startB + STEP * (i + 3 * W), ORDER);
            a0.add(b0).intoByteBuffer(sumOfBoth, startSum + STEP * i, ORDER);
            a1.add(b1).intoByteBuffer(sumOfBoth, startSum + STEP * (i + W), ORDER);
            a2.add(b2).intoByteBuffer(sumOfBoth, startSum + STEP * (i + 2 * W), ORDER);
            a3.add(b3).intoByteBuffer(sumOfBoth, startSum + STEP * (i + 3 * W), ORDER);
        }
        for (; i < length; i++) {
            put(sum, atSum + i * BYTES, get(a, atA + i * BYTES) + get(b, atB + i * BYTES));
        }
    }

    /** In the order of {@link DoubleVectorRunOps#sums}, whose sums these are bit for bit. */
    @Override
    public boolean addSums(Memory a, int atA, Memory b, int atB, Memory sum, int atSum, int length, double center,
                           double[] into) {
        if (length < W) {
            return false;
        }
        var as = Lanes.of(a);
        var startA = Lanes.base(a) + atA;
        var bs = Lanes.of(b);
        var startB = Lanes.base(b) + atB;
        var sumOfBoth = Lanes.of(sum);
        var startSum = Lanes.base(sum) + atSum;
        DoubleVector none = zero(SPECIES);
        DoubleVector k = broadcast(SPECIES, (double) -center);
        DoubleVector s0 = none;
        DoubleVector s1 = none;
        DoubleVector q0 = none;
        DoubleVector q1 = none;
        int i = 0;
        for (; i <= length - 2 * W; i += 2 * W) {
            DoubleVector a0 = fromByteBuffer(SPECIES, as, startA + STEP * i, ORDER);
            DoubleVector a1 = fromByteBuffer(SPECIES, as, startA + STEP * (i + W), ORDER);
            DoubleVector x0 = fromByteBuffer(SPECIES, bs, startB + STEP * i, ORDER).add(a0);
            DoubleVector x1 = fromByteBuffer(SPECIES, bs, startB + STEP * (i + W), ORDER).add(a1);
            x0.intoByteBuffer(sumOfBoth, startSum + STEP * i, ORDER);
            x1.intoByteBuffer(sumOfBoth, startSum + STEP * (i + W), ORDER);
            DoubleVector d0 = x0.add(k);
            DoubleVector d1 = x1.add(k);
            s0 = s0.add(d0);
            s1 = s1.add(d1);
            q0 = d0.fma(d0, q0);
            q1 = d1.fma(d1, q1);
        }
        if (i <= length - W) {
            DoubleVector x0 = fromByteBuffer(SPECIES, as, startA + STEP * i, ORDER)
                    .add(fromByteBuffer(SPECIES, bs, startB + STEP * i, ORDER));
            x0.intoByteBuffer(sumOfBoth, startSum + STEP * i, ORDER);
            DoubleVector d = x0.add(k);
            s0 = s0.add(d);
            q0 = d.fma(d, q0);
        }
        int rest = length % W;
        if (rest > 0) {
            int begin = length - W;
            DoubleVector x1 = fromByteBuffer(SPECIES, as, startA + STEP * begin, ORDER)
                    .add(fromByteBuffer(SPECIES, bs, startB + STEP * begin, ORDER));
            x1.intoByteBuffer(sumOfBoth, startSum + STEP * begin, ORDER);
            DoubleVector d = x1.add(k);
            d = d.blend(none, fromArray(SPECIES, LAST, rest).compare(LE, none));
            s1 = s1.add(d);
            q1 = d.fma(d, q1);
        }
        s0.add(s1).intoArray(scratch, 0);
        q0.add(q1).intoArray(scratch, W);
        into[0] = total(scratch, 0);
        into[1] = total(scratch, W);
        return true;
    }

    @Override
    public void affineGrad(Memory x, int atX, Memory dy, int atDy, Memory dx, int atDx, int from, int length,
                           boolean relu) {
        if (relu) {
            DoubleVectorReluCrossLoops.grad(this, x, atX, dy, atDy, dx, atDx, from, length);
        } else {
            DoubleVectorIdentityCrossLoops.grad(this, x, atX, dy, atDy, dx, atDx, from, length);
        }
    }
}
