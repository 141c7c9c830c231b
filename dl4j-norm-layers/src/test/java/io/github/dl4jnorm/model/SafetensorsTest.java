// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Files of safetensors are read, and what is not one is refused. */
@Tag("once")
class SafetensorsTest {
    /** Written by {@code networks.py} beside it. */
    private static final Path TYPES = Path.of("src/test/resources/pytorch/types.safetensors");
    private static final String A = "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}";
    private static final String B = "\"b\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[8,9]}";

    @TempDir
    private Path directory;

    static SafetensorsHeader header(Path file) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        int length = (int) bytes.getLong();
        return SafetensorsHeader.of(bytes.slice(8, length), bytes.capacity() - 8 - length, "w");
    }

    static byte[] file(byte[] header, int data) {
        return ByteBuffer.allocate(8 + header.length + data).order(ByteOrder.LITTLE_ENDIAN).putLong(header.length).put(header)
                .array();
    }

    private Path given(byte[] content) throws IOException {
        return Files.write(directory.resolve("given.safetensors"), content);
    }

    private Safetensors read(String header, int data) throws IOException {
        return new Safetensors(given(file(header.getBytes(StandardCharsets.UTF_8), data)));
    }

    @Test
    void typesAreReadAsTheyWereWritten() throws IOException {
        try (Safetensors file = new Safetensors(TYPES)) {
            double[] exact = {0, -1.5, 65504, 6e-8, 1 / 3.0};
            assertThat(file.values("float64", 5).toDoubleVector()).containsExactly(exact);
            assertThat(file.values("float32", 5).toDoubleVector())
                    .containsExactly(0, -1.5, 65504, (float) 6e-8, (float) (1 / 3.0));
            // Ten and seven bits of fraction; the smallest half is 2^-24.
            assertThat(file.values("float16", 5).toDoubleVector()).containsExactly(0, -1.5, 65504, 0x1p-24, 0x1.554p-2);
            assertThat(file.values("bfloat16", 5).toDoubleVector()).containsExactly(0, -1.5, 65536, 0x1.02p-24, 0x1.56p-2);
            for (String type : List.of("int8", "uint8", "int16", "int32", "int64")) {
                assertThat(file.integers(type, 3)).as(type).containsExactly(0, 1, 100);
            }
            assertThat(file.integers("uint", 3)).containsExactly(200, 65000, 1);
            assertThat(file.integers("scalar", 4)).containsExactly(5);
            assertThat(file.names()).hasSize(12).contains("none");
            assertThatThrownBy(() -> file.values("none", 4))
                    .hasMessageEndingWith("none: expected 4 elements, got F32 of shape (0, 3)");
            assertThatThrownBy(() -> file.values("int8", 3)).hasMessageContaining("expected F16, BF16, F32 or F64, got I8");
            assertThatThrownBy(() -> file.integers("float32", 5)).hasMessageContaining("expected integers, got F32");
        }
    }

    @Test
    void whatIsWrittenIsAligned() throws IOException {
        Map<String, INDArray> tensors = new LinkedHashMap<>();
        tensors.put("b\"\u00e4\n", Nd4j.createFromArray(1f, 2f, 3f));
        tensors.put("a", Nd4j.createFromArray(new double[][]{{1, 2}, {3, 4}}).transpose());
        tensors.put("n", Nd4j.scalar(7L));
        Path path = directory.resolve("net.safetensors");
        TensorSource.write(path, tensors);
        byte[] bytes = Files.readAllBytes(path);
        String text = new String(bytes, 8, (int) (bytes.length - 8 - 12 - 32 - 8), StandardCharsets.UTF_8);
        assertThat(text.stripTrailing()).isEqualTo("{\"__metadata__\":{\"format\":\"pt\"},"
                + "\"a\":{\"dtype\":\"F64\",\"shape\":[2,2],\"data_offsets\":[0,32]},"
                + "\"n\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[32,40]},"
                + "\"b\\\"\u00e4\\n\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[40,52]}}");
        assertThat(header(path).length() % 8).isZero();
        try (TensorSource file = TensorSource.of(path)) {
            assertThat(file.values("a", 2, 2)).isEqualTo(tensors.get("a").dup('c'));
            assertThat(file.values("b\"\u00e4\n", 3)).isEqualTo(tensors.get("b\"\u00e4\n"));
            assertThat(file.integers("n", 9)).containsExactly(7);
        }
        assertThatThrownBy(() -> TensorSource.of(Files.write(directory.resolve("model.pt"), bytes)))
                .hasMessageContaining("expected a .safetensors or .npz file or a directory of .npy files, got another file");
    }

    @Test
    void largeIntegers() throws IOException {
        byte[] content = file("{\"n\":{\"dtype\":\"U64\",\"shape\":[1],\"data_offsets\":[0,8]}}"
                .getBytes(StandardCharsets.UTF_8), 8);
        Arrays.fill(content, content.length - 8, content.length, (byte) -1);
        try (Safetensors file = new Safetensors(given(content))) {
            assertThatThrownBy(() -> file.integers("n", 1)).hasMessageContaining("n: expected a batch count up to 2^53, got 1.8");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"{" + A + "," + B + "}", "{" + B + "," + A + "} ", "{\"__metadata__\":{\"x\":\"1\",\"y\":\"\"}," + A
            + "," + B + "}\n\t ", "{" + A + "," + B + ",\"c\":{\"shape\":[7,0],\"data_offsets\":[8,8],\"dtype\":\"BOOL\"}}",
        "{" + A + "," + B + ",\"c\":{\"shape\":[18446744073709551615,0],\"data_offsets\":[9,9],\"dtype\":\"F8_E4M3\"}}"})
    void legalHeaders(String header) throws IOException {
        try (Safetensors file = read(header, 9)) {
            assertThat(file.names()).contains("a", "b");
            assertThat(file.values("a", 2).toFloatVector()).containsExactly(0, 0);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", " {" + A + "," + B + "}", "{" + A + "," + B, "[]", "{" + A + "," + B + "}x",
        "{" + A + "," + B + "}{}",
        "{" + A + "}", "{" + B + "}", "{}", "{" + A + "," + A + "," + B + "}", "{" + A + "," + B + ",\"__metadata__\":{\"x\":1}}",
        "{" + A + "," + B + ",\"__metadata__\":{\"x\":\"1\",\"x\":\"1\"}}", "{" + A + "," + B + ",\"__metadata__\":null}",
        "{" + A + "," + B + ",\"__metadata__\":{\"x\":{}}}", "{" + A + "," + B + ",\"c\":[]}", "{" + A + "," + B + ",\"c\":{}}",
        "{" + A + "," + B + ",\"c\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[7,8]}}",
        "{" + A + "," + B + ",\"c\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[4,4]}}",
        "{" + A + "," + B + ",\"c\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[9,10]}}",
        "{" + A + "," + B + ",\"\\ud800\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[9,9]}}"})
    void headersThatDoNotFitTheFile(String header) {
        assertThatThrownBy(() -> read(header, 9)).isInstanceOf(IOException.class)
                .hasMessageContaining("given.safetensors: ").hasMessageContaining("expected ");
    }

    @ParameterizedTest
    @ValueSource(strings = {"'dtype':'F32','shape':[3],'data_offsets':[0,8]", "'dtype':'F64','shape':[2],'data_offsets':[0,8]",
        "'dtype':'F33','shape':[2],'data_offsets':[0,8]", "'dtype':8,'shape':[2],'data_offsets':[0,8]",
        "'dtype':'F32','shape':[2.0],'data_offsets':[0,8]", "'dtype':'F32','shape':[-2],'data_offsets':[0,-8]",
        "'dtype':'F32','shape':['2'],'data_offsets':[0,8]", "'dtype':'F32','shape':2,'data_offsets':[0,8]",
        "'dtype':'F32','shape':[02],'data_offsets':[0,8]", "'dtype':'F32','shape':[2e0],'data_offsets':[0,8]",
        "'dtype':'F32','shape':[2],'data_offsets':[8,0]", "'dtype':'F32','shape':[2],'data_offsets':[0]",
        "'dtype':'F32','shape':[2],'data_offsets':[0,8,8]", "'dtype':'F32','shape':[2],'data_offsets':[0,8],'strides':[1]",
        "'dtype':'F32','shape':[2],'shape':[2],'data_offsets':[0,8]", "'shape':[2],'data_offsets':[0,8]",
        "'dtype':'F32','shape':[2]", "'dtype':'F32','shape':[4611686018427387906],'data_offsets':[0,8]",
        "'dtype':'F32','shape':[99999999999999999999999999999],'data_offsets':[0,8]",
        "'dtype':'F32','shape':[2],'data_offsets':[18446744073709551608,18446744073709551616]",
        "'dtype':'F32','shape':[9223372036854775807,2],'data_offsets':[0,73786976294838206456]"})
    void wrongTensors(String tensor) {
        assertThatThrownBy(() -> read("{\"a\":{" + tensor.replace('\'', '"') + "}}", 8)).isInstanceOf(IOException.class)
                .hasMessageContaining("given.safetensors: ").hasMessageContaining("expected ");
    }

    @Test
    void hostileFiles() throws IOException {
        byte[] whole = Files.readAllBytes(TYPES);
        for (int length = 0; length < whole.length; length += 1 + length / 64) {
            byte[] cut = Arrays.copyOf(whole, length);
            assertThatThrownBy(() -> new Safetensors(given(cut))).isInstanceOf(IOException.class);
        }
        assertThatThrownBy(() -> new Safetensors(given(Arrays.copyOf(whole, whole.length + 1)))).isInstanceOf(IOException.class)
                .hasMessageContaining("bytes of data according to the header, got ");
        for (long length : new long[]{-1, Long.MIN_VALUE, Long.MAX_VALUE, 1L << 40, whole.length}) {
            byte[] lying = ByteBuffer.wrap(whole.clone()).order(ByteOrder.LITTLE_ENDIAN).putLong(0, length).array();
            assertThatThrownBy(() -> new Safetensors(given(lying))).isInstanceOf(IOException.class)
                    .hasMessageContaining("got a header of " + Long.toUnsignedString(length) + " bytes in a file of "
                            + whole.length);
        }
        for (String deep : List.of("[", "{\"a\":", "{\"a\":{\"shape\":[", "{\"__metadata__\":{\"a\":[")) {
            assertThatThrownBy(() -> read(deep.repeat(1_000_000), 0)).isInstanceOf(IOException.class)
                    .hasMessageContaining("expected ");
        }
        assertThatThrownBy(() -> read("{\"a\":{\"shape\":[" + "1,".repeat(1_000_000) + "1]}}", 0))
                .isInstanceOf(IOException.class).hasMessageContaining("a: expected at most 64 integers");
        assertThatThrownBy(() -> read("{\"a\":{\"shape\":[" + "1".repeat(3_000_000) + "]}}", 0)).isInstanceOf(IOException.class);
        assertThatThrownBy(() -> new Safetensors(given(file(new byte[]{'{', '"', (byte) 0xc3, '"', '}'}, 0))))
                .isInstanceOf(IOException.class).hasMessageContaining("the header is not valid UTF-8");
        assertThatThrownBy(() -> new Safetensors(given(file(new byte[SafetensorsHeader.LONGEST + 1], 0))))
                .isInstanceOf(IOException.class).hasMessageContaining("at most 16777216 are read");
        assertThatThrownBy(() -> new Safetensors(directory)).isInstanceOf(IOException.class);
    }

    /** What is too large for an array is refused before there is one. */
    @Test
    void tensorsOfMoreThanTwoGibibytesAreNotRead() throws IOException {
        SafetensorsHeader.Tensor tensor = new SafetensorsHeader.Tensor("w", "F32", List.of(BigInteger.ONE.shiftLeft(40)), 0,
                1L << 42);
        assertThatThrownBy(() -> tensor.requireShape(1L << 40)).isInstanceOf(IOException.class)
                .hasMessage("w: expected 1099511627776 elements, got F32 of shape (1099511627776,)");
    }
}
