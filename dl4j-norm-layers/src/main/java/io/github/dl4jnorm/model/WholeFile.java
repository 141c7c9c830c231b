// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/**
 * Replaces a file as a whole: whenever the program or the machine stops, the file has its old or its new content. The new
 * content goes to a second file in the same directory, {@code <file>.part}, is forced to disk and renamed atomically.
 *
 * <pre>{@code
 * WholeFile.write(Path.of("model.zip"), part -> ModelSerializer.writeModel(net, part.toFile(), true));
 * }</pre>
 */
public final class WholeFile {
    private WholeFile() {
    }

    /** Writes the content of a file. */
    @FunctionalInterface
    public interface Content {
        /**
         * Writes everything and closes the file.
         *
         * @param part file to write; it may exist
         * @throws IOException if it cannot be written
         */
        void writeTo(Path part) throws IOException;
    }

    /** Renames one file to another, which may exist. */
    @FunctionalInterface
    interface Rename {
        void accept(Path from, Path to) throws IOException;
    }

    /**
     * Writes a file, or replaces the one that is there. Devices and pipes, which cannot be replaced, are written directly.
     *
     * @param file    file to write; a link stays, and the file it leads to is replaced
     * @param content writes what is to be in it
     * @throws IOException if it cannot be written; then the file is what it was
     */
    public static void write(Path file, Content content) throws IOException {
        write(file, content, (from, to) -> Files.move(from, to, StandardCopyOption.ATOMIC_MOVE));
    }

    static void write(Path file, Content content, Rename rename) throws IOException {
        if (Files.isDirectory(file)) {
            throw new IOException(file + ": expected a file, got a directory");
        }
        if (Files.exists(file) && !Files.isRegularFile(file)) {
            content.writeTo(file);
            return;
        }
        Path target = Files.isSymbolicLink(file) && Files.exists(file) ? file.toRealPath() : file;
        Path part = part(target);
        try {
            content.writeTo(part);
            force(part);
            rename.accept(part, target);
        } catch (AtomicMoveNotSupportedException e) {
            throw new IOException(file + ": its file system cannot replace a file in one step (" + e.getReason()
                    + "); write to another one and copy the file", e);
        } finally {
            Files.deleteIfExists(part);
        }
        forceDirectory(target.toAbsolutePath().getParent());
    }

    /**
     * Where the new content of a file is until it is complete. A program that was killed may leave such a file.
     *
     * @param file file that is written
     * @return the file beside it
     */
    public static Path part(Path file) {
        return file.resolveSibling(file.getFileName() + ".part");
    }

    private static void force(Path part) throws IOException {
        try (FileChannel channel = FileChannel.open(part, StandardOpenOption.WRITE)) {
            channel.force(true);
        }
    }

    /** The new name is on disk, too, where a directory can be opened; elsewhere, as on Windows, the system sees to it. */
    private static void forceDirectory(Path directory) {
        try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
            channel.force(true);
        } catch (IOException | UnsupportedOperationException e) {
            // The file is complete and in its place all the same.
            return;
        }
    }
}
