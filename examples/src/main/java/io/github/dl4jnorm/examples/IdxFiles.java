// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.nd4j.linalg.dataset.DataSet;

/** Reads labeled images in the IDX format of the MNIST database, plain or gzip. */
final class IdxFiles {
    private static final int IMAGES = 0x803;
    private static final int LABELS = 0x801;
    private static final int IMAGE_HEADER = 16;
    private static final int LABEL_HEADER = 8;
    private static final int CLASSES = 10;

    private IdxFiles() {
    }

    /**
     * Reads one part of a data set.
     *
     * @param directory directory with the files
     * @param part      "train" or "t10k"
     * @return the images, pixels from 0 to 255, or null if the directory has no files of this part
     * @throws IOException if a file is missing, truncated, damaged or of the wrong type
     */
    static DataSet read(Path directory, String part) throws IOException {
        Path images = find(directory, part, "images", 3);
        Path labels = find(directory, part, "labels", 1);
        if (images == null && labels == null) {
            return null;
        }
        if (images == null || labels == null) {
            throw new IOException(directory + " has the " + (images == null ? "labels" : "images") + " of " + part
                    + " but not the " + (images == null ? "images" : "labels"));
        }
        try (IdxFile pixels = new IdxFile(images); IdxFile classes = new IdxFile(labels)) {
            pixels.requireMagic(IMAGES);
            int count = pixels.positive("number of images");
            int height = pixels.positive("height");
            int width = pixels.positive("width");
            classes.requireMagic(LABELS);
            int labelCount = classes.positive("number of labels");
            if (labelCount != count) {
                throw new IOException(images + " has " + count + " images but " + labels + " has " + labelCount + " labels");
            }
            requireRoom(pixels, count, height, width);
            return Images.dataSet(pixels(pixels, count, height * width), labels(classes, count), height, width, CLASSES);
        }
    }

    private static void requireRoom(IdxFile file, long count, long height, long width) throws IOException {
        String what = count + " images of " + height + "x" + width;
        // Two numbers fit into the product, three may not.
        long most = Math.min(Integer.MAX_VALUE / 2, Runtime.getRuntime().maxMemory() / (2 * Float.BYTES));
        if (height * width > most / count) {
            throw file.error(what + " need more memory than is available: expected at most " + most + " pixels");
        }
        file.requireBytes(IMAGE_HEADER, count * height * width, what);
    }

    private static float[][] pixels(IdxFile file, int count, int size) throws IOException {
        float[][] pixels = new float[count][];
        byte[] one = new byte[size];
        for (int i = 0; i < count; i++) {
            file.fill(one, "image " + (i + 1) + " of " + count);
            pixels[i] = Images.toFloats(one);
        }
        file.requireEnd(count + " images");
        return pixels;
    }

    private static int[] labels(IdxFile file, int count) throws IOException {
        file.requireBytes(LABEL_HEADER, count, count + " labels");
        byte[] bytes = new byte[count];
        file.fill(bytes, count + " labels");
        file.requireEnd(count + " labels");
        int[] labels = new int[count];
        for (int i = 0; i < count; i++) {
            labels[i] = bytes[i] & 0xff;
            if (labels[i] >= CLASSES) {
                throw file.error("expected labels 0 to 9, got " + labels[i] + " as label " + (i + 1) + " of " + count);
            }
        }
        return labels;
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
}
