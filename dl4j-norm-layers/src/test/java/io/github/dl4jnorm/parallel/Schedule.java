// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.parallel;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.norm.ChannelStatistics;
import io.github.dl4jnorm.norm.Exchange;
import io.github.dl4jnorm.norm.NormPlan;
import io.github.dl4jnorm.norm.Parameter;
import io.github.dl4jnorm.norm.Values;
import io.github.dl4jnorm.norm.View;
import io.github.dl4jnorm.pass.NormPass;
import io.github.dl4jnorm.pass.ParameterArrays;
import io.github.dl4jnorm.pass.Saved;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

/**
 * Rounds of workers of which some have no batch, some stall, and in a good third of the schedules one throws, is interrupted
 * or never comes. Whoever gets a number must have that of one pass over the batches of all.
 */
final class Schedule {
    private static final int CHANNELS = 3;
    private static final int LAYERS = 2;

    private enum Fault { NONE, THROW, INTERRUPT, NEVER_COME }

    private static final class Injected extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    private final long seed;
    private final Random random;
    private final int workers;
    private final int rounds;
    private final Fault fault;
    private final int faultRound;
    private final int faultWorker;
    /** Before which of the exchanges of a round, two for each layer. */
    private final int faultStep;
    private final NormPlan plan;
    private final WorkerGroup group;
    /** Ends the wait of a worker that does not come: when all others are done. */
    private final CountDownLatch late = new CountDownLatch(1);

    Schedule(long seed) {
        this.seed = seed;
        random = new Random(seed);
        workers = 2 + random.nextInt(7);
        rounds = 1 + random.nextInt(3);
        int drawn = random.nextInt(12);
        fault = drawn < 2 ? Fault.THROW : drawn < 4 ? Fault.INTERRUPT : drawn < 5 ? Fault.NEVER_COME : Fault.NONE;
        faultRound = random.nextInt(rounds);
        faultWorker = random.nextInt(workers);
        faultStep = random.nextInt(2 * LAYERS);
        plan = random.nextBoolean() ? NormPlan.batch() : NormPlan.switchable(CHANNELS, 4, true, false);
        group = new WorkerGroup(workers, fault == Fault.NEVER_COME ? Duration.ofMillis(20) : Duration.ofMinutes(1));
    }

    /** What a worker, or one for all, makes of a batch. */
    private record Result(INDArray y, INDArray dx, double[] gammaAndBeta, List<ChannelStatistics> statistics) {
        INDArray[] of(int from, int to) {
            return new INDArray[]{y.get(NDArrayIndex.interval(from, to)), dx.get(NDArrayIndex.interval(from, to))};
        }
    }

    /** Called before every exchange. */
    private interface Step {
        void at(int step) throws InterruptedException;
    }

    void run() throws Exception {
        List<ExecutorService> threads = new ArrayList<>();
        List<List<Exchange>> exchanges = new ArrayList<>();
        for (int w = 0; w < workers; w++) {
            int worker = w;
            threads.add(Executors.newSingleThreadExecutor());
            exchanges.add(threads.get(w).submit(() -> List.of(group.exchange(worker, "one"),
                    group.exchange(worker, "two"))).get());
            group.ready();
        }
        try {
            boolean whole = true;
            for (int round = 0; round < rounds && whole; round++) {
                whole = round(round, threads, exchanges);
            }
        } finally {
            threads.forEach(ExecutorService::shutdownNow);
        }
    }

    private boolean round(int round, List<ExecutorService> threads, List<List<Exchange>> exchanges) throws Exception {
        int[] ends = new int[workers + 1];
        for (int w = 0; w < workers; w++) {
            ends[w + 1] = ends[w] + Math.max(0, random.nextInt(5) - 1);
        }
        if (ends[workers] == 0) {
            return true;
        }
        INDArray x = gaussian(ends[workers]);
        INDArray dy = gaussian(ends[workers]);
        boolean faulty = fault != Fault.NONE && round == faultRound && ends[faultWorker + 1] > ends[faultWorker];
        int parts = (int) IntStream.range(0, workers).filter(w -> ends[w + 1] > ends[w]).count();
        List<Future<Result>> results = new ArrayList<>();
        for (int w = 0; w < workers; w++) {
            int worker = w;
            int from = ends[w];
            int to = ends[w + 1];
            if (from < to) {
                group.enter(worker);
                long stall = random.nextInt(3) == 0 ? random.nextInt(3) : 0;
                results.add(threads.get(w).submit(() -> work(worker, some(x, from, to), some(dy, from, to),
                        exchanges.get(worker), stall, faulty && worker == faultWorker)));
            } else {
                results.add(null);
            }
        }
        group.close();
        Result all = pass(x, dy, null, step -> { });
        double[] gammaAndBeta = new double[all.gammaAndBeta.length];
        int failed = 0;
        for (int next = 1; next <= workers; next++) {
            int w = (faultWorker + next) % workers;
            if (faulty && w == faultWorker) {
                late.countDown();
            }
            // Where time is short, others may be late as well.
            Result one = results.get(w) == null ? null : result(results.get(w), w, faulty || fault == Fault.NEVER_COME);
            failed += results.get(w) != null && one == null ? 1 : 0;
            if (one != null) {
                check(one, all, ends[w], ends[w + 1], w);
                Arrays.setAll(gammaAndBeta, i -> gammaAndBeta[i] + one.gammaAndBeta[i]);
            }
        }
        if (failed == 0) {
            assertClose(gammaAndBeta, all.gammaAndBeta, "gradients of gamma and beta");
            // Who is the last to come does not wait, and notices no interruption; for who is alone nobody waits.
            assertThat(faulty && (fault == Fault.THROW || fault == Fault.NEVER_COME && parts > 1)).as("seed %d", seed)
                    .isFalse();
        }
        return failed == 0;
    }

