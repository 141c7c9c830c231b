// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.keras;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;
import org.deeplearning4j.nn.modelimport.keras.exceptions.InvalidKerasConfigurationException;
import org.nd4j.shade.jackson.core.JsonProcessingException;
import org.nd4j.shade.jackson.databind.ObjectMapper;

/**
 * A {@code .keras} archive: configuration and version as they are read, and a copy of the weights in a temporary file, because
 * Deeplearning4j reads HDF5 from files only. Nothing else is unpacked.
 */
final class KerasArchive implements Closeable {
    private static final String METADATA = "metadata.json";
    private static final String CONFIG = "config.json";
    private static final String WEIGHTS = "model.weights.h5";
    private static final int MOST_JSON = 16 << 20;
    /** Weights that shrink more than this are a trap; below the size it does not matter. */
    private static final long MOST_RATIO = 200;
    private static final long SMALL = 16 << 20;

    private final Path file;
    private final String version;
    private final Map<String, Object> config;
    private final Path weights;

    /** Reads an archive and unpacks its weights into a directory. */
    KerasArchive(Path file, Path directory) throws IOException, InvalidKerasConfigurationException {
        this.file = file;
        try (ZipFile zip = new ZipFile(file.toFile())) {
            requirePlainNames(zip);
            for (String name : List.of(METADATA, CONFIG, WEIGHTS)) {
                requireEntry(zip, name);
            }
            version = String.valueOf(json(zip, METADATA).get("keras_version"));
            config = json(zip, CONFIG);
            weights = unpack(zip, zip.getEntry(WEIGHTS), directory);
        } catch (ZipException e) {
            throw new IOException(file + " is not a complete .keras archive: " + e.getMessage(), e);
        }
    }

    /** Whether a file begins like a zip archive. */
    static boolean is(Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            byte[] start = in.readNBytes(2);
            return start.length == 2 && start[0] == 'P' && start[1] == 'K';
        }
    }

    String version() {
        return version;
    }

    /** The configuration, which may be changed. */
    Map<String, Object> config() {
        return config;
    }

    /** HDF5 file of the weights, which exists until this is closed. */
    Path weights() {
        return weights;
    }

    @Override
    public void close() throws IOException {
        Files.deleteIfExists(weights);
    }

    private void requirePlainNames(ZipFile zip) throws IOException {
        Set<String> seen = new HashSet<>();
        for (ZipEntry entry : zip.stream().toList()) {
            String name = entry.getName();
            if (name.startsWith("/") || name.contains("\\") || List.of(name.split("/")).contains("..") || !seen.add(name)) {
                throw refused("distinct entries with paths inside of the archive", "\"" + name + "\"");
            }
        }
    }

    private void requireEntry(ZipFile zip, String name) throws IOException {
        if (zip.getEntry(name) == null) {
            throw refused("a model saved by model.save(\"….keras\"), with the entries " + METADATA + ", " + CONFIG + " and "
                    + WEIGHTS, "none called " + name);
        }
    }

    private IOException refused(String expected, String actual) {
        return new IOException(file + ": expected " + expected + ", got " + actual);
    }

    @SuppressWarnings("unchecked")
    private Map<String, Object> json(ZipFile zip, String name) throws IOException, InvalidKerasConfigurationException {
        byte[] bytes;
        try (InputStream in = zip.getInputStream(zip.getEntry(name))) {
            bytes = in.readNBytes(MOST_JSON + 1);
        }
        if (bytes.length > MOST_JSON) {
            throw refused("at most " + MOST_JSON + " bytes in " + name, "more");
        }
        try {
            return new ObjectMapper().readValue(new String(bytes, StandardCharsets.UTF_8), Map.class);
        } catch (JsonProcessingException e) {
            throw new InvalidKerasConfigurationException(file + ": expected an object in JSON in " + name + ", got "
                    + e.getOriginalMessage(), e);
        } catch (StackOverflowError e) {
            throw refused("fewer levels in " + name, "so many that they do not fit the stack");
        }
    }

    private Path unpack(ZipFile zip, ZipEntry entry, Path directory) throws IOException {
        long size = entry.getSize();
        if (size > SMALL && size / MOST_RATIO > entry.getCompressedSize()) {
            throw refused(WEIGHTS + " of at most " + MOST_RATIO + " times its size in the archive", size + " bytes in "
                    + entry.getCompressedSize());
        }
        Path unpacked = Files.createTempFile(directory, "model", ".weights.h5");
        boolean whole = false;
        try (InputStream in = zip.getInputStream(entry); OutputStream out = Files.newOutputStream(unpacked)) {
            long left = size;
            byte[] block = new byte[1 << 16];
            for (int read = in.read(block); read >= 0; read = in.read(block)) {
                left -= read;
                if (left < 0) {
                    break;
                }
                out.write(block, 0, read);
            }
            if (left != 0) {
                throw refused(size + " bytes in " + WEIGHTS, left < 0 ? "more" : left + " less");
            }
            whole = true;
        } finally {
            if (!whole) {
                Files.deleteIfExists(unpacked);
            }
        }
        return unpacked;
    }
}
