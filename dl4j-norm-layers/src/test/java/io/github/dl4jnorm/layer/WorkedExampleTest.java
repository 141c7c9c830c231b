// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.conf.BatchNormalization;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Numbers small enough to check with a pencil. */
class WorkedExampleTest {

    @Test
    void batchNormOfTwoSmallImages() {
        INDArray x = Nd4j.createFromArray(new float[][][][]{
            {{{1, 2}}, {{2, 1}}, {{2, 2}}},
            {{{2, 2}}, {{3, 1}}, {{1, 2}}}});
        float[] expected = {-1.7320f, 0.5773f, 0.3015f, -0.9045f, 0.5773f, 0.5773f,
            0.5773f, 0.5773f, 1.5075f, -0.9045f, -1.7320f, 0.5773f};
        LayerUnderTest layer = new LayerUnderTest(new BatchNormalization.Builder().eps(1e-5).build(), 3, DataType.FLOAT);
        float[] actual = layer.forward(x, true).dup('c').data().asFloat();
        assertThat(actual).containsExactly(expected, within(1e-4f));
    }
}
