// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

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
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.nativeblas.NativeOpsHolder;

@Timeout(120)
@Tag("once")
@Tag("full")
class WorkersTest {
    private int before;

    private static void threads(int count) {
        NativeOpsHolder.getInstance().getDeviceNativeOps().setOmpNumThreads(count);
    }

    @BeforeEach
    void remember() {
        Nd4j.getBackend();
        before = NativeOpsHolder.getInstance().getDeviceNativeOps().ompGetMaxThreads();
        threads(4);
    }

    @AfterEach
    void restore() {
        threads(before);
    }

    @Test
    void everyTaskIsDoneOnce() {
        for (int tasks : new int[]{0, 1, 2, 3, 7, 100, 10_000}) {
            AtomicIntegerArray done = new AtomicIntegerArray(tasks);
            Workers.run(tasks, () -> done::incrementAndGet);
            for (int task = 0; task < tasks; task++) {
                assertThat(done.get(task)).as("task %d of %d", task, tasks).isEqualTo(1);
            }
        }
    }

    @Test
    void whatATaskThrowsComesOutAndTheNextCallWorks() {
        for (int round = 0; round < 50; round++) {
            assertThatThrownBy(() -> Workers.run(20, () -> task -> {
                if (task == 13) {
                    throw new IllegalStateException("task 13");
                }
            })).isInstanceOf(IllegalStateException.class).hasMessage("task 13");
            assertThatThrownBy(() -> Workers.run(20, () -> task -> {
                throw new AssertionError("all");
            })).isInstanceOf(AssertionError.class);
            everyTaskIsDoneOnce();
        }
    }

    @Test
    void aTaskMayHaveTasksOfItsOwn() {
        AtomicIntegerArray done = new AtomicIntegerArray(400);
        Workers.run(20, () -> outer -> Workers.run(20, () -> inner -> done.incrementAndGet(20 * outer + inner)));
        for (int i = 0; i < 400; i++) {
            assertThat(done.get(i)).isEqualTo(1);
        }
    }

    @Test
    void manyCallersGetOnTogether() throws Exception {
        ExecutorService callers = Executors.newFixedThreadPool(16);
        List<Future<Long>> sums = new ArrayList<>();
        for (int caller = 0; caller < 16; caller++) {
            Callable<Long> work = () -> {
                // OpenMP keeps this number for each thread.
                threads(4);
                long sum = 0;
                for (int round = 0; round < 50; round++) {
                    long[] parts = new long[50];
                    Workers.run(50, () -> task -> parts[task] = task);
                    for (long part : parts) {
                        sum += part;
                    }
                }
                return sum;
            };
            sums.add(callers.submit(work));
        }
        for (Future<Long> sum : sums) {
            assertThat(sum.get(60, TimeUnit.SECONDS)).isEqualTo(50 * 49 * 25L);
        }
        callers.shutdown();
    }

    private static long cpuNanos(Thread thread) {
        return ManagementFactory.getThreadMXBean().getThreadCpuTime(thread.getId());
    }

    /** Nanoseconds of a processor that a thread takes within 0.3 seconds: if it spins, many on a busy machine, too. */
    private static long taken(Thread thread) throws InterruptedException {
        long start = cpuNanos(thread);
        Thread.sleep(300);
        return cpuNanos(thread) - start;
    }

    private static List<Thread> helpers() {
        return Thread.getAllStackTraces().keySet().stream().filter(thread -> thread.getName().startsWith("dl4jnorm-")).toList();
    }

    @Test
    void anIdleHelperThatIsInterruptedSleepsAgain() throws InterruptedException {
        everyTaskIsDoneOnce();
        assertThat(helpers()).hasSizeGreaterThanOrEqualTo(3);
        helpers().forEach(Thread::interrupt);
        Thread.sleep(50);
        for (Thread helper : helpers()) {
            assertThat(taken(helper)).as("nanoseconds of %s", helper).isLessThan(15_000_000);
            assertThat(helper.isInterrupted()).isFalse();
        }
        everyTaskIsDoneOnce();
    }

