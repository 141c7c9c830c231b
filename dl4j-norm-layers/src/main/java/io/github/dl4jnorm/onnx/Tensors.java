// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import java.util.EnumMap;
import java.util.Map;
import onnx.Onnx;
import onnx.Onnx.TensorProto.DataType;
import org.nd4j.shade.protobuf.ByteString;

/** Checks the arrays of a model and rewrites those that the importer would not read. */
final class Tensors {
    private static final Map<DataType, Integer> WIDTHS = new EnumMap<>(Map.of(DataType.FLOAT, 4, DataType.DOUBLE, 8,
            DataType.FLOAT16, 2, DataType.BFLOAT16, 2, DataType.INT32, 4, DataType.INT64, 8, DataType.INT16, 2, DataType.INT8, 1,
            DataType.UINT8, 1, DataType.BOOL, 1));

    private Tensors() {
    }

    /** The array in a form that the importer reads. */
    static Onnx.TensorProto readable(Onnx.TensorProto tensor) {
        if (tensor.getDataLocation() == Onnx.TensorProto.DataLocation.EXTERNAL) {
            throw error(tensor, "its numbers in the model's file", "a reference to another file");
        }
        DataType type = DataType.forNumber(tensor.getDataType());
        Integer width = type == null ? null : WIDTHS.get(type);
        if (width == null) {
            return tensor;
        }
        long length = 1;
        for (long size : tensor.getDimsList()) {
            if (size < 0) {
                throw error(tensor, "sizes of at least 0", tensor.getDimsList());
            }
            length *= size;
        }
        boolean raw = !tensor.getRawData().isEmpty();
        long given = raw ? tensor.getRawData().size() : listed(tensor, type);
        long expected = raw ? length * width : length;
        if (given != expected) {
            throw error(tensor, expected + (raw ? " bytes" : " numbers") + " for shape " + tensor.getDimsList(), given);
        }
        boolean half = type == DataType.FLOAT16 || type == DataType.BFLOAT16;
        return half && !raw ? raw(tensor) : tensor;
    }

    private static int listed(Onnx.TensorProto tensor, DataType type) {
        return switch (type) {
            case FLOAT -> tensor.getFloatDataCount();
            case DOUBLE -> tensor.getDoubleDataCount();
            case INT64 -> tensor.getInt64DataCount();
            default -> tensor.getInt32DataCount();
        };
    }

    /** ONNX keeps the bits of such numbers in those of 32-bit integers; raw data has its low byte first. */
    private static Onnx.TensorProto raw(Onnx.TensorProto tensor) {
        byte[] bytes = new byte[2 * tensor.getInt32DataCount()];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) (tensor.getInt32Data(i / 2) >>> 8 * (i % 2));
        }
        return tensor.toBuilder().clearInt32Data().setRawData(ByteString.copyFrom(bytes)).build();
    }

    private static IllegalArgumentException error(Onnx.TensorProto tensor, String expected, Object actual) {
        return new IllegalArgumentException("array \"" + tensor.getName() + "\": expected " + expected + ", got " + actual);
    }
}
