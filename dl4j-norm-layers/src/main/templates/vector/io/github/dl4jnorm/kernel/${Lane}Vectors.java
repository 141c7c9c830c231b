// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import java.util.Arrays;
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
    private static final int GROUP = Math.min(4, W);
    /** W zeros, then W ones. */
    private static final ${lane}[] STEPS = new ${lane}[2 * W];

    static {
        Arrays.fill(STEPS, W, 2 * W, 1);
    }

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

    /** A value, whatever z. */
    static ${Lane}Vector identity(${Lane}Vector value, ${Lane}Vector z, ${Lane}Vector zeros) {
        return value;
    }

    static ${lane} identity(${lane} value, ${lane} z) {
        return value;
    }

    /** A value where z is not at or below 0, else 0; NaN passes. The zeros come from outside of a loop. */
    static ${Lane}Vector relu(${Lane}Vector value, ${Lane}Vector z, ${Lane}Vector zeros) {
        return value.blend(zeros, z.compare(VectorOperators.LE, zeros));
    }

    static ${lane} relu(${lane} value, ${lane} z) {
        return z <= 0 ? 0 : value;
    }

    /** Only the last elements of a vector, the others 0. */
    static ${Lane}Vector last(${Lane}Vector vector, int elements, ${Lane}Vector zeros) {
        return relu(vector, of(STEPS, elements), zeros);
    }

    /** The sum of a vector's elements, left in an array, in a fixed order, which its own reduction would not promise. */
    static double total(${lane}[] left, int from) {
        double sum = 0;
        for (int i = from; i < from + W; i += GROUP) {
            sum += GROUP == 4 ? ((double) left[i] + left[i + 1]) + ((double) left[i + 2] + left[i + 3])
                    : (double) left[i] + left[i + 1];
        }
        return sum;
    }
}
