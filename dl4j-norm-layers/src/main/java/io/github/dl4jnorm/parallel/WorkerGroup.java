// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.parallel;

import io.github.dl4jnorm.norm.Exchange;
import io.github.dl4jnorm.norm.Moments;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;

/**
 * Workers that train in rounds: in each, some of them get a batch, and those meet at every layer that shares statistics.
 *
 * <p>Who takes part is known, not guessed: whoever hands out batches calls {@link #enter} for each and then
 * {@link #close}; before that nobody is waited for in vain nor left out. A worker that is done with its batch no longer
 * takes part. After a failure of one, no call of any worker succeeds: nobody goes on with statistics that lack a part.
 */
final class WorkerGroup {
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final long timeout;
    private final boolean[] taking;
    private int ready;
    private boolean closed;
    private Meeting<?> meeting;
    private String failure;
    private Throwable cause;

    /** All workers that take part at the same place of their networks. */
    private static final class Meeting<T> {
        private final String place;
        private final Function<List<T>, T> together;
        private final SortedMap<Integer, T> parts = new TreeMap<>();
        private T result;

        Meeting(String place, Function<List<T>, T> together) {
            this.place = place;
            this.together = together;
        }

        /** In the order of the workers, so that chance has no say in how sums are rounded. */
        void complete() {
            result = together.apply(List.copyOf(parts.values()));
        }
    }

    /**
     * A group of which nobody takes part in a round yet.
     *
     * @param workers number of workers
     * @param timeout how long one waits for the others
     */
    WorkerGroup(int workers, Duration timeout) {
        taking = new boolean[workers];
        this.timeout = timeout.toNanos();
    }

    /** Another worker has its copy of the network and can take part. */
    void ready() {
        locked(() -> {
            ready++;
            changed.signalAll();
        });
    }

    /**
     * A worker gets a batch; the first one after a round was closed begins another. Waits until all workers are ready: one
     * that is in the forward pass keeps others from copying its network.
     */
    void enter(int worker) {
        locked(() -> {
            waitUntilReady();
            closed = false;
            taking[worker] = true;
        });
    }

    private void waitUntilReady() {
        try {
            long left = timeout;
            while (ready < taking.length && failure == null && left > 0) {
                left = changed.awaitNanos(left);
            }
            if (ready < taking.length) {
                breakUp("timed out after " + milliseconds() + " waiting for " + (taking.length - ready) + " of " + taking.length
                        + " workers to copy the network", null);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private String milliseconds() {
        return Duration.ofNanos(timeout).toMillis() + " ms";
    }

    /** Nobody else gets a batch in this round. */
    void close() {
        locked(() -> {
            closed = true;
            completeIfAllAreHere();
        });
    }

    /** A worker is done with its batch. */
    void leave(int worker) {
        locked(() -> {
            taking[worker] = false;
            completeIfAllAreHere();
        });
    }

    /** A worker cannot go on; the others shall not wait for it. */
    void fail(int worker, Throwable reason) {
        locked(() -> breakUp(name(worker) + " failed: " + reason, reason));
    }

    /**
     * What the calling thread merges statistics with, as one of the workers. For other threads, which know nothing of
     * rounds, the network is one that trains alone.
     *
     * @param worker its number
     * @param layer  words that name the layer
     * @return the exchange
     */
    Exchange exchange(int worker, String layer) {
        Thread own = Thread.currentThread();
        return new Exchange() {
            @Override
            public Moments merge(Moments part) {
                return meet(worker, own, layer + " in the forward pass", part, WorkerGroup::merged);
            }

            @Override
            public double[] sum(double[] part) {
                return meet(worker, own, layer + " in the backward pass", part, WorkerGroup::added);
            }
        };
    }

    private static Moments merged(List<Moments> parts) {
        Moments all = new Moments(parts.get(0).examples(), parts.get(0).channels());
        parts.forEach(all::merge);
        return all;
    }

    private static double[] added(List<double[]> parts) {
        double[] sum = new double[parts.get(0).length];
        for (double[] part : parts) {
            for (int i = 0; i < sum.length; i++) {
                sum[i] += part[i];
            }
        }
        return sum;
    }

    @SuppressWarnings("unchecked")
    private <T> T meet(int worker, Thread own, String place, T part, Function<List<T>, T> together) {
        if (Thread.currentThread() != own) {
            return part;
        }
        lock.lock();
        try {
            requireWhole(place);
            if (!taking[worker]) {
                throw new IllegalStateException(place + ": " + name(worker) + " has no batch in this round");
            }
            if (meeting != null && !meeting.place.equals(place)) {
                breakUp(name(worker) + " is at " + place + " while others are at " + meeting.place, null);
                requireWhole(place);
            }
            // The place says what kind of parts these are.
            Meeting<T> here = meeting == null ? new Meeting<>(place, together) : (Meeting<T>) meeting;
            meeting = here;
            here.parts.put(worker, part);
            completeIfAllAreHere();
            waitFor(here, worker);
            return here.result;
        } finally {
            lock.unlock();
        }
    }

    private void waitFor(Meeting<?> here, int worker) {
        long left = timeout;
        while (here.result == null) {
            requireWhole(here.place);
            if (left <= 0) {
                breakUp("timed out after " + milliseconds() + " waiting for " + missing(here), null);
                continue;
            }
            try {
                left = changed.awaitNanos(left);
            } catch (InterruptedException e) {
                breakUp(name(worker) + " was interrupted", e);
                Thread.currentThread().interrupt();
            }
        }
    }

    private void completeIfAllAreHere() {
        if (meeting != null && closed && absent(meeting).isEmpty()) {
            meeting.complete();
            meeting = null;
            changed.signalAll();
        }
    }

    private List<Integer> absent(Meeting<?> here) {
        List<Integer> absent = new ArrayList<>();
        for (int worker = 0; worker < taking.length; worker++) {
            if (taking[worker] && !here.parts.containsKey(worker)) {
                absent.add(worker);
            }
        }
        return absent;
    }

    private String missing(Meeting<?> here) {
        List<Integer> absent = absent(here);
        return absent.isEmpty() ? "the remaining batches to be assigned"
                : String.join(", ", absent.stream().map(this::name).toList());
    }

    private String name(int worker) {
        return "worker " + worker + " of " + taking.length;
    }

    /** Only the first reason counts: the others follow from it. */
    private void breakUp(String reason, Throwable by) {
        if (failure == null) {
            failure = reason;
            cause = by;
            changed.signalAll();
        }
    }

    private void requireWhole(String place) {
        if (failure != null) {
            throw new IllegalStateException(place + ": cannot combine the statistics of all workers: " + failure, cause);
        }
    }

    private void locked(Runnable change) {
        lock.lock();
        try {
            change.run();
        } finally {
            lock.unlock();
        }
    }
}
