// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;

/** Where .npy arrays come from: a .npz archive or a directory. */
interface NpySource extends AutoCloseable {
    static boolean isArchive(Path path) {
        return path.toString().endsWith(".npz");
    }

    static NpySource of(Path path) throws IOException {
        return isArchive(path) ? new Archive(path) : new Directory(path);
    }

    private static boolean isArray(String file, String prefix) {
        return file.startsWith(prefix) && file.endsWith(".npy");
    }

    Path path();

    boolean has(String file);

    /** Whether there is a file whose name begins so. */
    boolean hasAny(String prefix) throws IOException;

    /** Reads a file, or a little more than the limit if it is longer, or gives null if there is none. */
    byte[] read(String file, int limit) throws IOException;

    @Override
    void close() throws IOException;

    /** A directory of .npy files. */
    record Directory(Path path) implements NpySource {
        @Override
        public boolean has(String file) {
            return Files.isRegularFile(path.resolve(file));
        }

        @Override
        public boolean hasAny(String prefix) throws IOException {
            try (Stream<Path> files = Files.list(path)) {
                return files.anyMatch(file -> isArray(file.getFileName().toString(), prefix));
            }
        }

        @Override
        public byte[] read(String file, int limit) throws IOException {
            if (!has(file)) {
                return null;
            }
            try (InputStream in = Files.newInputStream(path.resolve(file))) {
                return in.readNBytes(limit + 1);
            }
        }

        @Override
        public void close() {
        }
    }

    /** A zip archive of .npy files. */
    final class Archive implements NpySource {
        private final Path path;
        private final ZipFile zip;

        Archive(Path path) throws IOException {
            this.path = path;
            try {
                zip = new ZipFile(path.toFile());
            } catch (ZipException e) {
                throw new IOException(path + " is not a complete .npz archive: " + e.getMessage(), e);
            }
        }

        @Override
        public Path path() {
            return path;
        }

        @Override
        public boolean has(String file) {
            return zip.getEntry(file) != null;
        }

        @Override
        public boolean hasAny(String prefix) {
            return zip.stream().anyMatch(entry -> isArray(entry.getName(), prefix));
        }

        @Override
        public byte[] read(String file, int limit) throws IOException {
            ZipEntry entry = zip.getEntry(file);
            if (entry == null) {
                return null;
            }
            try (InputStream in = zip.getInputStream(entry)) {
                return in.readNBytes(limit + 1);
            } catch (ZipException e) {
                throw new IOException(path + ": " + file + " is damaged: " + e.getMessage(), e);
            }
        }

        @Override
        public void close() throws IOException {
            zip.close();
        }
    }
}
