// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.parallel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jnorm.norm.Exchange;
import io.github.dl4jnorm.norm.Moments;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever the workers do, each gets the numbers of all or an error, and none waits forever. */
@Tag("once")
@Timeout(120)
@Tag("full")
class WorkerGroupTest {
    private static final Duration LONG = Duration.ofMinutes(1);

    @Test
    void randomSchedules() throws Exception {
        for (int seed = 0; seed < 500; seed++) {
            new Schedule(seed).run();
        }
    }

    /** A worker on a thread of its own. */
    private static final class Worker implements AutoCloseable {
        private final ExecutorService thread = Executors.newSingleThreadExecutor();
        private final Exchange exchange;

        Worker(WorkerGroup group, int number) throws Exception {
            exchange = thread.submit(() -> group.exchange(number, "layer")).get();
        }

        Future<double[]> sum(double... own) {
            return thread.submit(() -> exchange.sum(own));
        }

        @Override
        public void close() {
            thread.shutdownNow();
        }
    }

    private static WorkerGroup group(int workers, Duration timeout) {
        WorkerGroup group = new WorkerGroup(workers, timeout);
        IntStream.range(0, workers).forEach(worker -> group.ready());
        return group;
    }

    @Test
    void noBatchIsHandedOutBeforeAllWorkersAreReady() throws Exception {
        WorkerGroup group = new WorkerGroup(2, LONG);
        group.ready();
        CompletableFuture<Void> entering = CompletableFuture.runAsync(() -> group.enter(0));
        Thread.sleep(20);
        assertThat(entering.isDone()).isFalse();
        group.ready();
        entering.get();

        WorkerGroup incomplete = new WorkerGroup(3, Duration.ofMillis(20));
        incomplete.ready();
        try (Worker zero = new Worker(incomplete, 0)) {
            incomplete.enter(0);
            assertThatThrownBy(zero.sum(1)::get)
                    .hasMessageContaining("timed out after 20 ms waiting for 2 of 3 workers to copy the network");
        }
    }

    @Test
    void nobodyGoesOnBeforeAllBatchesAreHandedOut() throws Exception {
        WorkerGroup group = group(3, LONG);
        try (Worker zero = new Worker(group, 0); Worker two = new Worker(group, 2)) {
            group.enter(0);
            Future<double[]> first = zero.sum(1);
            Thread.sleep(20);
            assertThat(first.isDone()).isFalse();
            group.enter(2);
            group.close();
            Thread.sleep(20);
            assertThat(first.isDone()).isFalse();
            assertThat(two.sum(2).get()).containsExactly(3);
            assertThat(first.get()).containsExactly(3);
            Future<double[]> second = zero.sum(5);
            group.leave(2);
            assertThat(second.get()).as("of those who still have a batch").containsExactly(5);
        }
    }

    @Test
    void theMissingWorkerAndTheLayerAreNamed() throws Exception {
        WorkerGroup group = group(4, Duration.ofMillis(50));
        try (Worker zero = new Worker(group, 0); Worker one = new Worker(group, 1); Worker three = new Worker(group, 3)) {
            IntStream.range(0, 4).forEach(group::enter);
            group.close();
            Future<double[]> first = zero.sum(1);
            Future<double[]> second = one.sum(1);
            String message = "layer in the backward pass: cannot combine the statistics of all workers: timed out after 50 ms "
                    + "waiting for ";
            assertThatThrownBy(first::get).isInstanceOf(ExecutionException.class).hasMessageContaining(message)
                    .hasMessageContaining("worker 2 of 4, worker 3 of 4");
            assertThatThrownBy(second::get).hasMessageContaining(message);
            assertThatThrownBy(three.sum(1)::get).as("who comes late").hasMessageContaining(message);
        }
    }

    @Test
    void aRoundThatIsNeverClosedIsNoReasonToWaitForever() throws Exception {
        WorkerGroup group = group(2, Duration.ofMillis(20));
        try (Worker zero = new Worker(group, 0)) {
            group.enter(0);
            assertThatThrownBy(zero.sum(1)::get)
                    .hasMessageContaining("timed out after 20 ms waiting for the remaining batches to be assigned");
        }
    }

    @Test
    void aFailureReachesThoseWhoWaitAndThoseWhoCome() throws Exception {
        WorkerGroup group = group(2, LONG);
        try (Worker zero = new Worker(group, 0)) {
            group.enter(0);
            group.enter(1);
            group.close();
            Future<double[]> waiting = zero.sum(1);
            Thread.sleep(10);
            IllegalArgumentException reason = new IllegalArgumentException("no such file");
            group.fail(1, reason);
            assertThatThrownBy(waiting::get).hasStackTraceContaining("worker 1 of 2 failed").hasRootCause(reason);
            assertThatThrownBy(zero.sum(1)::get).hasRootCause(reason);
        }
    }

