// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Arrays in NumPy's .npy format. ND4J reads and writes them; what it would take on trust, that the file is as long as its
 * header says, is checked here first.
 */
final class Npy {
    /** Longest header that is read; NumPy's own limit, too. */
    static final int MAX_HEADER = 10_000;

    private static final Map<String, Integer> REALS = Map.of("<f4", 4, "<f8", 8);
    private static final Map<String, Integer> INTEGERS = Map.of("<i8", 8);
    private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};
    private static final Pattern TYPE = Pattern.compile("'descr'\\s*:\\s*'([^']*)'");
    private static final Pattern FORTRAN = Pattern.compile("'fortran_order'\\s*:\\s*True");
    private static final Pattern SHAPE = Pattern.compile("'shape'\\s*:\\s*\\(([\\d, ]*)\\)");

    private Npy() {
    }

    static byte[] bytes(double[] values, DataType type) {
        return Nd4j.toNpyByteArray(Nd4j.createFromArray(values).castTo(type == DataType.DOUBLE ? type : DataType.FLOAT));
    }

    static byte[] bytes(long value) {
        return Nd4j.toNpyByteArray(Nd4j.createFromArray(value));
    }

    /**
     * The elements of an array in c order.
     *
     * @param npy      content of a .npy file
     * @param expected how many elements there have to be
     * @param what     what to call it in messages
     * @throws IOException if it is another array, or none
     */
    static double[] values(byte[] npy, int expected, String what) throws IOException {
        return values(npy, expected, REALS, "float32 or float64, little-endian (<f4, <f8)", what);
    }

    /** As {@link #values(byte[], int, String)} of a single integer. */
    static double[] integer(byte[] npy, String what) throws IOException {
        return values(npy, 1, INTEGERS, "int64, little-endian (<i8)", what);
    }

    private static double[] values(byte[] npy, int expected, Map<String, Integer> types, String names, String what)
            throws IOException {
        String header = header(npy, what);
        String type = group(TYPE, header, what);
        if (!types.containsKey(type)) {
            throw new IOException(what + ": expected " + names + ", got " + type);
        }
        String shape = group(SHAPE, header, what);
        long elements = elements(shape);
        if (elements != expected) {
            throw new IOException(what + ": expected " + expected + " elements, got shape (" + shape + ")");
        }
        boolean several = Arrays.stream(shape.split("[, ]+")).filter(dimension -> !dimension.equals("1")).count() > 1;
        if (several && FORTRAN.matcher(header).find()) {
            // ND4J would take the elements in the order of the file.
            throw new IOException(what + ": expected an array in C order, got Fortran order");
        }
        long length = start(npy) + header.length() + (long) expected * types.get(type);
        if (npy.length != length) {
            throw new IOException(what + ": expected " + length + " bytes, as its header says, got "
                    + (npy.length > length ? "more" : npy.length));
        }
        INDArray array = Nd4j.createNpyFromByteArray(npy);
        return BatchNormMap.doubles(array);
    }

    /** The product of a shape such as {@code 2, 3} or {@code 4,}; whatever is too large for an array stays too large. */
    private static long elements(String shape) {
        return Arrays.stream(shape.split("[, ]+")).filter(dimension -> !dimension.isEmpty())
                .mapToLong(dimension -> dimension.length() > 9 ? Integer.MAX_VALUE : Long.parseLong(dimension))
                .reduce(1, (product, dimension) -> Math.min(Integer.MAX_VALUE, product * dimension));
    }

    private static String header(byte[] npy, String what) throws IOException {
        boolean known = npy.length > 10 && Arrays.equals(npy, 0, MAGIC.length, MAGIC, 0, MAGIC.length)
                && npy[6] >= 1 && npy[6] <= 3;
        if (!known) {
            throw new IOException(what + ": expected a .npy file of version 1 to 3, got something else");
        }
        int length = (npy[8] & 0xff) | (npy[9] & 0xff) << 8;
        int start = start(npy);
        boolean long0 = npy[6] > 1 && npy.length > start && (npy[10] != 0 || npy[11] != 0);
        if (long0 || length > MAX_HEADER || start + length > npy.length) {
            throw new IOException(what + ": cut short, or its header is no header of an array");
        }
        return new String(npy, start, length, StandardCharsets.ISO_8859_1);
    }

    private static int start(byte[] npy) {
        return npy[6] == 1 ? 10 : 12;
    }

    private static String group(Pattern pattern, String header, String what) throws IOException {
        Matcher matcher = pattern.matcher(header);
        if (!matcher.find()) {
            throw new IOException(what + ": expected a plain array, got the header " + header.strip());
        }
        return matcher.group(1);
    }
}
