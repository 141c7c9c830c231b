// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Map;
import onnx.Onnx;
import onnx.Onnx.TensorProto.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.shade.protobuf.ByteString;

/**
 * Checks the arrays of a model and rewrites those that the importer would not read. BFLOAT16, which it does not know, becomes
 * FLOAT, of which it is the upper half.
 *
 * @param directory where the model's file is, and the files that arrays may be in
 */
record Tensors(Path directory) {
    private static final Map<DataType, Integer> WIDTHS = new EnumMap<>(Map.of(DataType.FLOAT, 4, DataType.DOUBLE, 8,
            DataType.FLOAT16, 2, DataType.BFLOAT16, 2, DataType.INT32, 4, DataType.INT64, 8, DataType.INT16, 2, DataType.INT8, 1,
            DataType.UINT8, 1, DataType.BOOL, 1));

    /** The array in a form that the importer reads. */
    Onnx.TensorProto readable(Onnx.TensorProto given) {
        Onnx.TensorProto tensor = given.getDataLocation() == Onnx.TensorProto.DataLocation.EXTERNAL ? loaded(given) : given;
        DataType type = DataType.forNumber(tensor.getDataType());
        Integer width = type == null ? null : WIDTHS.get(type);
        if (width == null) {
            return tensor;
        }
        long length = 1;
        for (long size : tensor.getDimsList()) {
            if (size < 0) {
                throw error(tensor, "sizes >= 0", tensor.getDimsList());
            }
            length = Math.multiplyExact(length, size);
        }
        boolean raw = !tensor.getRawData().isEmpty();
        long found = raw ? tensor.getRawData().size() : listed(tensor, type);
        long expected = raw ? length * width : length;
        if (found != expected) {
            throw error(tensor, expected + (raw ? " bytes" : " numbers") + " for shape " + tensor.getDimsList(), found);
        }
        boolean half = type == DataType.FLOAT16 || type == DataType.BFLOAT16;
        Onnx.TensorProto bytes = half && !raw ? raw(tensor) : tensor;
        return type == DataType.BFLOAT16 ? widened(bytes) : bytes;
    }

    /** The numbers of an array that is readable. */
    static INDArray array(Onnx.TensorProto tensor) {
        DataType type = DataType.forNumber(tensor.getDataType());
        org.nd4j.linalg.api.buffer.DataType own = Types.of(tensor.getDataType());
        if (type == null || own == null || !WIDTHS.containsKey(type)) {
            throw error(tensor, "one of the types " + WIDTHS.keySet(), Types.name(tensor.getDataType()));
        }
        long[] shape = tensor.getDimsList().stream().mapToLong(Long::longValue).toArray();
        long length = Arrays.stream(shape).reduce(1, Math::multiplyExact);
        if (length == 0) {
            return Nd4j.empty(own);
        }
        boolean raw = !tensor.getRawData().isEmpty();
        if (type == DataType.FLOAT) {
            float[] numbers = new float[Math.toIntExact(length)];
            for (int i = 0; i < numbers.length; i++) {
                numbers[i] = raw ? Float.intBitsToFloat((int) bits(tensor, type, i)) : tensor.getFloatData(i);
            }
            return Nd4j.createFromArray(numbers).reshape(shape);
        }
        if (own.isFPType()) {
            double[] numbers = new double[Math.toIntExact(length)];
            for (int i = 0; i < numbers.length; i++) {
                numbers[i] = switch (type) {
                    case DOUBLE -> raw ? Double.longBitsToDouble(bits(tensor, type, i)) : tensor.getDoubleData(i);
                    default -> half((short) bits(tensor, type, i));
                };
            }
            return Nd4j.createFromArray(numbers).reshape(shape).castTo(own);
        }
        long[] numbers = new long[Math.toIntExact(length)];
        for (int i = 0; i < numbers.length; i++) {
            long bits = raw ? bits(tensor, type, i) : type == DataType.INT64 ? tensor.getInt64Data(i) : tensor.getInt32Data(i);
            numbers[i] = switch (type) {
                case INT32 -> (int) bits;
                case INT16 -> (short) bits;
                case INT8 -> (byte) bits;
                default -> bits;
            };
        }
        INDArray array = Nd4j.createFromArray(numbers).reshape(shape);
        return type == DataType.BOOL ? array.neq(0) : array.castTo(own);
    }

    /** Those of one number in raw data, which has its low byte first. */
    private static long bits(Onnx.TensorProto tensor, DataType type, int index) {
        int width = WIDTHS.get(type);
        long bits = 0;
        for (int i = width - 1; i >= 0; i--) {
            bits = bits << 8 | tensor.getRawData().byteAt(index * width + i) & 0xff;
        }
        return bits;
    }

