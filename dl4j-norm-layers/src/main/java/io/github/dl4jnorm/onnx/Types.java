// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import onnx.Onnx;
import org.nd4j.linalg.api.buffer.DataType;

/** ND4J's types by ONNX's codes. */
final class Types {
    private Types() {
    }

    /** The type of a code, or null if there is none. BFLOAT16 is read as FLOAT. */
    static DataType of(long code) {
        return switch ((int) Math.max(-1, Math.min(code, Integer.MAX_VALUE))) {
            case 1, 16 -> DataType.FLOAT;
            case 2 -> DataType.UBYTE;
            case 3 -> DataType.BYTE;
            case 5 -> DataType.SHORT;
            case 6 -> DataType.INT;
            case 7 -> DataType.LONG;
            case 9 -> DataType.BOOL;
            case 10 -> DataType.HALF;
            case 11 -> DataType.DOUBLE;
            default -> null;
        };
    }

    static String name(long code) {
        Onnx.TensorProto.DataType type = code == (int) code ? Onnx.TensorProto.DataType.forNumber((int) code) : null;
        return type == null ? "type " + code : type.name();
    }
}
