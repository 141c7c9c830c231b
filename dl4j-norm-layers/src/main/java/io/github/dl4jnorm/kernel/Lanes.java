// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import java.nio.ByteBuffer;

/**
 * How vectors get at {@link Memory}. This version is for JDK 17 and 18, whose vectors read byte buffers; from JDK 22
 * on another one takes its place, which goes by addresses. Offsets are int: in long they cost a factor of two on
 * JDK 17.
 */
final class Lanes {
    /**
     * Bits of a vector at most. As many as there are: an access costs a dozen instructions, whatever its size, as the checks of a
     * buffer are done anew for each, and the loops are not unrolled.
     */
    static final int BITS = 512;
    /** Whether loops may have many vectors at hand: where accesses are as costly, they do not stay in registers. */
    static final boolean MANY_IN_REGISTERS = false;

    /** Vectors of a brief run at most: none, as no loop over vectors is unrolled. */
    static final int BRIEF = 0;

    private Lanes() {
    }

    /**
     * {@return what this version of the class needs and does not have, or null}
     *
     * @param jdk version of the JDK that runs it
     */
    static String obstacle(int jdk) {
        return jdk < 19 ? null : "a jar built with JDK 22 or later, because this jar supports them only on JDK 17 and "
                + "18; this is JDK " + jdk;
    }

    /** What vectors are read from and written to. */
    static ByteBuffer of(Memory memory) {
        return memory.bytes;
    }

    /** Where a piece of memory begins there. */
    static int base(Memory memory) {
        return 0;
    }
}
