// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Where named arrays come from: a .safetensors file, a .npz archive or a directory of .npy files. */
interface TensorSource extends AutoCloseable {
    static TensorSource of(Path path) throws IOException {
        String name = path.toString();
        return name.endsWith(".safetensors") ? new Safetensors(path)
                : name.endsWith(".npz") ? new NpySource.Archive(path) : new NpySource.Directory(path);
    }

    /**
     * Writes arrays of type FLOAT, DOUBLE or LONG, each file atomically.
     *
     * @param path    .safetensors or .npz file, or directory for .npy files
     * @param tensors arrays by their names
     * @throws IOException if writing fails
     */
    static void write(Path path, Map<String, INDArray> tensors) throws IOException {
        String name = path.toString();
        if (name.endsWith(".safetensors")) {
            WholeFile.write(path, part -> Safetensors.write(part, tensors));
        } else if (name.endsWith(".npz")) {
            WholeFile.write(path, part -> NpySource.writeArchive(part, tensors));
        } else {
            NpySource.writeDirectory(path, tensors);
        }
    }

    Path path();

    /** Names of all arrays. */
    Set<String> names() throws IOException;

    /**
     * Reads an array of floating-point numbers.
     *
     * @param name  one of the names
     * @param shape expected shape; of a vector, only the number of elements has to be right
     * @return FLOAT or DOUBLE of that shape
     * @throws IOException if it is another array, or damaged
     */
    INDArray values(String name, long... shape) throws IOException;

    /**
     * Reads integers of at most 2^53.
     *
     * @param name     one of the names
     * @param expected how many there are, unless there is one for all
     * @throws IOException if it is another array, or damaged
     */
    double[] integers(String name, int expected) throws IOException;

    /** What to call an array in messages. */
    default String what(String name) {
        return path() + ": " + TensorHeader.shortened(name);
    }

    @Override
    void close() throws IOException;
}
