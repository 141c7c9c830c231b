// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.dataset.DataSet;

class IdxFilesTest {
    @TempDir
    private Path directory;

    private final DataSet digits = GeneratedDigits.create(20, 3);

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void whatWasWrittenIsRead(boolean gzip) throws IOException {
        IdxWriter.write(digits, directory, "train", gzip);
        DataSet read = IdxFiles.read(directory, "train");
        assertThat(read.getFeatures().shape()).containsExactly(20, 1, 28, 28);
        assertThat(read.getFeatures().sub(digits.getFeatures()).amaxNumber().doubleValue()).isLessThanOrEqualTo(0.5);
        assertThat(read.getLabels()).isEqualTo(digits.getLabels());
        assertThat(IdxFiles.read(directory, "t10k")).isNull();
    }

    @Test
    void aFileCutShortIsNamed() throws IOException {
        IdxWriter.write(digits, directory, "train", false);
        Path images = directory.resolve("train-images-idx3-ubyte");
        Files.write(images, Arrays.copyOf(Files.readAllBytes(images), 1000));
        assertThatThrownBy(() -> IdxFiles.read(directory, "train"))
                .isInstanceOf(IOException.class).hasMessageContaining("is truncated").hasMessageContaining(images.toString());
    }

    @Test
    void aMissingPartnerIsNamed() throws IOException {
        IdxWriter.write(digits, directory, "t10k", true);
        Files.delete(directory.resolve("t10k-labels-idx1-ubyte.gz"));
        assertThatThrownBy(() -> IdxFiles.read(directory, "t10k"))
                .isInstanceOf(IOException.class).hasMessageContaining("images of t10k but not the labels");
    }

    @Test
    void otherFilesAreRefused() throws IOException {
        Files.write(directory.resolve("t10k-images-idx3-ubyte"), new byte[100]);
        Files.write(directory.resolve("t10k-labels-idx1-ubyte"), new byte[100]);
        assertThatThrownBy(() -> IdxFiles.read(directory, "t10k"))
                .isInstanceOf(IOException.class).hasMessageContaining("magic number 0x803");
        Files.move(directory.resolve("t10k-images-idx3-ubyte"), directory.resolve("t10k-images-idx3-ubyte.gz"));
        assertThatThrownBy(() -> IdxFiles.read(directory, "t10k"))
                .isInstanceOf(IOException.class).hasMessageContaining("not a gzip file");
    }
}
