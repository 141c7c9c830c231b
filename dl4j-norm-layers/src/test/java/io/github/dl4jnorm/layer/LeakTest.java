// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.kernel.Kernels;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.bytedeco.javacpp.Pointer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.memory.AllocationsTracker;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Steps on ever changing shapes leave no memory behind. */
@Timeout(600)
class LeakTest {
    private static final int CHANNELS = 8;

    /** What is in use once everything unused was collected. */
    private record Memory(long heap, long arrays, long process) {
        static Memory now() throws InterruptedException {
            Memory least = null;
            // ND4J frees arrays on threads of its own some time after the collector has found them.
            for (int i = 0; i < 6; i++) {
                System.gc();
                Thread.sleep(100);
                Memory found = new Memory(ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed(),
                        AllocationsTracker.getInstance().bytesOnDevice(0), Pointer.physicalBytes());
                least = least == null ? found : new Memory(Math.min(least.heap, found.heap),
                        Math.min(least.arrays, found.arrays), Math.min(least.process, found.process));
            }
            return least;
        }
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

    private static void run(int warmUp, int last, boolean process) throws InterruptedException {
        List<LayerUnderTest> layers = layers();
        steps(layers, 0, warmUp);
        Memory before = Memory.now();
        steps(layers, warmUp, last);
        Memory after = Memory.now();
        assertThat(after.heap).as("heap after %d steps, %s then %s", last, before, after)
                .isLessThanOrEqualTo((long) (1.05 * before.heap));
        // What is left are the layers' parameters and the arrays of the last steps: so little that 5 % are nothing.
        assertThat(after.arrays).as("memory of arrays after %d steps, %s then %s", last, before, after)
                .isLessThanOrEqualTo((long) (1.05 * before.arrays) + (1 << 18));
        if (process) {
            assertThat(after.process).as("memory of the process after %d steps, %s then %s", last, before, after)
                    .isLessThanOrEqualTo((long) (1.05 * before.process));
        }
    }

    @Test
    void hundredsOfStepsLeaveNoMemoryBehind() throws InterruptedException {
        // ND4J's operations take ten times as long.
        int steps = Kernels.get().name().equals("nd4j") ? 300 : 1_500;
        run(steps / 3, steps, false);
    }

    @Test
    @Tag("slow")
    void twentyThousandStepsLeaveNoMemoryBehind() throws InterruptedException {
        run(1_000, 20_000, true);
    }
}
