// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;

/**
 * Vectors to and from {@link Memory}. This version is for JDK 17 and 18, whose vectors read byte buffers; from JDK 22
 * on another one takes its place, which goes by addresses. Offsets are int: in long they cost a factor of two on
 * JDK 17.
 */
final class Lanes {
    private Lanes() {
    }

    /**
     * {@return what this version of the class needs and does not have, or null}
     *
     * @param jdk version of the JDK that runs it
     */
    static String obstacle(int jdk) {
        return jdk < 19 ? null : "a jar that was built with JDK 22 or later; those of this jar are for JDK 17 and 18, this is "
                + "JDK " + jdk;
    }

    /** What vectors are read from: to be kept in a local variable, where a loop has not to look it up again. */
    static ByteBuffer of(Memory memory) {
        return memory.bytes;
    }

    static FloatVector loadFloat(ByteBuffer from, int at, int i) {
        return FloatVector.fromByteBuffer(FloatVector.SPECIES_PREFERRED, from, at + i * Float.BYTES,
                ByteOrder.nativeOrder());
    }

    static void store(FloatVector vector, ByteBuffer into, int at, int i) {
        vector.intoByteBuffer(into, at + i * Float.BYTES, ByteOrder.nativeOrder());
    }

    static DoubleVector loadDouble(ByteBuffer from, int at, int i) {
        return DoubleVector.fromByteBuffer(DoubleVector.SPECIES_PREFERRED, from, at + i * Double.BYTES,
                ByteOrder.nativeOrder());
    }

    static void store(DoubleVector vector, ByteBuffer into, int at, int i) {
        vector.intoByteBuffer(into, at + i * Double.BYTES, ByteOrder.nativeOrder());
    }
}
