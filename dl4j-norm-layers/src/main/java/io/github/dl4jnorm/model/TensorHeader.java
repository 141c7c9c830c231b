// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import java.io.IOException;
import java.math.BigInteger;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/** What a file says about an array. */
interface TensorHeader {
    /** What to call the array in messages. */
    String what();

    /** The file format's name of the type. */
    String type();

    /** Sizes of the dimensions, however large. */
    List<BigInteger> shape();

    /** How many elements there are; whatever is too large for an array stays too large. */
    default long elements() {
        BigInteger product = shape().stream().reduce(BigInteger.ONE, BigInteger::multiply);
        return product.bitLength() < Integer.SIZE ? product.longValue() : Long.MAX_VALUE;
    }

    /** Says what is expected, and what there is, where that is something else. */
    default void require(boolean condition, String expected) throws IOException {
        if (!condition) {
            throw new IOException(what() + ": expected " + expected + ", got " + type() + " of shape " + tuple(shape()));
        }
    }

    /** Of a vector the number of elements has to be right alone: NumPy and PyTorch add dimensions of size 1 to it. */
    default void requireShape(long... expected) throws IOException {
        if (expected.length == 1) {
            require(elements() == expected[0], expected[0] + " elements");
        } else {
            List<BigInteger> sizes = Arrays.stream(expected).mapToObj(BigInteger::valueOf).toList();
            require(shape().equals(sizes), "shape " + tuple(sizes));
        }
    }

    /** Sizes as Python writes a tuple. */
    static String tuple(List<?> sizes) {
        return sizes.stream().map(Object::toString).collect(Collectors.joining(", ", "(", sizes.size() == 1 ? ",)" : ")"));
    }

    /** A part of a file, fit to be shown in a message. */
    static String shortened(String text) {
        String line = text.strip().replaceAll("\\p{Cntrl}", "?");
        return line.length() <= 200 ? line : line.substring(0, 200) + "…";
    }
}