    private Result work(int worker, INDArray x, INDArray dy, List<Exchange> exchanges, long stall, boolean faulty)
            throws InterruptedException {
        try {
            Result result = pass(x, dy, exchanges, step -> {
                if (stall > 0) {
                    Thread.sleep(stall);
                }
                if (faulty && step == faultStep) {
                    fault();
                }
            });
            group.leave(worker);
            return result;
        } catch (RuntimeException | InterruptedException e) {
            group.fail(worker, e);
            throw e;
        }
    }

    private void fault() throws InterruptedException {
        switch (fault) {
            case THROW -> throw new Injected();
            case INTERRUPT -> Thread.currentThread().interrupt();
            default -> late.await();
        }
    }

    /** The result, or null if the worker failed for a reason that the schedule has. */
    private Result result(Future<Result> future, int worker, boolean mayFail) throws Exception {
        try {
            return future.get(30, TimeUnit.SECONDS);
        } catch (ExecutionException e) {
            assertThat(mayFail).as("seed %d, worker %d: %s", seed, worker, e).isTrue();
            assertThat(e.getCause()).as("seed %d, worker %d", seed, worker)
                    .isInstanceOfAny(Injected.class, IllegalStateException.class, InterruptedException.class);
            return null;
        }
    }

    private void check(Result one, Result all, int from, int to, int worker) {
        INDArray[] expected = all.of(from, to);
        String what = "seed " + seed + ", worker " + worker + " of " + workers;
        assertClose(ParameterArrays.read(one.y), ParameterArrays.read(expected[0]), what + ": output");
        assertClose(ParameterArrays.read(one.dx), ParameterArrays.read(expected[1]), what + ": gradient");
        for (int i = 0; i < LAYERS; i++) {
            assertClose(one.statistics.get(i).mean(), all.statistics.get(i).mean(), what + ": mean");
            assertClose(one.statistics.get(i).variance(), all.statistics.get(i).variance(), what + ": variance");
            assertClose(one.statistics.get(i).count(), all.statistics.get(i).count(), what + ": count");
        }
    }

    private Result pass(INDArray x, INDArray dy, List<Exchange> exchanges, Step before) throws InterruptedException {
        List<Saved> passes = new ArrayList<>();
        List<INDArray> inputs = new ArrayList<>(List.of(x));
        for (int i = 0; i < LAYERS; i++) {
            before.at(i);
            INDArray in = inputs.get(i);
            INDArray out = Nd4j.createUninitialized(DataType.DOUBLE, in.shape(), 'c');
            passes.add(new NormPass(View.of(in.shape(), false), null, plan, values(i), 1e-5, i == 0, false,
                    exchanges == null ? null : exchanges.get(i)).forward(in, out));
            inputs.add(out);
        }
        double[] gammaAndBeta = new double[2 * CHANNELS * LAYERS];
        INDArray gradient = dy;
        for (int i = LAYERS - 1; i >= 0; i--) {
            before.at(2 * LAYERS - 1 - i);
            INDArray dx = Nd4j.createUninitialized(DataType.DOUBLE, x.shape(), 'c');
            Values gradients = passes.get(i).backward(inputs.get(i), gradient, dx);
            System.arraycopy(gradients.get(Parameter.GAMMA), 0, gammaAndBeta, 2 * i * CHANNELS, CHANNELS);
            System.arraycopy(gradients.get(Parameter.BETA), 0, gammaAndBeta, (2 * i + 1) * CHANNELS, CHANNELS);
            gradient = dx;
        }
        return new Result(inputs.get(LAYERS), gradient, gammaAndBeta,
                passes.stream().map(Saved::batchStatistics).toList());
    }

    private Values values(int layer) {
        Values values = new Values().set(Parameter.GAMMA, new double[]{1, 0.5 + layer, 2})
                .set(Parameter.BETA, new double[]{0.3, -0.2, layer});
        return plan.equals(NormPlan.batch()) ? values : values.set(Parameter.MEAN_WEIGHT, new double[]{1, 0.5, 0.8})
                .set(Parameter.VAR_WEIGHT, new double[]{0.7, 1, 1.2});
    }

    private INDArray gaussian(int examples) {
        double[] values = new double[examples * CHANNELS * 4];
        for (int i = 0; i < values.length; i++) {
            values[i] = i % 5 + 2 * random.nextGaussian();
        }
        return Nd4j.createFromArray(values).reshape(examples, CHANNELS, 2, 2);
    }

    private static INDArray some(INDArray array, int from, int to) {
        return array.get(NDArrayIndex.interval(from, to)).dup('c');
    }

    private void assertClose(double[] actual, double[] expected, String what) {
        assertThat(actual.length).isEqualTo(expected.length);
        for (int i = 0; i < actual.length; i++) {
            if (!(Math.abs(actual[i] - expected[i]) <= 1e-9 * (1 + Math.abs(expected[i])))) {
                throw new AssertionError("seed " + seed + ": " + what + " " + i + ": expected " + expected[i] + ", got "
                        + actual[i]);
            }
        }
    }
}
