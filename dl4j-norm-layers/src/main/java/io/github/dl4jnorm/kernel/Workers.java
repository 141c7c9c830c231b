// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import java.lang.ref.Reference;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntConsumer;
import java.util.function.Supplier;
import org.nd4j.nativeblas.NativeOpsHolder;

/**
 * The threads that share the tasks of a pass, one pool for the whole JVM. A pass uses as many as ND4J's own operations
 * (environment variable {@code OMP_NUM_THREADS}, or the setting of the native library), its caller among them.
 *
 * <p>A caller never waits for a task that nobody has begun: when all helpers are busy with the passes of others, it does its
 * own tasks alone, so any number of model threads get on.
 *
 * <p>A helper that runs out of tasks looks for new ones for a while before it sleeps: waking a thread takes longer than many
 * a pass. It looks for long only where the last pass came soon, as the passes of layers without much between them do; in a
 * network whose convolutions take milliseconds it gets out of the way of the threads that compute those.
 */
final class Workers {
    /** Nanoseconds, a fraction of what waking costs. */
    private static final long SHORT_LOOK = 15_000;
    /** Nanoseconds, about what waking costs: a pass that came after as long was worth looking for. */
    private static final long LONG_LOOK = 100_000;

    private static final Queue<Job> JOBS = new ConcurrentLinkedQueue<>();
    private static final Queue<Thread> SLEEPING = new ConcurrentLinkedQueue<>();
    private static final AtomicInteger HELPERS = new AtomicInteger();

    private Workers() {
    }

    /**
     * Does every task once, in any order, and returns when all are done.
     *
     * @param tasks how many
     * @param own   makes what a thread does its tasks with, once for each thread: that may take longer than a task. It does the
     *              task of a number; what it throws comes out here once no task is running any more. What {@code own} refers to
     *              stays reachable until then
     */
    static void run(int tasks, Supplier<? extends IntConsumer> own) {
        int threads = tasks <= 1 ? tasks : Math.min(tasks, threads());
        if (threads <= 1) {
            alone(tasks, own.get());
        } else {
            Job job = new Job(tasks, threads, own);
            JOBS.add(job);
            callHelpers(threads - 1);
            job.takePart();
            JOBS.remove(job);
            job.await();
        }
        Reference.reachabilityFence(own);
    }

    private static void alone(int tasks, IntConsumer mine) {
        for (int task = 0; task < tasks; task++) {
            mine.accept(task);
        }
    }

    private static int threads() {
        return NativeOpsHolder.getInstance().getDeviceNativeOps().ompGetMaxThreads();
    }

    private static void callHelpers(int wanted) {
        for (int have = HELPERS.get(); have < wanted; have = HELPERS.get()) {
            if (HELPERS.compareAndSet(have, have + 1)) {
                Thread thread = new Thread(Workers::help, "dl4jnorm-" + (have + 1));
                thread.setDaemon(true);
                thread.start();
            }
        }
        for (int i = 0; i < wanted; i++) {
            Thread thread = SLEEPING.poll();
            if (thread == null) {
                return;
            }
            LockSupport.unpark(thread);
        }
    }

    private static void help() {
        long idleSince = System.nanoTime();
        long look = SHORT_LOOK;
        while (true) {
            Job job = JOBS.peek();
            if (job != null) {
                look = System.nanoTime() - idleSince < LONG_LOOK ? LONG_LOOK : SHORT_LOOK;
                job.takePart();
                JOBS.remove(job);
                idleSince = System.nanoTime();
            } else if (System.nanoTime() - idleSince < look) {
                Thread.onSpinWait();
            } else {
                sleep();
            }
        }
    }

    private static void sleep() {
        SLEEPING.add(Thread.currentThread());
        // A job that came before this thread was on the list is seen here; one that came after wakes it.
        if (JOBS.isEmpty()) {
            LockSupport.park();
        }
        // A thread that is interrupted does not park. Nothing asks a helper to end by interrupting it.
        Thread.interrupted();
        SLEEPING.remove(Thread.currentThread());
    }

    /**
     * One call of {@link #run}. Each thread begins with a range of tasks of its own, as those are neighbours in memory: what the
     * processor fetches ahead of one it needs for the next one. Then it takes what is left of the ranges of others.
     */
    private static final class Job {
        private final int tasks;
        private final Supplier<? extends IntConsumer> own;
        private final Thread caller = Thread.currentThread();
        private final AtomicInteger taking = new AtomicInteger();
        /** The next task of each range. */
        private final AtomicIntegerArray next;
        private final AtomicInteger done = new AtomicInteger();
        private volatile Throwable failure;

        Job(int tasks, int ranges, Supplier<? extends IntConsumer> own) {
            this.tasks = tasks;
            this.own = own;
            this.next = new AtomicIntegerArray(ranges);
            for (int range = 0; range < ranges; range++) {
                next.set(range, start(range));
            }
        }

        private int start(int range) {
            return (int) ((long) tasks * range / next.length());
        }

        /** Does tasks until none is left to begin. */
        void takePart() {
            IntConsumer mine = null;
            int range = taking.getAndIncrement() % next.length();
            for (int task = take(range); task >= 0; task = take(range)) {
                try {
                    if (failure == null) {
                        mine = mine == null ? own.get() : mine;
                        mine.accept(task);
                    }
                } catch (Throwable thrown) {
                    failure = thrown;
                }
                if (done.incrementAndGet() == tasks) {
                    LockSupport.unpark(caller);
                }
            }
        }

        /** {@return a task of a range, or one of another range if none is left, or -1 if there is none} */
        private int take(int first) {
            for (int i = 0; i < next.length(); i++) {
                int range = (first + i) % next.length();
                int end = start(range + 1);
                int task = next.get(range) < end ? next.getAndIncrement(range) : end;
                if (task < end) {
                    return task;
                }
            }
            return -1;
        }

        void await() {
            long since = System.nanoTime();
            boolean interrupted = false;
            while (done.get() < tasks) {
                if (System.nanoTime() - since < LONG_LOOK) {
                    Thread.onSpinWait();
                } else {
                    LockSupport.park(this);
                    // A thread that is interrupted does not park: the flag is put aside until the tasks are done.
                    interrupted |= Thread.interrupted();
                }
            }
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
            if (failure instanceof RuntimeException thrown) {
                throw thrown;
            }
            if (failure instanceof Error thrown) {
                throw thrown;
            }
        }
    }
}
