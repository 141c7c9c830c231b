// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import java.nio.ByteOrder;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * What all vector operations on float share. The last elements of a run, too few for a vector, go one by one through
 * the same fused multiply-adds: where a run is cut does not change a bit of what it becomes.
 */
final class FloatVectors {
    /** One size for all loops: with two of them the compiler makes objects of vectors. */
    static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED.vectorBitSize() > Lanes.BITS
            ? FloatVector.SPECIES_256 : FloatVector.SPECIES_PREFERRED;
    /** Elements in a vector. */
    static final int W = SPECIES.length();
    /** Elements of the vectors that loops over few channels do at a time. */
    static final int PERIOD = 4 * W;
    /** Elements of a brief run at most. */
    static final int BRIEF = Lanes.BRIEF * W;
    static final int BYTES = Float.BYTES;
    /** {@link #BYTES} in the type of {@link Lanes#base}: int here, long in the variant for JDK 22. */
    static final int STEP = BYTES;
    static final ByteOrder ORDER = ByteOrder.nativeOrder();
    /** W zeros, then W ones: the vector from index n on has ones as its last n elements. */
    static final float[] LAST = new float[2 * W];

    static {
        Arrays.fill(LAST, W, 2 * W, 1);
    }

    private FloatVectors() {
    }

    static float get(Memory from, int at) {
        return from.bytes.getFloat(at);
    }

    static void put(Memory into, int at, float value) {
        into.bytes.putFloat(at, value);
    }

    /** The sum of a vector's elements, left in an array, in a fixed order, which its own reduction would not promise. */
    static double total(float[] left, int from) {
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

    private static double four(float[] left, int from) {
        return ((double) left[from] + left[from + 1]) + ((double) left[from + 2] + left[from + 3]);
    }
}
