// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jnorm.conf.NormLayer;
import java.util.Arrays;
import java.util.Random;
import org.deeplearning4j.exception.DL4JInvalidInputException;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** A layer that has worked, is given something bad, and then has to work on like its twin that was not. */
final class Harmless {
    static final int CHANNELS = 4;
    private final LayerUnderTest layer;
    private final LayerUnderTest twin;
    private final INDArray x;
    private final INDArray dy;

    interface Call {
        void on(LayerUnderTest layer);
    }

    Harmless(NormLayer conf, Kind kind) {
        Random random = new Random(8);
        long[] shape = NormCases.shape(kind, 3, CHANNELS);
        x = NormCases.gaussian(random, 1, 2, shape).castTo(DataType.FLOAT);
        dy = NormCases.gaussian(random, 0, 1, shape).castTo(DataType.FLOAT);
        conf.setLayerName("my norm");
        layer = NormCases.layer(conf.clone(), kind, CHANNELS, DataType.FLOAT);
        twin = NormCases.layer(conf, kind, CHANNELS, DataType.FLOAT);
        work(layer);
        work(twin);
    }

    private INDArray[] work(LayerUnderTest on) {
        INDArray y = on.forward(x, true);
        return new INDArray[]{y, on.dx(dy), on.forward(x, false)};
    }

    void rejects(Call call, String... parts) {
        double[] params = TestNetwork.numbers(layer.params);
        double[] gradients = TestNetwork.numbers(layer.gradients);
        assertThatThrownBy(() -> call.on(layer)).isExactlyInstanceOf(DL4JInvalidInputException.class)
                .hasMessageContaining("\"my norm\"").hasMessageContainingAll(parts);
        assertThat(TestNetwork.numbers(layer.params)).containsExactly(params);
        assertThat(TestNetwork.numbers(layer.gradients)).containsExactly(gradients);
        INDArray[] actual = work(layer);
        INDArray[] expected = work(twin);
        for (int i = 0; i < expected.length; i++) {
            assertThat(TestNetwork.numbers(actual[i])).containsExactly(TestNetwork.numbers(expected[i]));
        }
        assertThat(TestNetwork.numbers(layer.params)).containsExactly(TestNetwork.numbers(twin.params));
        assertThat(TestNetwork.numbers(layer.gradients)).containsExactly(TestNetwork.numbers(twin.gradients));
    }

    void rejectsMasksOfOtherShapes(Kind kind) {
        long[] shape = NormCases.shape(kind, 2, CHANNELS);
        for (long[] mask : new long[][]{{3, 1}, {2, 7}, {2, 4, 7}, {2, 1, 1, 7}, {2, 3, 1, 1, 1}, {2, 1, 1, 1, 1, 1}}) {
            rejects(layer -> {
                try {
                    layer.mask(Nd4j.ones(DataType.FLOAT, mask)).forward(Nd4j.ones(DataType.FLOAT, shape), true);
                } finally {
                    layer.mask(null);
                }
            }, "expected a mask of shape [2, ", Arrays.toString(shape), "got " + Arrays.toString(mask));
        }
    }

    void rejectsGradientsOfOtherShapes(Kind kind) {
        long[] shape = NormCases.shape(kind, 2, CHANNELS);
        for (long[] gradient : new long[][]{NormCases.shape(kind, 3, CHANNELS), {8}, {2, 1},
            NormCases.shape(kind, 2, CHANNELS + 1)}) {
            rejects(layer -> {
                layer.forward(Nd4j.ones(DataType.FLOAT, shape), true);
                layer.backward(Nd4j.ones(DataType.FLOAT, gradient));
            }, "expected a gradient of shape " + Arrays.toString(shape), "got " + Arrays.toString(gradient));
        }
    }

    void rejectsWholeNumbers(Kind kind) {
        long[] shape = NormCases.shape(kind, 2, CHANNELS);
        for (DataType type : new DataType[]{DataType.INT, DataType.LONG, DataType.BOOL}) {
            rejects(layer -> layer.forward(Nd4j.zeros(type, shape), true),
                    "expected a floating-point type", "got " + type, Arrays.toString(shape));
        }
    }

    void rejectsAnEmptyBatch(Kind kind) {
        long[] shape = NormCases.shape(kind, 0, CHANNELS);
        rejects(layer -> layer.forward(Nd4j.create(DataType.FLOAT, shape), true),
                "expected at least one example", "got an empty array", Arrays.toString(shape));
    }
}