    @Test
    void anInterruptedWorkerStopsAll() throws Exception {
        WorkerGroup group = group(2, LONG);
        CompletableFuture<Boolean> flag = new CompletableFuture<>();
        group.enter(0);
        group.enter(1);
        group.close();
        Thread worker = new Thread(() -> {
            Exchange exchange = group.exchange(0, "layer");
            try {
                exchange.sum(new double[1]);
            } catch (IllegalStateException e) {
                flag.complete(Thread.currentThread().isInterrupted() && e.getMessage().contains("worker 0 of 2 was interr"));
            }
        });
        worker.start();
        worker.interrupt();
        assertThat(flag.get()).isTrue();
        try (Worker one = new Worker(group, 1)) {
            assertThatThrownBy(one.sum(1)::get).hasMessageContaining("worker 0 of 2 was interrupted");
        }
    }

    @Test
    void workersAtDifferentLayersDoNotWaitForEachOther() throws Exception {
        WorkerGroup group = group(2, LONG);
        try (Worker zero = new Worker(group, 0); Worker one = new Worker(group, 1)) {
            group.enter(0);
            group.enter(1);
            group.close();
            Exchange other = one.thread.submit(() -> group.exchange(1, "another layer")).get();
            Future<double[]> waiting = zero.sum(1);
            while (!waiting.isDone()) {
                Thread.sleep(5);
                Future<double[]> elsewhere = one.thread.submit(() -> other.sum(new double[1]));
                assertThatThrownBy(elsewhere::get).hasMessageContaining("cannot combine the statistics of all workers")
                        .hasMessageContaining("another layer in the backward pass");
            }
            assertThatThrownBy(waiting::get).hasMessageContaining("others are at");
        }
    }

    @Test
    void whoHasNoBatchOrNoThreadOfTheGroupDoesNotTakePart() throws Exception {
        WorkerGroup group = group(2, LONG);
        try (Worker zero = new Worker(group, 0)) {
            assertThatThrownBy(zero.sum(1)::get).hasMessageContaining("worker 0 of 2 has no batch in this round");
            assertThat(zero.exchange.sum(new double[]{7})).containsExactly(7);
        }
    }

    /** Workers that do nothing else: what an exchange costs where none waits for a slow one. */
    @Tag("slow")
    @ParameterizedTest
    @ValueSource(ints = {64, 2048})
    void whatAnExchangeTakes(int channels) throws Exception {
        int times = 20_000;
        for (int workers : new int[]{1, 2, 4}) {
            WorkerGroup group = group(workers, LONG);
            IntStream.range(0, workers).forEach(group::enter);
            group.close();
            ExecutorService threads = Executors.newFixedThreadPool(workers);
            List<Future<double[]>> results = new ArrayList<>();
            for (int w = 0; w < workers; w++) {
                int worker = w;
                results.add(threads.submit(() -> times(group.exchange(worker, "layer"), channels, times)));
            }
            for (Future<double[]> result : results) {
                double[] microseconds = result.get();
                assertThat(microseconds[2]).isEqualTo(workers);
                System.out.printf("%d channels, worker of %d: %.1f us per exchange forward, %.1f us backward%n", channels,
                        workers, microseconds[0], microseconds[1]);
                assertThat(microseconds[0] + microseconds[1]).isLessThan(2000);
            }
            threads.shutdown();
        }
    }

    /** Microseconds for each exchange in the forward and in the backward pass, after a tenth as many, and what comes of ones. */
    private static double[] times(Exchange exchange, int channels, int times) {
        Moments own = new Moments(1, channels);
        IntStream.range(0, channels).forEach(c -> own.merge(c, 32, c, 1));
        double[] ones = new double[2 * channels];
        Arrays.fill(ones, 1);
        double[] microseconds = new double[3];
        for (int count : new int[]{times / 10, times}) {
            long start = System.nanoTime();
            for (int i = 0; i < count; i++) {
                exchange.merge(own);
            }
            long middle = System.nanoTime();
            for (int i = 0; i < count; i++) {
                microseconds[2] = exchange.sum(ones)[channels];
            }
            microseconds[0] = (middle - start) / 1e3 / count;
            microseconds[1] = (System.nanoTime() - middle) / 1e3 / count;
        }
        return microseconds;
    }
}
