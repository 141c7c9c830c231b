// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.kernel.Kernels;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Steps on ever changing shapes leave nothing on the heap. */
@Timeout(600)
class LeakTest {
    private static final int CHANNELS = 8;

    /** What of the heap is in use once everything unused was collected: every array has an object there. */
    private static long heap() throws InterruptedException {
        long least = Long.MAX_VALUE;
        for (int i = 0; i < 6; i++) {
            System.gc();
            Thread.sleep(100);
            least = Math.min(least, ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed());
        }
        return least;
    }

    private static List<LayerUnderTest> layers() {
        List<LayerUnderTest> layers = new ArrayList<>();
        for (NormLayer conf : OwnNetwork.all()) {
            layers.add(new LayerUnderTest(conf, CHANNELS, DataType.FLOAT));
        }
        return layers;
    }

    private static void steps(List<LayerUnderTest> layers, int first, int last) {
        for (int step = first; step < last; step++) {
            Random random = new Random(step);
            LayerUnderTest layer = layers.get(step % layers.size());
            layer.mask(null);
            INDArray x = Nd4j.valueArrayOf(new long[]{1 + random.nextInt(8), CHANNELS, 1 + random.nextInt(20),
                1 + random.nextInt(20)}, 0.5f, DataType.FLOAT);
            if (step % 3 == 0) {
                // Strides that need a copy, and a mask.
                x = x.permute(3, 1, 0, 2);
                layer.mask(Nd4j.ones(DataType.FLOAT, x.size(0), 1, 1, x.size(3)).putScalar(0, 0));
            }
            layer.forward(x, step % 5 > 0);
            layer.dx(x);
        }
    }

    private static void run(int warmUp, int last) throws InterruptedException {
        List<LayerUnderTest> layers = layers();
        steps(layers, 0, warmUp);
        long before = heap();
        steps(layers, warmUp, last);
        assertThat(heap()).as("heap after %d steps", last).isLessThanOrEqualTo((long) (1.05 * before));
    }

    @Test
    void hundredsOfStepsLeaveNothingOnTheHeap() throws InterruptedException {
        // ND4J's operations take ten times as long.
        int steps = Kernels.get().name().equals("nd4j") ? 300 : 1_500;
        run(steps / 3, steps);
    }

    @Test
    @Tag("slow")
    void twentyThousandStepsLeaveNothingOnTheHeap() throws InterruptedException {
        run(1_000, 20_000);
    }
}
