// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.GZIPInputStream;
import org.nd4j.linalg.dataset.DataSet;

/** Reads labelled images in the IDX format of the MNIST database, compressed with gzip or not. */
final class IdxFiles {
    private static final int IMAGES = 0x803;
    private static final int LABELS = 0x801;
    private static final int CLASSES = 10;

    private IdxFiles() {
    }

    /**
     * The images of one part of a data set.
     *
     * @param directory where the files are
     * @param part      "train" or "t10k"
     * @return the images, pixels from 0 to 255, or null if there is neither file of this part
     * @throws IOException if a file is missing, cut short or not what its name says
     */
    static DataSet read(Path directory, String part) throws IOException {
        Path images = find(directory, part, "images", 3);
        Path labels = find(directory, part, "labels", 1);
        if (images == null && labels == null) {
            return null;
        }
        if (images == null || labels == null) {
            throw new IOException(directory + " has the " + (images == null ? "labels" : "images") + " of " + part
                    + " but not its " + (images == null ? "images" : "labels"));
        }
        try (DataInputStream pixels = open(images); DataInputStream classes = open(labels)) {
            int count = header(pixels, IMAGES, images);
            int height = pixels.readInt();
            int width = pixels.readInt();
            int labelCount = header(classes, LABELS, labels);
            if (labelCount != count) {
                throw new IOException(images + " has " + count + " images but " + labels + " has " + labelCount);
            }
            float[][] data = new float[count][];
            int[] label = new int[count];
            byte[] one = new byte[Math.multiplyExact(height, width)];
            for (int i = 0; i < count; i++) {
                pixels.readFully(one);
                data[i] = Images.toFloats(one);
                label[i] = classes.readUnsignedByte();
                if (label[i] >= CLASSES) {
                    throw new IOException(labels + ": expected labels 0 to 9, got " + label[i]);
                }
            }
            return Images.dataSet(data, label, height, width, CLASSES);
        } catch (EOFException e) {
            throw new IOException(images + " or " + labels + " is cut short", e);
        }
    }

    private static Path find(Path directory, String part, String kind, int dimensions) {
        String rest = "idx" + dimensions + "-ubyte";
        for (String name : List.of(part + "-" + kind + "-" + rest, part + "-" + kind + "." + rest)) {
            for (String ending : List.of("", ".gz")) {
                Path file = directory.resolve(name + ending);
                if (Files.isRegularFile(file)) {
                    return file;
                }
            }
        }
        return null;
    }

    private static DataInputStream open(Path file) throws IOException {
        InputStream raw = new BufferedInputStream(Files.newInputStream(file));
        try {
            return new DataInputStream(file.toString().endsWith(".gz")
                    ? new BufferedInputStream(new GZIPInputStream(raw)) : raw);
        } catch (IOException e) {
            raw.close();
            throw new IOException(file + " is no gzip file", e);
        }
    }

    private static int header(DataInputStream in, int magic, Path file) throws IOException {
        int found = in.readInt();
        int count = in.readInt();
        if (found != magic || count < 1) {
            throw new IOException(String.format("%s: expected an IDX file with magic number %#x and at least one entry, "
                    + "got %#x and %d", file, magic, found, count));
        }
        return count;
    }
}
