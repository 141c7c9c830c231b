// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;

/** A piece of off-heap memory; offsets into it are in bytes. */
final class Memory {
    /** The memory, in native byte order, for single elements. */
    final ByteBuffer bytes;
    /** The same memory for copies of whole runs; indices are in elements. */
    final FloatBuffer floats;
    /** The same memory for copies of whole runs; indices are in elements. */
    final DoubleBuffer doubles;
    /** Where it begins, for vectors: good as long as the buffer is reachable. */
    final long address;

    Memory(ByteBuffer bytes) {
        this.bytes = bytes;
        this.floats = bytes.asFloatBuffer();
        this.doubles = bytes.asDoubleBuffer();
        this.address = MemorySegment.ofBuffer(bytes).address();
    }
}
