// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.keras;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;
import org.assertj.core.api.AbstractThrowableAssert;
import org.deeplearning4j.nn.modelimport.keras.exceptions.InvalidKerasConfigurationException;
import org.deeplearning4j.nn.modelimport.keras.exceptions.UnsupportedKerasConfigurationException;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Archives that are damaged or set a trap are refused, and nothing of them stays behind. */
@Tag("once")
class KerasArchiveTest {
    private static final Path WHOLE = Path.of("src/test/resources/keras/row.keras");
    private static final String WEIGHTS = "model.weights.h5";
    private static final String CONFIG = "config.json";
    private static final String METADATA = "metadata.json";

    @TempDir
    private Path directory;
    @TempDir
    private Path temporary;

    private static Map<String, byte[]> entries() throws IOException {
        Map<String, byte[]> entries = new LinkedHashMap<>();
        try (ZipFile zip = new ZipFile(WHOLE.toFile())) {
            for (ZipEntry entry : zip.stream().toList()) {
                try (InputStream in = zip.getInputStream(entry)) {
                    entries.put(entry.getName(), in.readAllBytes());
                }
            }
        }
        return entries;
    }

    /** The archive with an entry replaced or, if null, left out. */
    private Path with(String name, byte[] content) throws IOException {
        Map<String, byte[]> entries = entries();
        entries.put(name, content);
        Path file = directory.resolve("changed.keras");
        try (OutputStream out = Files.newOutputStream(file); ZipOutputStream zip = new ZipOutputStream(out)) {
            for (Map.Entry<String, byte[]> entry : entries.entrySet()) {
                if (entry.getValue() != null) {
                    zip.putNextEntry(new ZipEntry(entry.getKey()));
                    zip.write(entry.getValue());
                }
            }
        }
        return file;
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private AbstractThrowableAssert<?, ?> refused(Path file, Class<? extends Throwable> type) {
        try (KerasArchive archive = new KerasArchive(file, temporary)) {
            assertThat(archive.weights()).exists();
        } catch (IOException | InvalidKerasConfigurationException e) {
            assertThat(e).hasMessageContaining(file.toString());
        }
        assertThat(temporary).as("nothing stays behind").isEmptyDirectory();
        return assertThatThrownBy(() -> NormImports.importKeras(file)).isInstanceOf(type);
    }

    @Test
    void anArchiveWithMoreInItIsRead() throws Exception {
        assertThat(NormImports.importKeras(with("assets/vocabulary.txt", bytes("one"))).numParams())
                .isEqualTo(NormImports.importKeras(WHOLE).numParams());
    }

    @Test
    void truncatedArchivesAreRefused() throws Exception {
        byte[] whole = Files.readAllBytes(WHOLE);
        for (int length : new int[]{2, 10, whole.length / 2, whole.length - 30, whole.length - 1}) {
            Path cut = Files.write(directory.resolve("cut.keras"), Arrays.copyOf(whole, length));
            refused(cut, IOException.class).hasMessageContaining("cut.keras is not a complete .keras archive");
        }
    }

    @Test
    void damagedWeightsAreRefused() throws Exception {
        byte[] whole = Files.readAllBytes(WHOLE);
        byte[] weights = entries().get(WEIGHTS);
        refused(with(WEIGHTS, Arrays.copyOf(weights, weights.length / 2)), IOException.class)
                .hasMessageContaining("changed.keras is not a complete HDF5 file");
        refused(with(WEIGHTS, bytes("no HDF5")), IOException.class)
                .hasMessageContaining("changed.keras is not a complete HDF5 file");
        Arrays.fill(whole, whole.length / 2, whole.length / 2 + 40, (byte) 0x55);
        refused(Files.write(directory.resolve("bits.keras"), whole), IOException.class).hasMessageContaining("bits.keras");
    }

    @Test
    void archivesWithoutAnEntryAreRefusedWithItsName() throws Exception {
        for (String name : new String[]{METADATA, CONFIG, WEIGHTS}) {
            refused(with(name, null), IOException.class)
                    .hasMessageContaining("changed.keras: expected a model saved by model.save").hasMessageEndingWith(name);
        }
    }

    @Test
    void weightsThatUnpackToMuchMoreAreRefusedBeforeTheyAreWritten() throws Exception {
        refused(with(WEIGHTS, new byte[20 << 20]), IOException.class)
                .hasMessageContaining("expected model.weights.h5 of at most 200 times its size in the archive, got 20971520");
    }

    @Test
    void entriesThatLeaveTheArchiveAreRefused() throws Exception {
        for (String name : new String[]{"../evil", "/evil", "a/../../evil", "a\\evil"}) {
            refused(with(name, new byte[1]), IOException.class)
                    .hasMessageContaining("expected distinct entries with paths inside of the archive, got \"" + name);
        }
    }

    @Test
    void configurationsThatAreNoneAreRefused() throws Exception {
        refused(with(CONFIG, bytes("{\"class_name\":")), InvalidKerasConfigurationException.class).hasMessageContaining(CONFIG);
        refused(with(CONFIG, bytes("[1, 2]")), InvalidKerasConfigurationException.class).hasMessageContaining(CONFIG);
        refused(with(CONFIG, bytes("{}")), InvalidKerasConfigurationException.class).hasMessageContaining("expected a map");
        refused(with(METADATA, bytes("{\"keras_version\": \"4.0.0\"}")), UnsupportedKerasConfigurationException.class)
                .hasMessageContaining("expected a model of Keras 2 or 3, got one of Keras 4.0.0");
        refused(with(METADATA, bytes("{}")), UnsupportedKerasConfigurationException.class).hasMessageContaining("Keras null");
    }

    @Test
    void configurationsThatAreTooLargeOrTooDeepAreRefused() throws Exception {
        refused(with(CONFIG, bytes(" ".repeat((16 << 20) + 1))), IOException.class)
                .hasMessageContaining("expected at most 16777216 bytes in config.json");
        refused(with(CONFIG, bytes("{\"config\":" + "[".repeat(1 << 20))), Exception.class).hasMessageContaining(CONFIG);
    }

    @Test
    void configurationsThatDoNotFitTheWeightsAreRefused() throws Exception {
        String config = new String(entries().get(CONFIG), StandardCharsets.UTF_8);
        refused(with(CONFIG, bytes(config.replace("\"BatchNormalization\"", "\"LayerNormalization\""))),
                InvalidKerasConfigurationException.class).hasMessageContaining("expected weights of layer");
        refused(with(CONFIG, bytes(config.replace("\"use_bias\": true", "\"use_bias\": 3"))), Exception.class);
    }

    /** A model inside that is called with its own output, which is its own input. */
    @Test
    void modelsThatContainThemselvesAreRefused() throws Exception {
        String input = "{\"class_name\": \"InputLayer\", \"name\": \"in\", \"config\": {\"name\": \"in\", \"batch_shape\": "
                + "[null, 4]}, \"inbound_nodes\": []}";
        String inner = "{\"class_name\": \"Functional\", \"name\": \"block\", \"config\": {\"name\": \"block\", \"layers\": ["
                + input + "], \"input_layers\": [\"in\", 0, 0], \"output_layers\": [\"in\", 0, 0]}, \"inbound_nodes\": "
                + "[[[\"block\", 0, 0, {}]]]}";
        refused(with(CONFIG, bytes("{\"class_name\": \"Functional\", \"config\": {\"layers\": [" + input + ", " + inner
                + "], \"input_layers\": [\"in\", 0, 0], \"output_layers\": [\"block\", 0, 0]}}")), IOException.class)
                .hasMessageContaining("expected models without cycles");
    }

    @Test
    void filesOfOtherFormatsAreRefused() throws Exception {
        Path text = Files.write(directory.resolve("text.keras"), bytes("not an archive"));
        refused(text, IOException.class).hasMessageContaining("text.keras is not a complete HDF5 file");
    }
}
