// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import static java.util.concurrent.TimeUnit.MILLISECONDS;

import java.io.PrintStream;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/**
 * A progress bar on the standard error stream that is gone once it is closed, so that what is printed then stands where the bar
 * stood. While it is open, nothing else may be printed. A file or a pipe gets a line now and then.
 */
final class StepBar implements AutoCloseable {
    private static final int MOVING = 200;
    private static final int STILL = 60_000;

    private final Line line = new Line(System.err, System.console() != null);
    private final ProgressBar bar;

    StepBar(String task, long steps) {
        // The usual consumer begins a line of its own and moves the cursor up into it, wherever that line is by then.
        bar = new ProgressBarBuilder().setTaskName(task).setInitialMax(steps).setStyle(ProgressBarStyle.ASCII)
                .setUpdateIntervalMillis(line.moving ? MOVING : STILL).setConsumer(line).build();
    }

    void step() {
        bar.step();
    }

    void say(String message) {
        bar.setExtraMessage(message);
    }

    @Override
    public void close() {
        bar.close();
        // The bar itself does not clear what it draws for the first time when it is closed.
        line.clear();
    }

    /** Draws into the line where the cursor is. */
    private static final class Line extends ConsoleProgressBarConsumer {
        private final PrintStream out;
        private final boolean moving;
        private long last = System.nanoTime();
        private int length;

        Line(PrintStream out, boolean moving) {
            super(out);
            this.out = out;
            this.moving = moving;
        }

        @Override
        public void accept(String drawn) {
            if (moving) {
                super.accept(drawn);
                length = Math.max(length, Math.min(drawn.length(), getMaxRenderedLength()));
            } else if (System.nanoTime() - last > MILLISECONDS.toNanos(STILL / 2)) {
                // Not what is drawn at once and at the end.
                out.println(drawn.strip());
                last = System.nanoTime();
            }
            out.flush();
        }

        @Override
        public void clear() {
            if (length > 0) {
                out.print('\r' + " ".repeat(length) + '\r');
                out.flush();
            }
        }

        @Override
        public void close() {
            out.flush();
        }
    }
}
