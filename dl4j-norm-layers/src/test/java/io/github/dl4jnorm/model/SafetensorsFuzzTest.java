// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Headers with something wrong: each is that of a file without holes or refused, and nothing else happens. */
@Tag("once")
class SafetensorsFuzzTest {
    private static final int DATA = 24;

    private static final String SEED = "{\"__metadata__\":{\"format\":\"pt\"},\"n\":{\"dtype\":\"I64\",\"shape\":[],"
            + "\"data_offsets\":[0,8]},\"a\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[8,16]},"
            + "\"b\":{\"dtype\":\"F16\",\"shape\":[4],\"data_offsets\":[16,24]}}  ";

    /** What a wrong header is made of. */
    private static final List<String> PIECES = List.of("{", "}", "[", "]", ",", ":", "\"", " ", "\n", "\0", "\\", "\\u0061",
            "\\ud800", "\u00e4", "0", "1", "2", "4", "8", "16", "24", "-", "-8", "1e1", "1.0", "18446744073709551615",
            "99999999999999999999999", "null", "true", "F32", "F64", "BF16", "U8", "C64", "dtype", "shape", "data_offsets",
            "__metadata__", "\"a\"", "\"c\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[8,8]},", "\"x\":\"y\",", "{}",
            "[[[[", "\"shape\":[2,1],", "[0,8]", "[8,16]", "[16,24]");

    private static byte[] mutated(Random random) {
        StringBuilder header = new StringBuilder(SEED);
        for (int i = random.nextInt(4); i > 0; i--) {
            int at = random.nextInt(header.length());
            int to = Math.min(header.length(), at + 1 + random.nextInt(8));
            String piece = PIECES.get(random.nextInt(PIECES.size()));
            switch (random.nextInt(6)) {
                case 0 -> header.delete(at, to);
                case 1 -> header.insert(at, piece);
                case 2 -> header.replace(at, to, piece);
                case 3 -> header.insert(random.nextInt(header.length()), header.substring(at, to));
                case 4 -> {
                    int quote = header.indexOf("\"", at);
                    header.insert(Math.max(quote, 0), piece);
                }
                default -> header.setCharAt(at, (char) random.nextInt(128));
            }
        }
        byte[] bytes = header.toString().getBytes(StandardCharsets.UTF_8);
        if (random.nextInt(10) == 0) {
            bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
        }
        return bytes;
    }

    @Test
    void someThousandHeaders() {
        assertRefusedOrRight(5_000, 1);
    }

    @Test
    @Tag("full")
    void aMillionHeaders() {
        assertRefusedOrRight(1_000_000, 2);
    }

    private static void assertRefusedOrRight(int headers, long seed) {
        Random random = new Random(seed);
        int read = 0;
        for (int i = 0; i < headers; i++) {
            byte[] header = mutated(random);
            String what = "seed " + seed + ", number " + i + ": " + new String(header, StandardCharsets.UTF_8);
            try {
                SafetensorsHeader found = SafetensorsHeader.of(ByteBuffer.wrap(header), DATA, "w");
                assertThat(found.length()).isEqualTo(header.length);
                assertWithoutHoles(found, what);
                read++;
            } catch (IOException e) {
                assertThat(e).as(what).hasMessageStartingWith("w: ").hasMessageNotContaining("\0");
            }
        }
        assertThat(read).as("some are still right").isGreaterThan(headers / 5);
    }

    /** Bytes of an element by the last digits of the type's name, in bits; a Boolean has eight. */
    private static int width(String type) {
        String digits = type.replaceAll("_.*|\\D", "");
        return digits.isEmpty() ? 1 : Integer.parseInt(digits) / 8;
    }

    private static void assertWithoutHoles(SafetensorsHeader header, String what) {
        long end = 0;
        List<SafetensorsHeader.Tensor> tensors = header.tensors().values().stream()
                .sorted(Comparator.comparingLong(SafetensorsHeader.Tensor::end)
                        .thenComparingLong(SafetensorsHeader.Tensor::begin)).toList();
        for (SafetensorsHeader.Tensor tensor : tensors) {
            BigInteger elements = tensor.shape().stream().reduce(BigInteger.ONE, BigInteger::multiply);
            assertThat(elements.multiply(BigInteger.valueOf(width(tensor.type())))).as(what)
                    .isEqualTo(BigInteger.valueOf(tensor.end() - tensor.begin()));
            assertThat(tensor.begin()).as(what).isLessThanOrEqualTo(end);
            if (tensor.end() > tensor.begin()) {
                assertThat(tensor.begin()).as(what).isEqualTo(end);
            }
            end = tensor.end();
        }
        assertThat(end).as(what).isEqualTo(DATA);
    }
}
