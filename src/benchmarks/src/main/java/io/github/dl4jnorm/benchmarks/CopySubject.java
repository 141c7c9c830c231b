// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** A copy of as many bytes, on all cores: no normalization can be faster than that by much. */
final class CopySubject implements Subject {
    /** Below, it would take longer to wake a thread than to copy. */
    private static final int BYTES_WORTH_A_THREAD = 1 << 17;

    private final ByteBuffer from;
    private final ByteBuffer to;
    private final int parts;
    private final ExecutorService others;

    CopySubject(Case c) {
        int bytes = c.elements() * Float.BYTES;
        from = touched(bytes);
        to = touched(bytes);
        parts = Math.max(1, Math.min(Runtime.getRuntime().availableProcessors(), bytes / BYTES_WORTH_A_THREAD));
        others = Executors.newFixedThreadPool(parts, task -> {
            Thread thread = new Thread(task, "copy");
            thread.setDaemon(true);
            return thread;
        });
    }

    private static ByteBuffer touched(int bytes) {
        ByteBuffer buffer = ByteBuffer.allocateDirect(bytes);
        for (int i = 0; i < bytes; i++) {
            buffer.put(i, (byte) i);
        }
        return buffer;
    }

    @Override
    public Object run(int variant) {
        List<Future<?>> running = new ArrayList<>(parts);
        for (int part = 1; part < parts; part++) {
            int mine = part;
            running.add(others.submit(() -> copy(mine)));
        }
        copy(0);
        try {
            for (Future<?> future : running) {
                future.get();
            }
        } catch (InterruptedException | ExecutionException e) {
            throw new IllegalStateException(e);
        }
        return to;
    }

    private void copy(int part) {
        int start = start(part);
        to.put(start, from, start, start(part + 1) - start);
    }

    private int start(int part) {
        return (int) ((long) from.capacity() * part / parts);
    }

    @Override
    public void close() {
        others.shutdown();
    }
}
