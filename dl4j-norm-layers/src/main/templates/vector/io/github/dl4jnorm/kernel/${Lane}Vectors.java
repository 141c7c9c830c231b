// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import jdk.incubator.vector.${Lane}Vector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * What all vector operations on ${lane} share. The last elements of a run, too few for a vector, go one by one through
 * the same fused multiply-adds: where a run is cut does not change a bit of what it becomes.
 */
final class ${Lane}Vectors {
    static final VectorSpecies<${Lane}> SPECIES = ${Lane}Vector.SPECIES_PREFERRED;
    /** Elements in a vector. */
    static final int W = SPECIES.length();
    static final int BYTES = ${Lane}.BYTES;
    /** Bytes of a vector. An offset in bytes, added to the start of a run, keeps the check of bounds out of loops. */
    static final int STEP = W * BYTES;

    private ${Lane}Vectors() {
    }

    static ${lane} get(Memory from, int at) {
        return from.bytes.get${Lane}(at);
    }

    static void put(Memory into, int at, ${lane} value) {
        into.bytes.put${Lane}(at, value);
    }

    static ${Lane}Vector of(${lane}[] table, int i) {
        return ${Lane}Vector.fromArray(SPECIES, table, i);
    }

    static ${Lane}Vector all(double value) {
        return ${Lane}Vector.broadcast(SPECIES, (${lane}) value);
    }

    static ${Lane}Vector zero() {
        return ${Lane}Vector.zero(SPECIES);
    }

    /**
     * What z must exceed for a ReLU to let it through. Without a ReLU that is NaN, of which nothing is on the wrong side:
     * a branch in a loop would keep its vectors from staying in registers.
     */
    static ${lane} threshold(boolean relu) {
        return relu ? 0 : ${Lane}.NaN;
    }

    /** A value where z is not at or below the threshold, else 0; NaN passes. */
    static ${Lane}Vector active(${Lane}Vector value, ${Lane}Vector z, ${Lane}Vector threshold) {
        return value.blend((${lane}) 0, z.compare(VectorOperators.LE, threshold));
    }

    static ${lane} active(${lane} value, ${lane} z, ${lane} threshold) {
        return z <= threshold ? 0 : value;
    }

    /** The sum of a vector's elements in a fixed order, which its own reduction would not promise. */
    static double total(${Lane}Vector vector, ${lane}[] scratch) {
        vector.intoArray(scratch, 0);
        // Four chains: one alone would wait for each addition.
        double s0 = 0;
        double s1 = 0;
        double s2 = 0;
        double s3 = 0;
        int i = 0;
        for (; i <= W - 4; i += 4) {
            s0 += scratch[i];
            s1 += scratch[i + 1];
            s2 += scratch[i + 2];
            s3 += scratch[i + 3];
        }
        for (; i < W; i++) {
            s0 += scratch[i];
        }
        return (s0 + s1) + (s2 + s3);
    }
}
