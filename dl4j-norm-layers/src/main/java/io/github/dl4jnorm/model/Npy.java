// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.function.IntToDoubleFunction;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Arrays in NumPy's .npy format, read and written in Java alone: no native code sees a file. The header is read by NumPy's own
 * rules, see {@link NpyHeader}, and says what the elements behind it are.
 */
final class Npy {
    private static final int ALIGNMENT = 64;
    private static final int LARGEST_EXACT = 53;

    private Npy() {
    }

    /** The most bytes that a file with so many elements has. */
    static int limit(int elements) {
        return (int) Math.min(Integer.MAX_VALUE - 1, NpyHeader.LARGEST + 8L * elements);
    }

    /** Content of a file with an array of type FLOAT, DOUBLE or LONG. */
    static byte[] bytes(INDArray array) {
        DataType type = array.dataType();
        String shape = TensorHeader.tuple(Arrays.stream(array.shape()).boxed().toList());
        ByteBuffer file = file(type == DataType.LONG ? "<i8" : type == DataType.DOUBLE ? "<f8" : "<f4", shape,
                Math.toIntExact(array.length() * type.width()));
        put(array, file);
        return file.array();
    }

    /** Puts the elements of an array of type FLOAT, DOUBLE or LONG into a file, in C order. */
    static void put(INDArray array, ByteBuffer file) {
        INDArray elements = array.dup('c').reshape(array.length());
        switch (array.dataType()) {
            case LONG -> file.asLongBuffer().put(elements.toLongVector());
            case DOUBLE -> file.asDoubleBuffer().put(elements.toDoubleVector());
            default -> file.asFloatBuffer().put(elements.toFloatVector());
        }
    }

    /** A file as NumPy writes it, ready for its elements. */
    private static ByteBuffer file(String type, String shape, int length) {
        String header = "{'descr': '" + type + "', 'fortran_order': False, 'shape': " + shape + ", }";
        int start = (NpyHeader.START + header.length() + ALIGNMENT) / ALIGNMENT * ALIGNMENT;
        byte[] text = new byte[start - NpyHeader.START];
        Arrays.fill(text, (byte) ' ');
        System.arraycopy(header.getBytes(StandardCharsets.ISO_8859_1), 0, text, 0, header.length());
        text[text.length - 1] = '\n';
        return ByteBuffer.allocate(start + length).order(ByteOrder.LITTLE_ENDIAN).put(NpyHeader.MAGIC).put((byte) 1)
                .put((byte) 0).putShort((short) text.length).put(text);
    }

    /**
     * The elements of an array of float16, float32 or float64 in C order.
     *
     * @param npy   content of a .npy file
     * @param what  what to call it in messages
     * @param shape expected shape, see {@link TensorHeader#requireShape}
     * @throws IOException if it is another array, or none
     */
    static double[] values(byte[] npy, String what, long... shape) throws IOException {
        NpyHeader header = NpyHeader.of(npy, what);
        header.require(header.isReal(), "float16, float32 or float64");
        header.requireShape(shape);
        return elements(header, npy, (int) header.elements());
    }

    /** As {@link #values} of int64, one element or as many as expected. */
    static double[] integers(byte[] npy, int expected, String what) throws IOException {
        NpyHeader header = NpyHeader.of(npy, what);
        header.require(header.isInteger(), "int64");
        header.require(header.elements() == 1 || header.elements() == expected, expected + " elements");
        return exact(elements(header, npy, (int) header.elements()), what);
    }

    /** Numbers that were integers, if a double holds them as they were. */
    static double[] exact(double[] values, String what) throws IOException {
        for (double value : values) {
            if (Math.abs(value) > 1L << LARGEST_EXACT) {
                throw new IOException(what + ": expected a batch count up to 2^53, got " + value);
            }
        }
        return values;
    }

    private static double[] elements(NpyHeader header, byte[] npy, int count) throws IOException {
        long length = header.length() + (long) count * header.bytes();
        if (npy.length != length) {
            throw new IOException(header.what() + ": expected " + length + " bytes according to its header, got "
                    + (npy.length > length ? "more" : npy.length));
        }
        ByteBuffer data = ByteBuffer.wrap(npy, header.length(), npy.length - header.length()).slice().order(header.order());
        IntToDoubleFunction element = header.isInteger() ? i -> data.getLong(8 * i) : switch (header.bytes()) {
            case 2 -> i -> half(data.getShort(2 * i));
            case 4 -> i -> data.getFloat(4 * i);
            default -> i -> data.getDouble(8 * i);
        };
        double[] values = new double[count];
        Arrays.setAll(values, i -> element.applyAsDouble(header.place(i)));
        return values;
    }

    /** A number of 16 bits: a sign, five bits of exponent, ten of fraction. */
    static double half(short bits) {
        int exponent = bits >> 10 & 0x1f;
        int fraction = bits & 0x3ff;
        double size = exponent == 0x1f ? fraction == 0 ? Double.POSITIVE_INFINITY : Double.NaN
                : exponent == 0 ? Math.scalb((double) fraction, -24) : Math.scalb((double) (fraction + 0x400), exponent - 25);
        return bits < 0 ? -size : size;
    }
}