    private static float half(short bits) {
        int exponent = bits >>> 10 & 0x1f;
        int fraction = bits & 0x3ff;
        float size = exponent == 0 ? Math.scalb((float) fraction, -24)
                : exponent < 0x1f ? Math.scalb((float) (fraction + 0x400), exponent - 25)
                : fraction == 0 ? Float.POSITIVE_INFINITY : Float.NaN;
        return bits < 0 ? -size : size;
    }

    private static Onnx.TensorProto widened(Onnx.TensorProto tensor) {
        byte[] upper = tensor.getRawData().toByteArray();
        byte[] bytes = new byte[2 * upper.length];
        for (int i = 0; i < upper.length; i++) {
            bytes[i / 2 * 4 + 2 + i % 2] = upper[i];
        }
        return tensor.toBuilder().setDataType(DataType.FLOAT_VALUE).setRawData(ByteString.copyFrom(bytes)).build();
    }

    /** What a model says of an input or of what nodes make. */
    static void widen(Onnx.ValueInfoProto.Builder info) {
        if (info.getType().getTensorType().getElemType() == DataType.BFLOAT16_VALUE) {
            info.getTypeBuilder().getTensorTypeBuilder().setElemType(DataType.FLOAT_VALUE);
        }
    }

    /** Whether an attribute is the type of what a node makes, and that is to become FLOAT. */
    static boolean asksForBfloat16(Onnx.AttributeProtoOrBuilder attribute) {
        return (attribute.getName().equals("to") || attribute.getName().equals("dtype"))
                && attribute.getI() == DataType.BFLOAT16_VALUE;
    }

    /** What a constant is, which has several attributes to say so, of which the importer reads one. */
    static Onnx.AttributeProto value(Onnx.AttributeProto given) {
        Onnx.TensorProto.Builder tensor = Onnx.TensorProto.newBuilder().setName(given.getName());
        switch (given.getName()) {
            case "value_int" -> tensor.setDataType(DataType.INT64_VALUE).addInt64Data(given.getI());
            case "value_ints" -> tensor.setDataType(DataType.INT64_VALUE).addDims(given.getIntsCount())
                    .addAllInt64Data(given.getIntsList());
            case "value_float" -> tensor.setDataType(DataType.FLOAT_VALUE).addFloatData(given.getF());
            case "value_floats" -> tensor.setDataType(DataType.FLOAT_VALUE).addDims(given.getFloatsCount())
                    .addAllFloatData(given.getFloatsList());
            default -> {
                return given;
            }
        }
        return Onnx.AttributeProto.newBuilder().setName("value").setType(Onnx.AttributeProto.AttributeType.TENSOR)
                .setT(tensor).build();
    }

    /** The array with its numbers, which are in another file in the same directory or below it. */
    Onnx.TensorProto loaded(Onnx.TensorProto tensor) {
        Map<String, String> entries = new HashMap<>();
        tensor.getExternalDataList().forEach(entry -> entries.put(entry.getKey(), entry.getValue()));
        String location = entries.getOrDefault("location", "");
        try {
            Path root = directory.toRealPath();
            Path file = root.resolve(location);
            if (location.isEmpty() || !Files.isRegularFile(file) || !file.toRealPath().startsWith(root)) {
                throw error(tensor, "an existing file in the directory of the model", "\"" + location + "\"");
            }
            try (RandomAccessFile open = new RandomAccessFile(file.toFile(), "r")) {
                long offset = number(tensor, entries, "offset", 0);
                long length = number(tensor, entries, "length", Math.max(0, open.length() - offset));
                if (offset > open.length() || length > open.length() - offset || length > Integer.MAX_VALUE) {
                    throw error(tensor, length + " bytes from offset " + offset + " in " + location, open.length() + " in total");
                }
                byte[] bytes = new byte[(int) length];
                open.seek(offset);
                open.readFully(bytes);
                return tensor.toBuilder().clearExternalData().clearDataLocation().setRawData(ByteString.copyFrom(bytes))
                        .build();
            }
        } catch (IOException e) {
            throw new UncheckedIOException("array \"" + tensor.getName() + "\": " + location + " cannot be read: " + e, e);
        }
    }

    private static long number(Onnx.TensorProto tensor, Map<String, String> entries, String key, long fallback) {
        try {
            long number = Long.parseLong(entries.getOrDefault(key, String.valueOf(fallback)));
            if (number >= 0) {
                return number;
            }
        } catch (NumberFormatException e) {
            // Falls through to the error for everything that is no number of bytes.
        }
        throw error(tensor, key + " >= 0", entries.get(key));
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
