// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;
import org.nd4j.common.util.ArrayUtil;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Arrays in files with NumPy's ending. */
abstract class NpySource implements TensorSource {
    private static final String ENDING = ".npy";

    private final Path path;

    NpySource(Path path) {
        this.path = path;
    }

    static void writeDirectory(Path directory, Map<String, INDArray> arrays) throws IOException {
        Files.createDirectories(directory);
        for (Map.Entry<String, INDArray> array : arrays.entrySet()) {
            WholeFile.write(directory.resolve(array.getKey() + ENDING),
                    part -> Files.write(part, Npy.bytes(array.getValue())));
        }
    }

    static void writeArchive(Path file, Map<String, INDArray> arrays) throws IOException {
        try (OutputStream out = Files.newOutputStream(file); ZipOutputStream zip = new ZipOutputStream(out)) {
            for (Map.Entry<String, INDArray> array : arrays.entrySet()) {
                zip.putNextEntry(new ZipEntry(array.getKey() + ENDING));
                zip.write(Npy.bytes(array.getValue()));
            }
        }
    }

    /** Names of files with the ending, without it. */
    private static Set<String> named(Stream<String> files) {
        return files.filter(file -> file.endsWith(ENDING))
                .map(file -> file.substring(0, file.length() - ENDING.length())).collect(Collectors.toSet());
    }

    @Override
    public Path path() {
        return path;
    }

    @Override
    public INDArray values(String name, long... shape) throws IOException {
        int elements = Math.toIntExact(ArrayUtil.prodLong(shape));
        return Nd4j.createFromArray(Npy.values(read(name + ENDING, Npy.limit(elements)), what(name), shape))
                .reshape('c', shape);
    }

    @Override
    public double[] integers(String name, int expected) throws IOException {
        return Npy.integers(read(name + ENDING, Npy.limit(expected)), expected, what(name));
    }

    /** Reads a file, or a little more than the limit if it is longer. */
    abstract byte[] read(String file, int limit) throws IOException;

    /** A directory of .npy files. */
    static final class Directory extends NpySource {
        Directory(Path path) throws IOException {
            super(path);
            if (!Files.isDirectory(path)) {
                throw new IOException(path + ": expected a .safetensors or .npz file or a directory of .npy files, got "
                        + (Files.exists(path) ? "another file; save a state_dict with safetensors.torch.save_file" : "none"));
            }
        }

        @Override
        public Set<String> names() throws IOException {
            try (Stream<Path> files = Files.list(path())) {
                return named(files.filter(Files::isRegularFile).map(file -> file.getFileName().toString()));
            }
        }

        @Override
        byte[] read(String file, int limit) throws IOException {
            try (InputStream in = Files.newInputStream(path().resolve(file))) {
                return in.readNBytes(limit + 1);
            }
        }

        @Override
        public void close() {
        }
    }

    /** A zip archive of .npy files. */
    static final class Archive extends NpySource {
        private final ZipFile zip;

        Archive(Path path) throws IOException {
            super(path);
            try {
                zip = new ZipFile(path.toFile());
            } catch (ZipException e) {
                throw new IOException(path + " is not a complete .npz archive: " + e.getMessage(), e);
            }
        }

        @Override
        public Set<String> names() {
            return named(zip.stream().map(ZipEntry::getName));
        }

        @Override
        byte[] read(String file, int limit) throws IOException {
            try (InputStream in = zip.getInputStream(zip.getEntry(file))) {
                return in.readNBytes(limit + 1);
            } catch (ZipException e) {
                throw new IOException(path() + ": " + file + " is damaged: " + e.getMessage(), e);
            }
        }

        @Override
        public void close() throws IOException {
            zip.close();
        }
    }
}
