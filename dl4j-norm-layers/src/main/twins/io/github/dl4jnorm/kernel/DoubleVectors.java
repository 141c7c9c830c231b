// SPDX-License-Identifier: Apache-2.0
// Derived from FloatVectors.java by Twins: edit that file, not this one.
package io.github.dl4jnorm.kernel;

import java.nio.ByteOrder;
import java.util.Arrays;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * What all vector operations on double share. The last elements of a run, too few for a vector, go one by one through
 * the same fused multiply-adds: where a run is cut does not change a bit of what it becomes.
 */
final class DoubleVectors {
    /** One size for all loops: with two of them the compiler makes objects of vectors. */
    static final VectorSpecies<Double> SPECIES = DoubleVector.SPECIES_PREFERRED.vectorBitSize() > Lanes.BITS
            ? DoubleVector.SPECIES_256 : DoubleVector.SPECIES_PREFERRED;
    /** Elements in a vector. */
    static final int W = SPECIES.length();
    /** Elements of the vectors that loops over few channels do at a time. */
    static final int PERIOD = 4 * W;
    /** Elements of a brief run at most. */
    static final int BRIEF = Lanes.BRIEF * W;
    static final int BYTES = Double.BYTES;
    /** {@link #BYTES} in the type of {@link Lanes#base}: int here, long in the variant for JDK 22. */
    static final int STEP = BYTES;
    static final ByteOrder ORDER = ByteOrder.nativeOrder();
    /** W zeros, then W ones: the vector from index n on has ones as its last n elements. */
    static final double[] LAST = new double[2 * W];

    static {
        Arrays.fill(LAST, W, 2 * W, 1);
    }

    private DoubleVectors() {
    }

    static double get(Memory from, int at) {
        return from.bytes.getDouble(at);
    }

    static void put(Memory into, int at, double value) {
        into.bytes.putDouble(at, value);
    }

    /** The sum of a vector's elements, left in an array, in a fixed order, which its own reduction would not promise. */
    static double total(double[] left, int from) {
        if (W < 4) {
            return (double) left[from] + left[from + 1];
        }
        double sum = four(left, from);
        if (W > 4) {
            sum += four(left, from + 4);
        }
        if (W > 8) {
            sum += four(left, from + 8);
            sum += four(left, from + 12);
        }
        return sum;
    }

    private static double four(double[] left, int from) {
        return ((double) left[from] + left[from + 1]) + ((double) left[from + 2] + left[from + 3]);
    }
}
