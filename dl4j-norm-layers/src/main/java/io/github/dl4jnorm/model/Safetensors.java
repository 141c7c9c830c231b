// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.IntToDoubleFunction;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.shade.jackson.core.JsonFactory;
import org.nd4j.shade.jackson.core.JsonGenerator;

/**
 * A file in the safetensors format: eight bytes with the length of a header, the header in JSON (see
 * {@link SafetensorsHeader}), then the elements of all arrays in C order; all of it little-endian.
 */
final class Safetensors implements TensorSource {
    /** Bytes of the header's length. */
    static final int START = Long.BYTES;

    private final Path path;
    private final FileChannel file;
    private final SafetensorsHeader header;

    Safetensors(Path path) throws IOException {
        this.path = path;
        file = FileChannel.open(path);
        try {
            header = header();
        } catch (IOException e) {
            file.close();
            throw e;
        }
    }

    private SafetensorsHeader header() throws IOException {
        long size = file.size();
        long length = size < START ? -1 : read(0, START).getLong();
        if (length < 0 || length > size - START || length > SafetensorsHeader.LONGEST) {
            throw new IOException(path + ": expected a .safetensors file, got " + (size < START ? "one of " + size + " bytes"
                    : "a header of " + Long.toUnsignedString(length) + " bytes in a file of " + size
                    + " (at most " + SafetensorsHeader.LONGEST + " are read)"));
        }
        return SafetensorsHeader.of(read(START, (int) length), size - START - length, path.toString());
    }

    private ByteBuffer read(long from, int length) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
        while (bytes.hasRemaining()) {
            if (file.read(bytes, from + bytes.position()) < 0) {
                throw new EOFException(path + ": the file became shorter while it was read");
            }
        }
        return bytes.flip();
    }

    @Override
    public Path path() {
        return path;
    }

    @Override
    public Set<String> names() {
        return header.tensors().keySet();
    }

    @Override
    public INDArray values(String name, long... shape) throws IOException {
        SafetensorsHeader.Tensor tensor = header.tensors().get(name);
        tensor.require(tensor.isReal(), "F16, BF16, F32 or F64");
        tensor.requireShape(shape);
        ByteBuffer data = data(tensor);
        int elements = (int) tensor.elements();
        if (tensor.type().equals("F64")) {
            double[] values = new double[elements];
            data.asDoubleBuffer().get(values);
            return Nd4j.createFromArray(values).reshape('c', shape);
        }
        float[] values = new float[elements];
        switch (tensor.type()) {
            case "F32" -> data.asFloatBuffer().get(values);
            case "F16" -> {
                for (int i = 0; i < elements; i++) {
                    values[i] = (float) Npy.half(data.getShort(2 * i));
                }
            }
            default -> {
                // The upper half of a float.
                for (int i = 0; i < elements; i++) {
                    values[i] = Float.intBitsToFloat(data.getShort(2 * i) << Short.SIZE);
                }
            }
        }
        return Nd4j.createFromArray(values).reshape('c', shape);
    }

    @Override
    public double[] integers(String name, int expected) throws IOException {
        SafetensorsHeader.Tensor tensor = header.tensors().get(name);
        tensor.require(tensor.isInteger(), "integers");
        tensor.require(tensor.elements() == 1 || tensor.elements() == expected, expected + " elements");
        ByteBuffer data = data(tensor);
        IntToDoubleFunction element = switch (tensor.type()) {
            case "I8" -> data::get;
            case "U8" -> i -> data.get(i) & 0xff;
            case "I16" -> i -> data.getShort(2 * i);
            case "U16" -> i -> data.getShort(2 * i) & 0xffff;
            case "I32" -> i -> data.getInt(4 * i);
            case "U32" -> i -> data.getInt(4 * i) & 0xffffffffL;
            case "I64" -> i -> data.getLong(8 * i);
            default -> i -> Double.parseDouble(Long.toUnsignedString(data.getLong(8 * i)));
        };
        double[] values = new double[(int) tensor.elements()];
        Arrays.setAll(values, element);
        return Npy.exact(values, tensor.what());
    }

    private ByteBuffer data(SafetensorsHeader.Tensor tensor) throws IOException {
        long length = tensor.end() - tensor.begin();
        tensor.require(length < Integer.MAX_VALUE - START, "less than 2 GiB");
        return read(START + header.length() + tensor.begin(), (int) length);
    }

    @Override
    public void close() throws IOException {
        file.close();
    }

    /**
     * Writes arrays of type FLOAT, DOUBLE or LONG. As PyTorch's writer does, it begins with the widest types, which aligns
     * all of them.
     */
    static void write(Path file, Map<String, INDArray> tensors) throws IOException {
        List<Map.Entry<String, INDArray>> sorted = tensors.entrySet().stream()
                .sorted(Comparator.<Map.Entry<String, INDArray>>comparingInt(entry -> -entry.getValue().dataType().width())
                        .thenComparing(Map.Entry::getKey)).toList();
        byte[] text = header(sorted).getBytes(StandardCharsets.UTF_8);
        int length = (text.length + START - 1) / START * START;
        byte[] padded = Arrays.copyOf(text, length);
        Arrays.fill(padded, text.length, length, (byte) ' ');
        try (OutputStream out = Files.newOutputStream(file)) {
            out.write(ByteBuffer.allocate(START).order(ByteOrder.LITTLE_ENDIAN).putLong(length).array());
            out.write(padded);
            for (Map.Entry<String, INDArray> entry : sorted) {
                ByteBuffer data = ByteBuffer.allocate(Math.toIntExact(bytes(entry.getValue()))).order(ByteOrder.LITTLE_ENDIAN);
                Npy.put(entry.getValue(), data);
                out.write(data.array());
            }
        }
    }

    private static String header(List<Map.Entry<String, INDArray>> tensors) throws IOException {
        StringWriter text = new StringWriter();
        try (JsonGenerator json = new JsonFactory().createGenerator(text)) {
            json.writeStartObject();
            json.writeObjectFieldStart(SafetensorsHeader.METADATA);
            json.writeStringField("format", "pt");
            json.writeEndObject();
            long begin = 0;
            for (Map.Entry<String, INDArray> entry : tensors) {
                INDArray array = entry.getValue();
                json.writeObjectFieldStart(entry.getKey());
                json.writeStringField("dtype", array.dataType() == DataType.LONG ? "I64"
                        : array.dataType() == DataType.DOUBLE ? "F64" : "F32");
                json.writeFieldName("shape");
                json.writeArray(array.shape(), 0, array.rank());
                json.writeFieldName("data_offsets");
                json.writeArray(new long[]{begin, begin + bytes(array)}, 0, 2);
                json.writeEndObject();
                begin += bytes(array);
            }
            json.writeEndObject();
        }
        return text.toString();
    }

    private static long bytes(INDArray array) {
        return array.length() * array.dataType().width();
    }
}
