// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import java.nio.ByteOrder;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;

/** Vectors to and from {@link Memory}, by memory segments. */
final class Lanes {
    private Lanes() {
    }

    /** @return whether this version of the class fits the JDK that runs it */
    static boolean fit(int jdk) {
        return jdk >= 22;
    }

    static FloatVector loadFloat(Memory from, int at) {
        return FloatVector.fromMemorySegment(FloatVector.SPECIES_PREFERRED, from.segment, at, ByteOrder.nativeOrder());
    }

    static void store(FloatVector vector, Memory into, int at) {
        vector.intoMemorySegment(into.segment, at, ByteOrder.nativeOrder());
    }

    static DoubleVector loadDouble(Memory from, int at) {
        return DoubleVector.fromMemorySegment(DoubleVector.SPECIES_PREFERRED, from.segment, at, ByteOrder.nativeOrder());
    }

    static void store(DoubleVector vector, Memory into, int at) {
        vector.intoMemorySegment(into.segment, at, ByteOrder.nativeOrder());
    }
}
