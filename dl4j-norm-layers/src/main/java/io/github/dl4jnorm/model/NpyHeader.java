// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What stands before the elements of a .npy file, by the rules of NumPy ({@code numpy.lib.format}): a magic string, a version,
 * the length of a text, and that text, a Python dictionary with exactly the keys {@code descr}, {@code fortran_order} and
 * {@code shape}. Where that text ends, the elements begin.
 *
 * @param what     what to call the array in messages
 * @param type     NumPy's name of the type
 * @param shape    sizes of the dimensions
 * @param fortran  whether the first dimension runs fastest
 * @param length   bytes before the first element
 */
record NpyHeader(String what, String type, List<BigInteger> shape, boolean fortran, int length)
        implements TensorHeader {
    static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};
    /** Bytes before the text in version 1. */
    static final int START = 10;
    /** Longest text; NumPy's own limit, too. */
    static final int LONGEST_TEXT = 10_000;
    /** The most bytes before the first element: there are characters of four bytes. */
    static final int LARGEST = START + 2 + 4 * LONGEST_TEXT;

    private static final Set<String> KEYS = Set.of("descr", "fortran_order", "shape");
    private static final Pattern CODE = Pattern.compile("([<>=|]?)(f2|e|f4|f|f8|d|i8|q)");
    private static final Map<String, String> NAMES = Map.of("float16", "f2", "half", "f2", "float32", "f4", "single", "f4",
            "float64", "f8", "double", "f8", "float", "f8", "int64", "i8", "longlong", "i8");
    private static final Map<String, String> LETTERS = Map.of("e", "f2", "f", "f4", "d", "f8", "q", "i8");

    /**
     * Reads a header.
     *
     * @param npy  content of a .npy file
     * @param what what to call the array in messages
     * @throws IOException if NumPy would not read it either, or it is that of an array of other objects than numbers
     */
    static NpyHeader of(byte[] npy, String what) throws IOException {
        boolean known = npy.length > START && Arrays.equals(npy, 0, MAGIC.length, MAGIC, 0, MAGIC.length)
                && npy[6] >= 1 && npy[6] <= 3 && npy[7] == 0;
        if (!known) {
            throw new IOException(what + ": expected a .npy file of version 1 to 3, got another format");
        }
        int start = npy[6] == 1 ? START : START + 2;
        ByteBuffer buffer = ByteBuffer.wrap(npy).order(ByteOrder.LITTLE_ENDIAN);
        long length = npy[6] == 1 ? buffer.getShort(8) & 0xffff : npy.length < start ? Integer.MAX_VALUE
                : buffer.getInt(8) & 0xffffffffL;
        if (start + length > npy.length) {
            throw new IOException(what + ": the file is truncated or its header is invalid");
        }
        String text = text(buffer.position(start).limit(start + (int) length),
                npy[6] == 3 ? StandardCharsets.UTF_8 : StandardCharsets.ISO_8859_1, what);
        try {
            return of(PythonLiteral.read(text, npy[6] < 3), start + (int) length, what);
        } catch (IllegalArgumentException e) {
            throw new IOException(what + ": expected a plain array of numbers, got the header " + TensorHeader.shortened(text)
                    + " (" + e.getMessage() + ")", e);
        }
    }

    private static String text(ByteBuffer bytes, Charset charset, String what) throws IOException {
        try {
            String text = charset.newDecoder().decode(bytes).toString();
            if (text.codePointCount(0, text.length()) <= LONGEST_TEXT) {
                return text;
            }
        } catch (CharacterCodingException e) {
            throw new IOException(what + ": the header is not valid " + charset, e);
        }
        throw new IOException(what + ": expected a header of at most " + LONGEST_TEXT + " characters, got more");
    }

    private static NpyHeader of(Object literal, int length, String what) {
        if (!(literal instanceof Map<?, ?> entries) || !entries.keySet().equals(KEYS)) {
            throw new IllegalArgumentException("expected the keys " + KEYS.stream().sorted().toList());
        }
        if (!(entries.get("descr") instanceof String type)) {
            throw new IllegalArgumentException("expected a plain type for descr");
        }
        if (!(entries.get("fortran_order") instanceof Boolean fortran)) {
            throw new IllegalArgumentException("expected True or False for fortran_order");
        }
        if (!(entries.get("shape") instanceof List<?> sizes)
                || !sizes.stream().allMatch(size -> size instanceof BigInteger number && number.signum() >= 0)) {
            throw new IllegalArgumentException("expected a tuple of sizes for shape");
        }
        return new NpyHeader(what, type, sizes.stream().map(BigInteger.class::cast).toList(), fortran, length);
    }

    /** Kind and bytes of an element, such as f4; null if it is no number that is read. */
    private String code() {
        Matcher code = CODE.matcher(type);
        if (code.matches()) {
            return LETTERS.getOrDefault(code.group(2), code.group(2));
        }
        return NAMES.get(type);
    }

    boolean isReal() {
        return code() != null && code().charAt(0) == 'f';
    }

    boolean isInteger() {
        return code() != null && code().charAt(0) == 'i';
    }

    /** Bytes of an element. */
    int bytes() {
        return code().charAt(1) - '0';
    }

    ByteOrder order() {
        return type.startsWith("<") ? ByteOrder.LITTLE_ENDIAN : type.startsWith(">") ? ByteOrder.BIG_ENDIAN
                : ByteOrder.nativeOrder();
    }

    /** Where in the file the element is that has a place in C order. */
    int place(int index) {
        if (!fortran) {
            return index;
        }
        int rest = index;
        int before = (int) elements();
        int place = 0;
        for (int dimension = shape.size() - 1; dimension >= 0; dimension--) {
            int size = shape.get(dimension).intValue();
            before /= size;
            place += rest % size * before;
            rest /= size;
        }
        return place;
    }
}
