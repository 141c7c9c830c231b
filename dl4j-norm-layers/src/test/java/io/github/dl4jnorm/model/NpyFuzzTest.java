// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Headers with something wrong, by the hundred thousand: each is read by NumPy's rules or refused, and nothing else happens. */
@Tag("once")
@Tag("long")
class NpyFuzzTest {
    /** What a wrong header is made of. */
    private static final List<String> PIECES = List.of("'", "\"", "'''", "(", ")", "{", "}", "[", "]", ",", ":", " ", "\n",
            "\t", "\f", "\r\n", "#", "\\", "\\\n", "\0", "\u00e4", "L", " L", "l", "_", "0", "1", "2", "4", "0x4", "0b100", "04",
            "-", "+", "1e9", "True", "False", "None", "u", "r", "b", "f", "descr", "shape", "fortran_order", "'shape': (2, 2), ",
            "'extra': (9999999,), ", "<f4", ">f4", "<f8", "<f2", "|O", "<i8", "float32", "(4,)", "()", "(1, 4)", "(2, 2,)",
            "99999999999999999999", "\\x73", "\\163", "\\u0073", "\\N{LATIN SMALL LETTER S}", ";", "**", "*", "=");

    /** What is wrong in some places only. */
    private static final List<String> BETWEEN = List.of(" ", "\n", "\t", "\f", "\r", "\\\n", "#(\n", " L", "''", "\"\"",
            ",", "_");

    /** Legal headers of arrays of four elements of 4 bytes. */
    private static final List<String> SEEDS = NpyTest.legalHeaders().toList();

    static String mutated(Random random) {
        StringBuilder header = new StringBuilder(SEEDS.get(random.nextInt(SEEDS.size())));
        for (int i = random.nextInt(5); i > 0 && header.length() > 0; i--) {
            int at = random.nextInt(header.length());
            int to = Math.min(header.length(), at + 1 + random.nextInt(8));
            String piece = PIECES.get(random.nextInt(PIECES.size()));
            switch (random.nextInt(10)) {
                case 0 -> header.delete(at, at + 1);
                case 1 -> header.delete(at, to);
                case 2 -> header.insert(at, piece);
                case 3 -> header.replace(at, at + 1, piece);
                case 4 -> header.insert(random.nextInt(header.length()), header.substring(at, to));
                case 5, 6, 7, 8 -> {
                    boolean between = "{}(),: ".indexOf(header.charAt(at)) >= 0;
                    header.insert(between ? at + random.nextInt(2) : at, BETWEEN.get(random.nextInt(BETWEEN.size())));
                }
                default -> header.setCharAt(at, (char) random.nextInt(random.nextBoolean() ? 128 : 256));
            }
        }
        return header.toString();
    }

    @Test
    void wrongHeadersAreRefusedAndNothingElseHappens() {
        assertThat(fuzz(30_000, 1)).as("some are still right").isGreaterThan(1000);
    }

    @Test
    @Tag("slow")
    void aMillionWrongHeadersAreRefusedAndNothingElseHappens() {
        assertThat(fuzz(1_000_000, 2)).as("some are still right").isGreaterThan(50_000);
    }

    /** How many were read. */
    private static int fuzz(int headers, long seed) {
        Random random = new Random(seed);
        int read = 0;
        for (int i = 0; i < headers; i++) {
            String header = mutated(random);
            int version = 1 + random.nextInt(3);
            byte[] elements = new byte[16];
            random.nextBytes(elements);
            byte[] file = NpyTest.file(version, header, elements);
            boolean damaged = random.nextInt(10) == 0;
            if (damaged) {
                file = damaged(file, random);
            }
            boolean accepted = accepts(file, header + " of version " + version + ", seed " + seed + ", number " + i);
            if (!damaged) {
                boolean right = NpyReference.accepts(header, version, 4) && width(header) == 4;
                assertThat(accepted).as("read, as by NumPy's rules: %s (version %d)", header, version).isEqualTo(right);
            }
            read += accepted ? 1 : 0;
        }
        return read;
    }

    /** Bytes of an element, of a header that is right. */
    private static int width(String header) {
        try {
            return NpyHeader.of(NpyTest.file(2, header, new byte[0]), "w").bytes();
        } catch (IOException e) {
            return 4;
        }
    }

    private static boolean accepts(byte[] file, String what) {
        try {
            double[] values = Npy.values(file, "w", 4);
            assertThat(values).as(what).hasSize(4);
            return true;
        } catch (IOException e) {
            assertThat(e).as(what).hasMessageStartingWith("w: ");
            return false;
        }
    }

    /** Another length, another byte before the text, or another length of the text. */
    private static byte[] damaged(byte[] file, Random random) {
        byte[] damaged = random.nextBoolean() ? file.clone() : Arrays.copyOf(file, random.nextInt(file.length + 20));
        for (int i = random.nextInt(3); i > 0 && damaged.length > 12; i--) {
            damaged[random.nextInt(12)] = (byte) (random.nextBoolean() ? random.nextInt(256) : random.nextInt(5));
        }
        return damaged;
    }

    @Test
    void theReferenceKnowsRightHeadersAndWrongOnes() {
        NpyTest.legalHeaders().forEach(header -> assertThat(NpyReference.accepts(header, 1, 4)).as(header).isTrue());
        NpyTest.illegalHeaders().filter(header -> !header.contains("((((((((("))
                .forEach(header -> assertThat(NpyReference.accepts(header, 1, 4)).as(header).isFalse());
    }
}