    @Test
    void aCallerThatIsInterruptedWhileItWaitsSleepsAndStaysInterrupted() throws Exception {
        CountDownLatch begun = new CountDownLatch(2);
        CountDownLatch end = new CountDownLatch(1);
        AtomicBoolean flag = new AtomicBoolean();
        AtomicInteger done = new AtomicInteger();
        Thread caller = new Thread(() -> {
            // OpenMP keeps this number for each thread.
            threads(2);
            Thread self = Thread.currentThread();
            Workers.run(2, () -> task -> {
                begun.countDown();
                try {
                    begun.await();
                    if (Thread.currentThread() != self) {
                        end.await();
                    }
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                }
                done.incrementAndGet();
            });
            flag.set(Thread.currentThread().isInterrupted());
        });
        caller.start();
        begun.await();
        Thread.sleep(50);
        caller.interrupt();
        Thread.sleep(20);
        assertThat(taken(caller)).as("nanoseconds").isLessThan(15_000_000);
        end.countDown();
        caller.join();
        assertThat(done.get()).isEqualTo(2);
        assertThat(flag).isTrue();
    }

    /** The split of the sums depends on the shape alone. */
    @Test
    void resultsAreTheSameBitForBitOnAnyNumberOfThreads() {
        for (boolean channelsLast : new boolean[]{false, true}) {
            for (long[] shape : new long[][]{{16, 20, 31, 33}, {2, 6, 150, 140}, {64, 48, 14, 14}}) {
                List<INDArray> expected = null;
                for (int count : new int[]{1, 2, 3, 7}) {
                    threads(count);
                    List<INDArray> actual = everything(shape, channelsLast);
                    expected = expected == null ? actual : expected;
                    for (int i = 0; i < actual.size(); i++) {
                        assertThat(Arrays.mismatch(actual.get(i).data().asFloat(), expected.get(i).data().asFloat()))
                                .as("first difference in result %d on %d threads", i, count).isEqualTo(-1);
                    }
                }
            }
        }
    }

    private static INDArray gaussian(Random random, double mean, long[] shape) {
        float[] values = new float[(int) Arrays.stream(shape).reduce(1, (a, b) -> a * b)];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (mean + random.nextGaussian());
        }
        return Nd4j.createFromArray(values).reshape(shape);
    }

    private static List<INDArray> everything(long[] shape, boolean channelsLast) {
        NormKernels kernels = Kernels.get();
        Random random = new Random(5);
        INDArray x = gaussian(random, 3, shape);
        INDArray dy = gaussian(random, 0, shape);
        View plain = View.of(shape, channelsLast);
        List<INDArray> results = new ArrayList<>();
        for (Pooling pooling : List.of(Pooling.BATCH, Pooling.LAYER, Pooling.instance(plain.channels()))) {
            View view = pooling.overBatch() ? plain.batchAsPositions() : plain;
            int groups = pooling.groupsOf(view.channels());
            Moments cells = new Moments(view.examples(), view.channels());
            Norm norm = Norm.of(view.examples(), view.channels(), Pool.over(pooling, cells), null, null, 1e-5);
            INDArray y = Nd4j.create(DataType.FLOAT, shape);
            INDArray dx = Nd4j.create(DataType.FLOAT, shape);
            kernels.normalize(x, view, null, groups, cells, norm, true, y);
            NormGradients gradients = new NormGradients(norm, true);
            kernels.normalizeGrad(x, dy, view, null, groups, norm, true, gradients, dx);
            results.addAll(List.of(y, dx, Nd4j.createFromArray(gradients.gamma()), Nd4j.createFromArray(gradients.beta())));
        }
        PositionNorm norm = new PositionNorm(1, null, null, 1e-5);
        INDArray y = Nd4j.create(DataType.FLOAT, shape);
        INDArray dx = Nd4j.create(DataType.FLOAT, shape);
        kernels.positionNorm(x, plain, null, norm, true, y);
        PositionNorm.Gradients gradients = kernels.positionNormGrad(x, dy, plain, null, norm, null, true, dx);
        results.addAll(List.of(y, dx, Nd4j.createFromArray(gradients.gamma()), Nd4j.createFromArray(gradients.beta())));
        return results;
    }
}
