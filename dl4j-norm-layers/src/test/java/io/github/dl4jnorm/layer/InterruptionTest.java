// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.Thinned;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicReference;
import org.deeplearning4j.datasets.iterator.ExistingDataSetIterator;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.nativeblas.NativeOpsHolder;

/** A thread that is interrupted while it trains leaves a network that works on. */
@Timeout(120)
@Tag("vectors-first")
class InterruptionTest {
    private final OwnNetwork own = new OwnNetwork(Thinned.length(24, 7), Thinned.length(23, 6), false);

    private List<DataSet> batches(int count) {
        Random random = new Random(11);
        List<DataSet> batches = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            batches.add(own.batch(random, 8));
        }
        return batches;
    }

    /** Runs something on a thread of its own that is interrupted again and again. */
    private static Throwable interrupted(Runnable training) throws InterruptedException {
        AtomicReference<Throwable> failure = new AtomicReference<>();
        Thread thread = new Thread(() -> {
            // OpenMP keeps this number for each thread.
            NativeOpsHolder.getInstance().getDeviceNativeOps().setOmpNumThreads(3);
            training.run();
        });
        thread.setUncaughtExceptionHandler((t, thrown) -> failure.set(thrown));
        thread.start();
        for (int i = 0; thread.isAlive(); i++) {
            thread.interrupt();
            thread.join(1 + i % 7);
        }
        return failure.get();
    }

    @Test
    void stepsThatAreInterruptedAreWholeSteps() throws Exception {
        List<DataSet> batches = batches(20);
        MultiLayerNetwork net = own.ofAll();
        assertThat(interrupted(() -> batches.forEach(net::fit))).isNull();
        MultiLayerNetwork twin = own.ofAll();
        batches.forEach(twin::fit);
        double[] actual = TestNetwork.numbers(net.params());
        double[] expected = TestNetwork.numbers(twin.params());
        if (Thinned.onNd4j()) {
            for (int i = 0; i < expected.length; i++) {
                assertThat(Math.abs(actual[i] - expected[i])).as("parameter %d", i).isLessThan(1e-4);
            }
        } else {
            assertThat(actual).containsExactly(expected);
        }
    }

    /** Deeplearning4j reads ahead on a thread of its own and ends with an exception when the reader is interrupted. */
    @Test
    void aNetworkWhoseTrainingWasInterruptedTrainsOnLikeItsCopy() throws Exception {
        List<DataSet> batches = batches(40);
        MultiLayerNetwork net = own.ofAll();
        interrupted(() -> net.fit(new ExistingDataSetIterator(batches)));
        assertThat(TestNetwork.isFinite(net.params())).isTrue();
        MultiLayerNetwork copy = net.clone();
        double seen = net.getLayer(0).getParam("batches").getDouble(0);
        for (DataSet batch : batches.subList(0, 5)) {
            net.fit(batch);
            copy.fit(batch);
        }
        assertThat(net.getLayer(0).getParam("batches").getDouble(0)).isEqualTo(seen + 5);
        assertThat(TestNetwork.numbers(net.params())).containsExactly(TestNetwork.numbers(copy.params()));
        assertThat(TestNetwork.numbers(net.output(batches.get(0).getFeatures())))
                .containsExactly(TestNetwork.numbers(copy.output(batches.get(0).getFeatures())));
    }
}
