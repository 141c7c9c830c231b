// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import java.nio.ByteOrder;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;

/**
 * Vectors to and from {@link Memory}. This version is for JDK 17 and 18, whose vectors read byte buffers; from JDK 22
 * on another one takes its place, as they read memory segments. Offsets are int: in long they cost a factor of two on
 * JDK 17.
 */
final class Lanes {
    private Lanes() {
    }

    /** @return whether this version of the class fits the JDK that runs it */
    static boolean fit(int jdk) {
        return jdk < 19;
    }

    static FloatVector loadFloat(Memory from, int at) {
        return FloatVector.fromByteBuffer(FloatVector.SPECIES_PREFERRED, from.bytes, at, ByteOrder.nativeOrder());
    }

    static void store(FloatVector vector, Memory into, int at) {
        vector.intoByteBuffer(into.bytes, at, ByteOrder.nativeOrder());
    }

    static DoubleVector loadDouble(Memory from, int at) {
        return DoubleVector.fromByteBuffer(DoubleVector.SPECIES_PREFERRED, from.bytes, at, ByteOrder.nativeOrder());
    }

    static void store(DoubleVector vector, Memory into, int at) {
        vector.intoByteBuffer(into.bytes, at, ByteOrder.nativeOrder());
    }
}
