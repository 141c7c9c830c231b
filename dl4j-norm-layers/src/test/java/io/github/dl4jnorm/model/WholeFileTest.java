// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A file is what it was or what it is to be, whatever goes wrong. */
@Tag("once")
@Tag("long")
class WholeFileTest {
    @TempDir
    private Path directory;

    private static WholeFile.Content text(String text) {
        return part -> Files.writeString(part, text);
    }

    private void assertAlone(Path file, String content) throws IOException {
        assertThat(file).hasContent(content);
        try (var files = Files.list(directory)) {
            assertThat(files).containsExactly(file);
        }
    }

    @Test
    void aFileIsReplacedAndNothingStaysBesideIt() throws IOException {
        Path file = directory.resolve("a.txt");
        Files.writeString(WholeFile.part(file), "what a program that was killed has left");
        WholeFile.write(file, text("old"));
        WholeFile.write(file, text("new"));
        assertAlone(file, "new");
    }

    @Test
    void aMoveThatFailsInTheMiddleLeavesTheOldFile() throws IOException {
        Path file = Files.writeString(directory.resolve("a.txt"), "old");
        assertThatThrownBy(() -> WholeFile.write(file, text("new"), (from, to) -> {
            assertThat(from).as("what is moved is complete").hasContent("new");
            assertThat(to).as("what was there is there until then").hasContent("old");
            throw new IOException("disk full");
        })).isInstanceOf(IOException.class).hasMessage("disk full");
        assertAlone(file, "old");
    }

    @Test
    void contentThatCannotBeWrittenLeavesTheOldFile() throws IOException {
        Path file = Files.writeString(directory.resolve("a.txt"), "old");
        assertThatThrownBy(() -> WholeFile.write(file, part -> {
            Files.writeString(part, "ne");
            throw new IOException("disk full");
        })).hasMessage("disk full");
        assertAlone(file, "old");
    }

    @Test
    void aFileSystemWithoutAtomicMovesIsNamed() throws IOException {
        Path file = Files.writeString(directory.resolve("a.txt"), "old");
        assertThatThrownBy(() -> WholeFile.write(file, text("new"), (from, to) -> {
            throw new AtomicMoveNotSupportedException(from.toString(), to.toString(), "two volumes");
        })).isInstanceOf(IOException.class).hasMessageContaining("a.txt: the file system does not support atomic "
                + "moves (two volumes)");
        assertAlone(file, "old");
    }

    @Test
    void aLinkStaysAndWhatItLeadsToIsReplaced() throws IOException {
        Path file = Files.writeString(Files.createDirectory(directory.resolve("elsewhere")).resolve("a.txt"), "old");
        Path link = directory.resolve("link");
        try {
            Files.createSymbolicLink(link, file);
        } catch (IOException | UnsupportedOperationException e) {
            Assumptions.abort("no links here: " + e);
        }
        WholeFile.write(link, text("new"));
        assertThat(file).hasContent("new");
        assertThat(link).isSymbolicLink();
    }

    @Test
    void aDirectoryIsNotReplaced() {
        assertThatThrownBy(() -> WholeFile.write(directory, text("new"))).isInstanceOf(IOException.class)
                .hasMessageContaining("expected a file, got a directory");
        assertThat(directory).isEmptyDirectory();
    }

    /** Without an atomic move there is a moment without any file, in which a program can be killed. */
    @Test
    void archivesAreThereAtEveryMomentOfTheirReplacement() throws Exception {
        MultiLayerNetwork net = Nets.sequence(InputType.feedForward(3), Nets.ours().name("bn").build());
        Path file = directory.resolve("norms.npz");
        assertAlwaysThere(file, () -> PyTorchWeights.write(net, file));
        Path arrays = directory.resolve("norms");
        assertAlwaysThere(arrays.resolve("bn.weight.npy"), () -> PyTorchWeights.write(net, arrays));
    }

    private interface Write {
        void run() throws IOException;
    }

    private static void assertAlwaysThere(Path file, Write write) throws Exception {
        write.run();
        long length = Files.size(file);
        AtomicBoolean done = new AtomicBoolean();
        AtomicInteger missed = new AtomicInteger();
        Thread watcher = new Thread(() -> {
            while (!done.get()) {
                if (file.toFile().length() != length) {
                    missed.incrementAndGet();
                }
            }
        });
        watcher.start();
        for (int i = 0; i < 300; i++) {
            write.run();
        }
        done.set(true);
        watcher.join();
        assertThat(missed).as("moments in which the file was missing or incomplete").hasValue(0);
    }
}
