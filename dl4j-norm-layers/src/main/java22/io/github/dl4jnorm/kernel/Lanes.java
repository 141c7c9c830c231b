// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import java.lang.foreign.MemorySegment;

/**
 * How vectors get at {@link Memory}: by addresses in one segment that spans them all. Its bounds and its lifetime are
 * constants, so the compiler leaves next to nothing of the checks that a segment for each array needs: those took a third of
 * the time of runs of 196 elements in the cache, for what comes before and behind the unrolled part of a loop has them all.
 * Offsets stay within an array because {@link Strided} has made sure of it; {@code ByteBuffer}s, which JDK 17 uses for the
 * same loops, do check.
 */
final class Lanes {
    /**
     * Bits of a vector at most. With 512, loops along runs take longer, as runs begin anywhere and each access is to two cache
     * lines, and loops over columns less.
     */
    static final int BITS = 256;
    /** Whether loops may have many vectors at hand. */
    static final boolean MANY_IN_REGISTERS = true;
    /** Vectors of a brief run at most: over so few, a loop takes longer if it is unrolled. */
    static final int BRIEF = 8;
    private static final MemorySegment EVERYTHING = everything();

    private Lanes() {
    }

    /** Null where the JVM forbids it. */
    @SuppressWarnings("restricted")
    private static MemorySegment everything() {
        try {
            return MemorySegment.NULL.reinterpret(Long.MAX_VALUE);
        } catch (IllegalCallerException e) {
            return null;
        }
    }

    /**
     * {@return what this version of the class needs and does not have, or null}
     *
     * @param jdk version of the JDK that runs it
     */
    static String obstacle(int jdk) {
        return EVERYTHING == null ? "the JVM option --enable-native-access=ALL-UNNAMED" : null;
    }

    /** What vectors are read from and written to. */
    static MemorySegment of(Memory memory) {
        return EVERYTHING;
    }

    /** Where a piece of memory begins there. */
    static long base(Memory memory) {
        return memory.address;
    }
}
