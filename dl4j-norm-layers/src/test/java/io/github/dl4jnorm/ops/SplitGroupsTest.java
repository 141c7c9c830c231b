// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.ops.transforms.Transforms;

/** Groups too large for one block: each block has a part of their channels or of their positions. */
@Tag("long")
class SplitGroupsTest {
    private static final double EPS = 1e-5;

    @ParameterizedTest
    @CsvSource({"12, 9000, 2", "12, 9000, 1", "12, 9000, 3", "5, 20000, 1", "10, 9000, 5"})
    void groupsOverSeveralBlocksHaveTheirOwnMeanAndVariance(int channels, int positions, int groups) {
        INDArray x = Nd4j.randn(DataType.DOUBLE, 1, channels, positions).muli(3);
        for (int c = 0; c < channels; c++) {
            x.tensorAlongDimension(c, 2).addi(c);
        }
        INDArray rows = x.reshape(groups, (long) channels / groups * positions);
        INDArray centered = rows.subColumnVector(rows.mean(true, 1));
        INDArray deviation = Transforms.sqrt(centered.mul(centered).mean(true, 1).addi(EPS));
        INDArray expected = centered.divColumnVector(deviation).reshape(1, channels, positions);
        INDArray gamma = Nd4j.ones(DataType.DOUBLE, channels);
        INDArray beta = Nd4j.zeros(DataType.DOUBLE, channels);

        INDArray first = new NDNorm().groupNorm(x, gamma, beta, groups, EPS);
        INDArray last = new NDNorm().layout(Layout.CHANNELS_LAST)
                .groupNorm(x.permute(0, 2, 1).dup('c'), gamma, beta, groups, EPS);

        assertThat(first.sub(expected).amaxNumber().doubleValue()).isLessThan(1e-10);
        assertThat(last.permute(0, 2, 1).sub(expected).amaxNumber().doubleValue()).isLessThan(1e-10);
    }
}
