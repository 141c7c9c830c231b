// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;

/** Makes data sets of grey images. */
final class Images {
    private Images() {
    }

    static float[] toFloats(byte[] pixels) {
        float[] result = new float[pixels.length];
        for (int i = 0; i < pixels.length; i++) {
            result[i] = pixels[i] & 0xff;
        }
        return result;
    }

    /** Features [N, 1, height, width] and one-hot labels [N, classes]. */
    static DataSet dataSet(float[][] pixels, int[] labels, int height, int width, int classes) {
        INDArray features = Nd4j.createFromArray(pixels).reshape('c', pixels.length, 1, height, width);
        INDArray oneHot = Nd4j.zeros(DataType.FLOAT, labels.length, classes);
        for (int i = 0; i < labels.length; i++) {
            oneHot.putScalar(i, labels[i], 1);
        }
        return new DataSet(features, oneHot);
    }
}
