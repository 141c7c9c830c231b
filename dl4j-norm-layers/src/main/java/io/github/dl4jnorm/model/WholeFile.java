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
 * Replaces a file atomically: if the program or the machine stops, the file has either its old or its new content. The new
 * content is written to {@code <file>.part} in the same directory, forced to disk and renamed.
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
         * Writes the whole content and closes the file.
         *
         * @param part file to write; it may exist
         * @throws IOException if writing fails
         */
        void writeTo(Path part) throws IOException;
    }

    /** Renames one file to another, which may exist. */
    @FunctionalInterface
    interface Rename {
        void accept(Path from, Path to) throws IOException;
    }

    /**
     * Writes or replaces a file. Devices and pipes, which cannot be replaced, are written directly.
     *
     * @param file    file to write; a symbolic link is kept and its target is replaced
     * @param content writes the content
     * @throws IOException if writing fails; the file is then unchanged
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
            throw new IOException(file + ": the file system does not support atomic moves (" + e.getReason()
                    + "); write to another file system and copy the file", e);
        } finally {
            Files.deleteIfExists(part);
        }
        forceDirectory(target.toAbsolutePath().getParent());
    }

    /**
     * Returns the temporary file that holds the new content until it is complete. A killed program may leave it behind.
     *
     * @param file file that is written
     * @return the temporary file in the same directory
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
