// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.Thinned;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.nativeblas.NativeOpsHolder;

/** Training depends on the seed and the data, not on the number of threads. */
@Tag("full")
class ThreadDeterminismTest {
    private static final int STEPS = 50;
    private int before;

    @BeforeEach
    void remember() {
        Nd4j.getBackend();
        before = NativeOpsHolder.getInstance().getDeviceNativeOps().ompGetMaxThreads();
    }

    @AfterEach
    void restore() {
        NativeOpsHolder.getInstance().getDeviceNativeOps().setOmpNumThreads(before);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void parametersAfterFiftyStepsAreTheSameOnAnyNumberOfThreads(boolean channelsLast) {
        // More than 32,768 elements in a batch, so that every pass of our kernels is split.
        OwnNetwork own = new OwnNetwork(Thinned.length(24, 7), Thinned.length(23, 6), channelsLast);
        Random random = new Random(9);
        List<DataSet> batches = Stream.generate(() -> own.batch(random, 8)).limit(STEPS).toList();
        double[] expected = train(1, own, batches);
        for (int threads : new int[]{2, 4}) {
            double[] actual = train(threads, own, batches);
            if (Thinned.onNd4j()) {
                for (int i = 0; i < expected.length; i++) {
                    assertThat(Math.abs(actual[i] - expected[i])).as("parameter %d on %d threads", i, threads)
                            .isLessThan(1e-4);
                }
            } else {
                assertThat(Arrays.mismatch(actual, expected)).as("first parameter that differs on %d threads", threads)
                        .isEqualTo(-1);
            }
        }
    }

    private static double[] train(int threads, OwnNetwork own, List<DataSet> batches) {
        NativeOpsHolder.getInstance().getDeviceNativeOps().setOmpNumThreads(threads);
        MultiLayerNetwork net = own.ofAll();
        double[] start = TestNetwork.numbers(net.params());
        batches.forEach(net::fit);
        double[] end = TestNetwork.numbers(net.params());
        assertThat(end).isNotEqualTo(start).doesNotContain(Double.NaN);
        return end;
    }
}
