// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.github.dl4jnorm.norm.Affine;
import io.github.dl4jnorm.norm.Moments;
import io.github.dl4jnorm.norm.Norm;
import io.github.dl4jnorm.norm.NormGradients;
import io.github.dl4jnorm.norm.Pool;
import io.github.dl4jnorm.norm.Pooling;
import io.github.dl4jnorm.norm.PositionNorm;
import io.github.dl4jnorm.norm.View;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.nativeblas.NativeOpsHolder;

/** Which threads do the work of a pass, and that those of several models do not keep it from each other. */
@EnabledIfSystemProperty(named = Kernels.PROPERTY, matches = "vector|scalar")
@Timeout(120)
@Tag("full")
class ThreadUseTest {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private int before;

    @BeforeEach
    void fourThreads() {
        Nd4j.getBackend();
        before = NativeOpsHolder.getInstance().getDeviceNativeOps().ompGetMaxThreads();
        allowFour();
    }

    /** OpenMP keeps this number for each thread. */
    private static void allowFour() {
        NativeOpsHolder.getInstance().getDeviceNativeOps().setOmpNumThreads(4);
    }

    @AfterEach
    void restore() {
        NativeOpsHolder.getInstance().getDeviceNativeOps().setOmpNumThreads(before);
    }

    /** What the helpers have allocated: every part of a pass allocates something, a thread that sleeps nothing. */
    private static long[] allocatedByHelpers() {
        long[] ids = Thread.getAllStackTraces().keySet().stream().filter(thread -> thread.getName().startsWith("dl4jnorm-"))
                .mapToLong(Thread::getId).sorted().toArray();
        return Arrays.stream(ids).map(THREADS::getThreadAllocatedBytes).toArray();
    }

    private static void everyPass(long... shape) {
        for (boolean channelsLast : new boolean[]{false, true}) {
            NormKernels kernels = Kernels.get();
            INDArray x = Nd4j.linspace(DataType.FLOAT, -1, 1e-3, Arrays.stream(shape).reduce(1, (a, b) -> a * b))
                    .reshape(shape);
            INDArray y = Nd4j.create(DataType.FLOAT, shape);
            View plain = View.of(shape, channelsLast);
            for (View view : List.of(plain, plain.batchAsPositions())) {
                int groups = view.channels();
                kernels.moments(x, view, null);
                kernels.affine(x, view, null, Affine.IDENTITY, true, y);
                kernels.gradSums(x, x, view, null, Affine.IDENTITY, true);
                Moments cells = new Moments(view.examples(), groups);
                Norm norm = Norm.of(view.examples(), groups, Pool.over(Pooling.group(groups), cells), null, null, 1e-3);
                kernels.normalize(x, view, null, groups, cells, norm, false, y);
                NormGradients gradients = new NormGradients(norm, true);
                kernels.normalizeGrad(x, x, view, null, groups, norm, false, gradients, y);
            }
            PositionNorm rows = new PositionNorm(1, null, null, 1e-3);
            kernels.positionNorm(x, plain, null, rows, true, y);
            kernels.positionNormGrad(x, x, plain, null, rows, null, true, y);
        }
    }

    @Test
    void smallArraysAreWorkedOnInTheCallingThread() throws Exception {
        everyPass(16, 32, 20, 20);
        // Long enough for the helpers to fall asleep.
        Thread.sleep(100);
        long[] asleep = allocatedByHelpers();
        assertThat(asleep).as("helpers of the large passes").hasSizeGreaterThanOrEqualTo(3);
        for (int round = 0; round < 20; round++) {
            everyPass(2, 16, 31, 33);
            everyPass(32, 1024);
        }
        assertThat(allocatedByHelpers()).as("bytes allocated by helpers").containsExactly(asleep);
        for (int round = 0; round < 20; round++) {
            everyPass(16, 32, 20, 20);
        }
        assertThat(allocatedByHelpers()).as("large passes are seen this way").isNotEqualTo(asleep);
    }

    @Test
    void aCallerWhoseHelpersAreAllHeldUpDoesItsTasksAlone() throws Exception {
        CountDownLatch heldUp = new CountDownLatch(4);
        CountDownLatch goOn = new CountDownLatch(1);
        ExecutorService models = Executors.newFixedThreadPool(1);
        try {
            Future<?> first = models.submit(() -> {
                allowFour();
                Workers.run(4, () -> task -> {
                    heldUp.countDown();
                    awaitQuietly(goOn);
                });
            });
            assertThat(heldUp.await(60, TimeUnit.SECONDS)).as("caller and helpers are busy").isTrue();
            AtomicIntegerArray done = new AtomicIntegerArray(100);
            Workers.run(100, () -> done::incrementAndGet);
            assertThat(IntStream.range(0, 100).map(done::get)).containsOnly(1);
            assertThat(first.isDone()).isFalse();
            goOn.countDown();
            first.get(60, TimeUnit.SECONDS);
        } finally {
            goOn.countDown();
            models.shutdown();
        }
    }

    private static void awaitQuietly(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** When one of them is through, the others have come at least a fifth of the way. */
    @Test
    void modelThreadsGetOnAlike() throws Exception {
        int models = 4;
        int passes = 300;
        AtomicIntegerArray done = new AtomicIntegerArray(models);
        int[] whenFirst = new int[models];
        AtomicInteger finished = new AtomicInteger();
        CountDownLatch start = new CountDownLatch(models);
        ExecutorService threads = Executors.newFixedThreadPool(models);
        List<Future<?>> all = new ArrayList<>();
        for (int i = 0; i < models; i++) {
            int model = i;
            all.add(threads.submit(() -> {
                INDArray x = Nd4j.ones(DataType.FLOAT, 8, 32, 40, 40);
                View view = View.of(x.shape(), false);
                allowFour();
                start.countDown();
                awaitQuietly(start);
                for (int pass = 0; pass < passes; pass++) {
                    Kernels.get().moments(x, view, null);
                    done.incrementAndGet(model);
                }
                if (finished.getAndIncrement() == 0) {
                    Arrays.setAll(whenFirst, done::get);
                }
            }));
        }
        for (Future<?> one : all) {
            one.get(100, TimeUnit.SECONDS);
        }
        threads.shutdown();
        assertThat(IntStream.of(whenFirst)).as("passes done when the first model was through")
                .allMatch(count -> count >= passes / 5);
    }
}
