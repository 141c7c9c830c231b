// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import java.nio.ByteBuffer;
import org.nd4j.linalg.api.buffer.DataType;

/** Moves elements of one type between off-heap memory and double. */
enum ElementCodec {
    FLOAT(4) {
        @Override
        void load(ByteBuffer from, int at, double[] into, int size) {
            for (int i = 0; i < size; i++) {
                into[i] = from.getFloat(at + 4 * i);
            }
        }

        @Override
        void store(ByteBuffer into, int at, double[] from, int size) {
            for (int i = 0; i < size; i++) {
                into.putFloat(at + 4 * i, (float) from[i]);
            }
        }
    },
    DOUBLE(8) {
        @Override
        void load(ByteBuffer from, int at, double[] into, int size) {
            for (int i = 0; i < size; i++) {
                into[i] = from.getDouble(at + 8 * i);
            }
        }

        @Override
        void store(ByteBuffer into, int at, double[] from, int size) {
            for (int i = 0; i < size; i++) {
                into.putDouble(at + 8 * i, from[i]);
            }
        }
    },
    HALF(2) {
        @Override
        void load(ByteBuffer from, int at, double[] into, int size) {
            for (int i = 0; i < size; i++) {
                into[i] = Half.toFloat(from.getShort(at + 2 * i));
            }
        }

        @Override
        void store(ByteBuffer into, int at, double[] from, int size) {
            for (int i = 0; i < size; i++) {
                into.putShort(at + 2 * i, Half.fromFloat((float) from[i]));
            }
        }
    };

    private final int bytes;

    ElementCodec(int bytes) {
        this.bytes = bytes;
    }

    static ElementCodec of(DataType type) {
        return switch (type) {
            case FLOAT -> FLOAT;
            case DOUBLE -> DOUBLE;
            case HALF -> HALF;
            default -> throw new IllegalArgumentException("normalization works on FLOAT, DOUBLE and HALF, not " + type);
        };
    }

    int bytes() {
        return bytes;
    }

    abstract void load(ByteBuffer from, int at, double[] into, int size);

    abstract void store(ByteBuffer into, int at, double[] from, int size);
}
