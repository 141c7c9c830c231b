// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.function.IntToDoubleFunction;
import org.nd4j.linalg.api.buffer.DataType;

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

    static byte[] bytes(double[] values, DataType type) {
        boolean wide = type == DataType.DOUBLE;
        ByteBuffer file = file(wide ? "<f8" : "<f4", "(" + values.length + ",)", values.length * (wide ? 8 : 4));
        for (double value : values) {
            if (wide) {
                file.putDouble(value);
            } else {
                file.putFloat((float) value);
            }
        }
        return file.array();
    }

    static byte[] bytes(long value) {
        return file("<i8", "()", 8).putLong(value).array();
    }

    static byte[] bytes(long[] values) {
        ByteBuffer file = file("<i8", "(" + values.length + ",)", values.length * 8);
        file.asLongBuffer().put(values);
        return file.array();
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
     * @param npy      content of a .npy file
     * @param expected how many elements there have to be
     * @param what     what to call it in messages
     * @throws IOException if it is another array, or none
     */
    static double[] values(byte[] npy, int expected, String what) throws IOException {
        NpyHeader header = NpyHeader.of(npy, what);
        header.require(header.isReal(), "float16, float32 or float64");
        header.require(header.elements() == expected, expected + " elements");
        return elements(header, npy, expected);
    }

    /** As {@link #values} of int64, one element or as many as expected. */
    static double[] integers(byte[] npy, int expected, String what) throws IOException {
        NpyHeader header = NpyHeader.of(npy, what);
        header.require(header.isInteger(), "int64");
        header.require(header.elements() == 1 || header.elements() == expected, expected + " elements");
        double[] values = elements(header, npy, (int) header.elements());
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
    private static double half(short bits) {
        int exponent = bits >> 10 & 0x1f;
        int fraction = bits & 0x3ff;
        double size = exponent == 0x1f ? fraction == 0 ? Double.POSITIVE_INFINITY : Double.NaN
                : exponent == 0 ? Math.scalb((double) fraction, -24) : Math.scalb((double) (fraction + 0x400), exponent - 25);
        return bits < 0 ? -size : size;
    }
}
