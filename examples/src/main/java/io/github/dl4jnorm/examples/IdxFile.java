// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import java.io.BufferedInputStream;
import java.io.Closeable;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;

/** Reads a file in the IDX format, plain or gzip. Every error names the file and what is wrong with it. */
final class IdxFile implements Closeable {
    private final Path path;
    private final DataInputStream in;
    private final boolean compressed;

    IdxFile(Path path) throws IOException {
        this.path = path;
        compressed = path.toString().endsWith(".gz");
        InputStream raw = new BufferedInputStream(Files.newInputStream(path));
        try {
            in = new DataInputStream(compressed ? new BufferedInputStream(new GZIPInputStream(raw)) : raw);
        } catch (IOException e) {
            raw.close();
            throw new IOException(path + " is not a gzip file", e);
        }
    }

    Path path() {
        return path;
    }

    IOException error(String message) {
        return new IOException(path + ": " + message);
    }

    /** Checks the first number of the file, which tells what is in it. */
    void requireMagic(int magic) throws IOException {
        int found = number("magic number");
        if (found != magic) {
            throw error(String.format("expected an IDX file with magic number %#x, got %#x", magic, found));
        }
    }

    /** A number of the header, which has to be positive. */
    int positive(String field) throws IOException {
        int found = number(field);
        if (found < 1) {
            throw error("expected " + field + " >= 1, got " + found);
        }
        return found;
    }

    private int number(String field) throws IOException {
        return read(field, in::readInt);
    }

    /** Fills an array with the next bytes. */
    void fill(byte[] bytes, String what) throws IOException {
        read(what, () -> {
            in.readFully(bytes);
            return bytes.length;
        });
    }

    /** Checks how long the file is, as far as that is known before it is read. */
    void requireBytes(long header, long content, String what) throws IOException {
        long expected = header + content;
        if (!compressed && Files.size(path) != expected) {
            throw error((Files.size(path) < expected ? "the file is truncated: " : "") + "expected " + expected + " bytes for "
                    + what + ", got " + Files.size(path));
        }
    }

    /** Reads to the end, where gzip has its checksum. */
    void requireEnd(String what) throws IOException {
        if (read("checksum", in::read) >= 0) {
            throw error("expected the end of the file after " + what + ", got more bytes");
        }
    }

    /** Something that reads. */
    @FunctionalInterface
    private interface Reading {
        int read() throws IOException;
    }

    private int read(String what, Reading reading) throws IOException {
        try {
            return reading.read();
        } catch (EOFException e) {
            throw new IOException(path + " is truncated: it ends within " + what, e);
        } catch (ZipException e) {
            throw new IOException(path + " is corrupt: " + e.getMessage() + " while reading " + what, e);
        }
    }

    @Override
    public void close() throws IOException {
        in.close();
    }
}
