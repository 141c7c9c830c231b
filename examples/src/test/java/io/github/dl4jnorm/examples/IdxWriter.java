// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import java.io.DataOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.GZIPOutputStream;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;

/** Writes small IDX files for tests. */
final class IdxWriter {
    private IdxWriter() {
    }

    static void write(DataSet digits, Path directory, String part, boolean gzip) throws IOException {
        INDArray features = digits.getFeatures();
        int[] labels = digits.getLabels().argMax(1).toIntVector();
        try (DataOutputStream out = open(directory.resolve(part + "-images-idx3-ubyte"), gzip)) {
            out.writeInt(0x803);
            out.writeInt(labels.length);
            out.writeInt((int) features.size(2));
            out.writeInt((int) features.size(3));
            for (float pixel : features.dup('c').data().asFloat()) {
                out.writeByte(Math.round(pixel));
            }
        }
        try (DataOutputStream out = open(directory.resolve(part + "-labels-idx1-ubyte"), gzip)) {
            out.writeInt(0x801);
            out.writeInt(labels.length);
            for (int label : labels) {
                out.writeByte(label);
            }
        }
    }

    private static DataOutputStream open(Path file, boolean gzip) throws IOException {
        OutputStream raw = Files.newOutputStream(gzip ? file.resolveSibling(file.getFileName() + ".gz") : file);
        return new DataOutputStream(gzip ? new GZIPOutputStream(raw) : raw);
    }
}
