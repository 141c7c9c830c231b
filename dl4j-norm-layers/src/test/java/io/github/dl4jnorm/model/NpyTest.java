// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.factory.Nd4j;

/** Headers as NumPy itself reads them, and the elements behind them. What NumPy 2.4 says to each was found by asking it. */
@Tag("once")
class NpyTest {
    private static final double[] NUMBERS = {1.5, -2, 0.25, 1024};

    static byte[] file(int version, String header, byte[] elements) {
        Charset charset = version == 3 ? StandardCharsets.UTF_8 : StandardCharsets.ISO_8859_1;
        byte[] text = header.getBytes(charset);
        ByteBuffer file = ByteBuffer.allocate(12 + text.length + elements.length).order(ByteOrder.LITTLE_ENDIAN);
        file.put(new byte[]{(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', (byte) version, 0});
        if (version == 1) {
            file.putShort((short) text.length);
        } else {
            file.putInt(text.length);
        }
        file.put(text).put(elements);
        return Arrays.copyOf(file.array(), file.position());
    }

    private static byte[] floats(double... values) {
        ByteBuffer buffer = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        Arrays.stream(values).forEach(value -> buffer.putFloat((float) value));
        return buffer.array();
    }

    private static double[] read(int version, String header) throws IOException {
        return Npy.values(file(version, header, floats(NUMBERS)), "w", 4);
    }

    static Stream<String> legalHeaders() {
        String d = "'descr': '<f4', 'fortran_order': False, ";
        return Stream.of("{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }          \n",
                "{'shape': (4,), 'descr': '<f4', 'fortran_order': False}", "{'descr':'<f4','fortran_order':False,'shape':(4,)}",
                "{'descr' : '<f4' , 'fortran_order' : False , 'shape' : ( 4 , ) , } ", "   {" + d + "'shape': (4,)}",
                "\n{" + d + "'shape': (4,)}", "# by hand\n{" + d + "'shape': (4,)}\n\n# end",
                "{" + d + "'shape': (4,)}\\\n \n  \n", "\f{" + d + "'shape': (4,)}",
                "{\"descr\": \"<f4\", \"fortran_order\": False, \"shape\": (4,)}", "{'descr': '''<f4''', 'fortran_order': False, "
                        + "\"\"\"shape\"\"\": (4,)}", "{" + d + "u'shape': (4,)}", "{" + d + "r'shape': (4,)}",
                "{" + d + "'sha' 'pe': (4,)}", "{" + d + "'\\x73h\\u0061\\160e': (4,)}", "{" + d + "'sh\\\nape': (4,)}",
                "{" + d + "'shape': (2, 2)}", "{" + d + "'shape': (1, 4, 1)}", "{" + d + "'shape': (2, 2,)}",
                "{" + d + "'shape': (0x4,)}", "{" + d + "'shape': (0b1_00,)}", "{" + d + "'shape': (0o4,)}",
                "{" + d + "'shape': (+4,)}", "{" + d + "'shape': ((4),)}", "{" + d + "'shape': ((4,))}",
                "({" + d + "'shape': (4,)})", "{" + d + "(('shape')): (4,)}", "{" + d + "'shape': (4\r,\r\n\t\f)}",
                "{" + d + "\\\n'shape': (4,)}", "{" + d + "#4\n'shape': (4,)}", "{'shape': (9,), " + d + "'shape': (4,)}",
                "{'descr': ('<f4'), 'fortran_order': (False), 'shape': (4,)}", "{'descr': 'f4', 'fortran_order': False, "
                        + "'shape': (4,)}", "{'descr': '|f4', 'fortran_order': False, 'shape': (4,)}",
                "{'descr': 'float32', 'fortran_order': False, 'shape': (4,)}",
                "{'descr': '<f', 'fortran_order': True, 'shape': (4,)}");
    }

    @ParameterizedTest
    @MethodSource("legalHeaders")
    void headersThatNumpyReadsAreRead(String header) throws IOException {
        for (int version = 1; version <= 3; version++) {
            assertThat(read(version, header)).containsExactly(NUMBERS);
        }
    }

    static Stream<String> illegalHeaders() {
        String d = "'descr': '<f4', 'fortran_order': False, ";
        return Stream.of("", "{}", "{" + d + "}", "{" + d + "'shape': (4,), 'extra': (1000000,)}", "{" + d + "'shape': (4,)",
                "{" + d + "'shape': (4,)}}", "{" + d + "'shape': (4,)} x", "{" + d + "'shape': (4,)};", "{" + d
                        + "'shape': (4,)},", "[" + d + "]", "{" + d + "'shape': (4)}", "{" + d + "'shape': [4]}",
                "{" + d + "'shape': 4}", "{" + d + "'shape': (4.0,)}", "{" + d + "'shape': ('4',)}", "{" + d
                        + "'shape': (-4,)}", "{" + d + "'shape': (--4,)}", "{" + d + "'shape': (04,)}", "{" + d
                        + "'shape': (4__0,)}", "{" + d + "'shape': (4_,)}", "{" + d + "'shape': (2+2,)}", "{" + d
                        + "'shape': (2*2,)}", "{" + d + "'shape': (True, 4)}", "{" + d + "'shape': (,)}", "{" + d
                        + "'shape': (4,,)}", "{" + d + "'shape': (4l,)}", "{" + d + "'shape': (4LL,)}", "{" + d
                        + "b'shape': (4,)}", "{" + d + "f'shape': (4,)}", "{" + d + "'shape: (4,)}", "{" + d
                        + "'sh\nape': (4,)}", "{" + d + "**{'shape': (4,)}}", "{" + d + "'shape' (4,)}", "{" + d
                        + "'shape'; (4,)}", "{" + d + ", 'shape': (4,)}", "{'descr': '<f4', 'fortran_order': 0, 'shape': (4,)}",
                "{'descr': '<f4', 'fortran_order': None, 'shape': (4,)}", "{'descr': '<f4', 'fortran_order': 'False', "
                        + "'shape': (4,)}", "{'descr': '<f4', 'fortran_order': false, 'shape': (4,)}",
                "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (4,)}",
                "{'descr': b'<f4', 'fortran_order': False, 'shape': (4,)}", "{" + d + "\u00a0'shape': (4,)}",
                "{" + d + "'shape': (4,)}\0", "{" + d + "'shape': (4,)}\n   ",
                "{" + d + "'shape': (4,)}\\\n", "\n  {" + d + "'shape': (4,)}", "{" + d + "'shape': " + "(".repeat(300) + "4,"
                        + ")".repeat(300) + "}", "{" + "#\n".repeat(4900), "{'descr': '|O', 'fortran_order': False, "
                        + "'shape': (4,)}", "{'descr': '<f4 ', 'fortran_order': False, 'shape': (4,)}",
                "{'descr': '<float32', 'fortran_order': False, 'shape': (4,)}",
                "{'descr': 'F4', 'fortran_order': False, 'shape': (4,)}", "{" + d + "'shape': (4,), }" + " ".repeat(10_000));
    }

    @ParameterizedTest
    @MethodSource("illegalHeaders")
    void whatNumpyRefusesIsRefused(String header) {
        for (int version = 1; version <= 3; version++) {
            int tried = version;
            assertThatThrownBy(() -> read(tried, header)).isInstanceOf(IOException.class).hasMessageStartingWith("w: ");
        }
    }

    /** Written by Python 2 on Windows; version 3 is younger. */
    @Test
    void longIntegersOfPython2AreReadInVersionsOfItsTime() throws IOException {
        for (String shape : new String[]{"(4L,)", "(2L, 2 L)"}) {
            String header = "{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + "}";
            assertThat(read(1, header)).containsExactly(NUMBERS);
            assertThat(read(2, header)).containsExactly(NUMBERS);
            assertThatThrownBy(() -> read(3, header)).isInstanceOf(IOException.class);
        }
    }

    /** Where a header ends is what its length says, newline or not: what is behind it is the first element. */
    @Test
    void elementsBeginWhereTheLengthOfTheHeaderSays() throws IOException {
        String header = "{'descr': '<f4', 'fortran_order': False, 'shape': (4,)}";
        for (int padding = 0; padding < 70; padding++) {
            assertThat(read(1, header + " ".repeat(padding))).containsExactly(NUMBERS);
        }
        byte[] whole = file(1, header, floats(NUMBERS));
        for (int length = 0; length < whole.length; length++) {
            byte[] cut = Arrays.copyOf(whole, length);
            assertThatThrownBy(() -> Npy.values(cut, "w", 4)).isInstanceOf(IOException.class);
        }
        assertThatThrownBy(() -> Npy.values(Arrays.copyOf(whole, whole.length + 1), "w", 4)).isInstanceOf(IOException.class)
                .hasMessageContaining("got more");
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 4, 5, 127, 255})
    void otherVersionsAreRefused(int version) {
        byte[] bytes = file(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (4,)}", floats(NUMBERS));
        bytes[6] = (byte) version;
        assertThatThrownBy(() -> Npy.values(bytes, "w", 4)).isInstanceOf(IOException.class)
                .hasMessage("w: expected a .npy file of version 1 to 3, got another format");
        bytes[6] = 1;
        bytes[7] = 1;
        assertThatThrownBy(() -> Npy.values(bytes, "w", 4)).isInstanceOf(IOException.class);
    }

    @ParameterizedTest
    @CsvSource({"<f2", ">f2", "<e", "<f4", ">f4", ">f", "<f8", ">f8", ">d", "float16", "half", "single", "double", "float"})
    void everyTypeOfRealNumbersIsDecoded(String type) throws IOException {
        ByteOrder order = type.startsWith(">") ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN;
        int width = type.matches(".*(2|e|16|half)") && !type.equals("single") && !type.equals("double") ? 2
                : type.matches(".*(8|d|double|float)") ? 8 : 4;
        ByteBuffer buffer = ByteBuffer.allocate(width * NUMBERS.length).order(order);
        short[] halves = {0x3e00, (short) 0xc000, 0x3400, 0x6400};
        for (int i = 0; i < NUMBERS.length; i++) {
            if (width == 2) {
                buffer.putShort(halves[i]);
            } else if (width == 4) {
                buffer.putFloat((float) NUMBERS[i]);
            } else {
                buffer.putDouble(NUMBERS[i]);
            }
        }
        String header = "{'descr': '" + type + "', 'fortran_order': False, 'shape': (4,)}";
        assertThat(Npy.values(file(1, header, buffer.array()), "w", 4)).containsExactly(NUMBERS);
    }

    /** Rising from 0 to the largest one, and each a number that rounding to HALF leaves as it is: so all of them are right. */
    @Test
    void everyHalfIsDecoded() throws IOException {
        int count = 1 << 16;
        ByteBuffer buffer = ByteBuffer.allocate(2 * count).order(ByteOrder.LITTLE_ENDIAN);
        IntStream.range(0, count).forEach(bits -> buffer.putShort((short) bits));
        byte[] file = file(1, "{'descr': '<f2', 'fortran_order': False, 'shape': (65536,)}", buffer.array());
        double[] found = Npy.values(file, "w", count);
        double[] finite = Arrays.copyOf(found, 0x7c00);
        assertThat(finite[0]).isZero();
        assertThat(finite[finite.length - 1]).isEqualTo(65504);
        assertThat(Nd4j.createFromArray(finite).castTo(DataType.HALF).castTo(DataType.DOUBLE).toDoubleVector())
                .containsExactly(finite);
        for (int bits = 1; bits < finite.length; bits++) {
            assertThat(finite[bits]).isGreaterThan(finite[bits - 1]);
            assertThat(found[bits + 0x8000]).isEqualTo(-finite[bits]);
        }
        assertThat(found[0x7c00]).isEqualTo(Double.POSITIVE_INFINITY);
        assertThat(found[0xfc00]).isEqualTo(Double.NEGATIVE_INFINITY);
        assertThat(Arrays.copyOfRange(found, 0x7c01, 0x8000)).containsOnly(Double.NaN);
    }

    @Test
    void fortranOrderIsDecodedToCOrder() throws IOException {
        // numpy.asfortranarray(numpy.arange(24).reshape(2, 3, 4)), saved.
        double[] memory = new double[24];
        for (int i = 0; i < 24; i++) {
            memory[i / 12 + 2 * (i / 4 % 3) + 6 * (i % 4)] = i;
        }
        byte[] file = file(1, "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3, 4)}", floats(memory));
        assertThat(Npy.values(file, "w", 24)).containsExactly(IntStream.range(0, 24).asDoubleStream().toArray());
    }

    @Test
    void whatIsWrittenIsWhatNumpyWrites() throws IOException {
        byte[] file = Npy.bytes(Nd4j.createFromArray(1f, 2f, 3f));
        assertThat(new String(file, 10, 118, StandardCharsets.ISO_8859_1))
                .isEqualTo("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }" + " ".repeat(60) + "\n");
        assertThat(file).hasSize(128 + 12);
        assertThat(Npy.values(file, "w", 3)).containsExactly(1, 2, 3);
        assertThat(Nd4j.createNpyFromByteArray(file).toFloatVector()).containsExactly(1, 2, 3);
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        for (byte[] other : new byte[][]{Npy.bytes(Nd4j.createFromArray(0.1, 1e300)), Npy.bytes(Nd4j.scalar(7L)),
            Npy.bytes(Nd4j.createFromArray(1L << 53, -3L))}) {
            assertThat(other.length % 8).isZero();
            all.write(other);
        }
        assertThat(Npy.integers(Npy.bytes(Nd4j.scalar(7L)), 4, "w")).containsExactly(7);
        assertThat(Npy.integers(Npy.bytes(Nd4j.createFromArray(1L << 53, -3L)), 2, "w")).containsExactly(1L << 53, -3);
        assertThatThrownBy(() -> Npy.integers(Npy.bytes(Nd4j.scalar(Long.MAX_VALUE)), 1, "w"))
                .hasMessageContaining("expected a batch count up to 2^53");
    }
}
