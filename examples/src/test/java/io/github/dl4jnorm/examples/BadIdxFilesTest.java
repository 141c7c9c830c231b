// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A damaged or hostile IDX file ends the program with one line that names file and field. */
class BadIdxFilesTest {
    private static final int COUNT = 8;
    private static final int IMAGES = 0x803;
    private static final int LABELS = 0x801;

    private final StringWriter errors = new StringWriter();

    @TempDir
    private Path directory;

    private static byte[] images(int... header) {
        return ByteBuffer.allocate(16 + COUNT * 4 * 5).putInt(header[0]).putInt(header[1]).putInt(header[2]).putInt(header[3])
                .array();
    }

    private static byte[] labels(int... header) {
        byte[] bytes = ByteBuffer.allocate(8 + COUNT).putInt(header[0]).putInt(header[1]).array();
        for (int i = 0; i < COUNT; i++) {
            bytes[8 + i] = (byte) (i % 2);
        }
        return bytes;
    }

    private static byte[] gzip(byte[] bytes) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (GZIPOutputStream gzip = new GZIPOutputStream(out)) {
            gzip.write(bytes);
        }
        return out.toByteArray();
    }

    /** Trains on files of part t10k; a name that ends with .gz is compressed first. */
    private String refusal(byte[] images, byte[] labels, boolean gzip) throws IOException {
        String ending = gzip ? ".gz" : "";
        Files.write(directory.resolve("t10k-images-idx3-ubyte" + ending), gzip ? gzip(images) : images);
        Files.write(directory.resolve("t10k-labels-idx1-ubyte" + ending), gzip ? gzip(labels) : labels);
        return run();
    }

    private String run() {
        int exit = Main.execute(new PrintWriter(errors, true), "train", "--data", directory.toString(), "--epochs", "1",
                "--batch", "2", "--channels", "2");
        assertThat(exit).as("%s", errors).isEqualTo(1);
        assertThat(errors.toString().lines()).hasSize(1).allSatisfy(line -> assertThat(line).startsWith("error: "));
        return errors.toString();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "803|7fffffff|4|5|801|7fffffff|images|memory",
        "803|7fffffff|7fffffff|7fffffff|801|7fffffff|images|memory",
        "803|8|7fffffff|1|801|8|images|memory",
        "803|8|fffffffd|5|801|8|images|expected height >= 1, got -3",
        "803|8|4|fffffffd|801|8|images|expected width >= 1, got -3",
        "803|8|0|0|801|8|images|expected height >= 1, got 0",
        "803|8|4|0|801|8|images|expected width >= 1, got 0",
        "803|0|4|5|801|0|images|expected number of images >= 1, got 0",
        "803|80000000|4|5|801|8|images|expected number of images >= 1, got -2147483648",
        "803|8|4|5|801|ffffffff|labels|expected number of labels >= 1, got -1",
        "803|8|4|5|801|9|images|has 8 images but",
        "801|8|4|5|801|8|images|expected an IDX file with magic number 0x803, got 0x801",
        "803|8|4|5|803|8|labels|expected an IDX file with magic number 0x801, got 0x803",
        "803|9|4|5|801|9|images|truncated",
        "803|7|4|5|801|7|images|expected",
    })
    void aHeaderThatCannotBeIsOneLine(String magic, String count, String height, String width, String labelMagic,
                                      String labelCount, String file, String message) throws IOException {
        for (boolean gzip : new boolean[]{false, true}) {
            errors.getBuffer().setLength(0);
            for (Path old : Files.list(directory).toList()) {
                Files.delete(old);
            }
            String line = refusal(images(hex(magic), hex(count), hex(height), hex(width)),
                    labels(hex(labelMagic), hex(labelCount)), gzip);
            assertThat(line).contains("t10k-" + file).contains(message);
        }
    }

    private static int hex(String number) {
        return Integer.parseUnsignedInt(number, 16);
    }

    @ParameterizedTest
    @CsvSource({"false", "true"})
    void aLabelOutOfRangeIsNamed(boolean gzip) throws IOException {
        byte[] labels = labels(LABELS, COUNT);
        labels[8 + 2] = (byte) 200;
        assertThat(refusal(images(IMAGES, COUNT, 4, 5), labels, gzip))
                .contains("t10k-labels", "labels 0 to 9, got 200 as label 3");
    }

    @ParameterizedTest
    @CsvSource({"false,3", "false,14", "false,100", "true,3", "true,14", "true,100"})
    void imagesCutShortAreNamed(boolean gzip, int length) throws IOException {
        assertThat(refusal(Arrays.copyOf(images(IMAGES, COUNT, 4, 5), length), labels(LABELS, COUNT), gzip))
                .contains("t10k-images", "truncated");
    }

    @ParameterizedTest
    @CsvSource({"false,3", "false,7", "false,10", "true,3", "true,7", "true,10"})
    void labelsCutShortAreNamed(boolean gzip, int length) throws IOException {
        assertThat(refusal(images(IMAGES, COUNT, 4, 5), Arrays.copyOf(labels(LABELS, COUNT), length), gzip))
                .contains("t10k-labels", "truncated");
    }

    /** The check sum stands behind all data: who stops reading there never sees it. */
    @ParameterizedTest
    @CsvSource({"images,8", "images,4", "labels,8", "labels,4"})
    void aWrongCheckSumIsNamed(String part, int fromEnd) throws IOException {
        byte[] images = gzip(images(IMAGES, COUNT, 4, 5));
        byte[] labels = gzip(labels(LABELS, COUNT));
        byte[] damaged = part.equals("images") ? images : labels;
        damaged[damaged.length - fromEnd] ^= 1;
        Files.write(directory.resolve("t10k-images-idx3-ubyte.gz"), images);
        Files.write(directory.resolve("t10k-labels-idx1-ubyte.gz"), labels);
        assertThat(run()).contains("t10k-" + part, "is corrupt");
    }

    @Test
    void aDamagedStreamIsNamed() throws IOException {
        byte[] images = gzip(images(IMAGES, COUNT, 4, 5));
        Arrays.fill(images, 12, images.length - 8, (byte) 0xff);
        Files.write(directory.resolve("t10k-images-idx3-ubyte.gz"), images);
        Files.write(directory.resolve("t10k-labels-idx1-ubyte.gz"), gzip(labels(LABELS, COUNT)));
        assertThat(run()).contains("t10k-images");
    }

    @Test
    void imagesOfTwoSizesAreNamed() throws IOException {
        for (String part : new String[]{"train", "t10k"}) {
            boolean train = part.equals("train");
            Files.write(directory.resolve(part + "-images-idx3-ubyte"), images(IMAGES, COUNT, train ? 4 : 5, train ? 5 : 4));
            Files.write(directory.resolve(part + "-labels-idx1-ubyte"), labels(LABELS, COUNT));
        }
        assertThat(run()).contains("got 4x5 in train and 5x4 in t10k");
    }
}
