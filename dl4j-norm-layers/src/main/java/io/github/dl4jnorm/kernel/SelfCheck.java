// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.norm.Divisor;
import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.View;
import java.io.PrintStream;
import java.util.Arrays;
import java.util.Locale;
import java.util.Random;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Checks the kernels of this JVM on the backend that is loaded, and measures them: for backends and processors that this project
 * does not test on.
 *
 * <pre>
 * java -cp CLASSPATH io.github.dl4jnorm.kernel.SelfCheck
 * </pre>
 *
 * <p>Every norm, in each layout and type, with and without mask and ReLU, is compared with plain loops over double, output and
 * gradients. Then a forward and a backward pass over FLOAT images is timed beside a copy of the input. The exit code is 1 if a
 * number is wrong.
 */
public final class SelfCheck {
    private static final DataType[] TYPES = {DataType.FLOAT, DataType.DOUBLE, DataType.HALF};
    /** Of the largest number: what rounding may cost. */
    private static final double[] TOLERANCES = {1e-4, 1e-9, 2e-2};
    private static final long[] TIMED = {32, 64, 56, 56};
    private static final int TIMES = 7;
    private static final double NANOS_PER_MS = 1e6;

    private final PrintStream out;
    private final long[] timed;
    private boolean wrong;

    SelfCheck(PrintStream out, long... timed) {
        this.out = out;
        this.timed = timed;
    }

    /** A norm by what shares statistics, and what it divides by. */
    enum Kind {
        BATCH(0, Divisor.DEVIATION), INSTANCE(-1, Divisor.DEVIATION), GROUP(2, Divisor.DEVIATION), LAYER(1, Divisor.DEVIATION),
        RMS(1, Divisor.ROOT_MEAN_SQUARE), LAYER_PER_POSITION(1, Divisor.DEVIATION), RMS_PER_POSITION(1, Divisor.ROOT_MEAN_SQUARE);

        final int groups;
        final Divisor divisor;

        Kind(int groups, Divisor divisor) {
            this.groups = groups;
            this.divisor = divisor;
        }

        boolean perPosition() {
            return this == LAYER_PER_POSITION || this == RMS_PER_POSITION;
        }

        String title() {
            return name().toLowerCase(Locale.ROOT).replace('_', ' ');
        }
    }

    /** Layouts, by the shape of an array and where its channels are. */
    enum Layout {
        NC(false, 6, 8), NCW(false, 3, 8, 10), NWC(true, 3, 10, 8), NCHW(false, 3, 8, 5, 4), NHWC(true, 3, 5, 4, 8),
        NCDHW(false, 2, 8, 2, 3, 4), NDHWC(true, 2, 2, 3, 4, 8);

        final boolean channelsLast;
        final long[] shape;

        Layout(boolean channelsLast, long... shape) {
            this.channelsLast = channelsLast;
            this.shape = shape;
        }

        View view() {
            return View.of(shape, channelsLast);
        }
    }

    /**
     * Checks and measures.
     *
     * @param arguments none
     */
    public static void main(String[] arguments) {
        System.exit(new SelfCheck(System.out, TIMED).run() ? 0 : 1);
    }

    /** {@return whether all numbers are right} */
    boolean run() {
        out.println(Kernels.describe());
        out.printf("%nLargest errors, relative to the largest number%n%-20s %12s %12s %12s%n", "norm", TYPES[0], TYPES[1],
                TYPES[2]);
        for (Kind kind : Kind.values()) {
            out.printf("%-20s", kind.title());
            String failed = "";
            for (int type = 0; type < TYPES.length; type++) {
                double worst = 0;
                for (Layout layout : Layout.values()) {
                    for (int variant = 0; variant < 4; variant++) {
                        double error = error(kind, layout, TYPES[type], variant % 2 == 1, variant / 2 == 1);
                        if (!(error <= TOLERANCES[type])) {
                            failed += " " + TYPES[type] + " " + layout + (variant % 2 == 1 ? " with ReLU" : "")
                                    + (variant / 2 == 1 ? " with a mask" : "");
                        }
                        worst = Math.max(worst, error);
                    }
                }
                out.printf(" %12.1e", worst);
            }
            out.println(failed.isEmpty() ? "   right" : "   WRONG:" + failed);
            wrong |= !failed.isEmpty();
        }
        time();
        return !wrong;
    }

    private static double error(Kind kind, Layout layout, DataType type, boolean relu, boolean masked) {
        View view = layout.view();
        Random random = new Random(kind.ordinal() * 31L + layout.ordinal());
        INDArray x = drawn(random, layout.shape, type);
        INDArray dy = drawn(random, layout.shape, type);
        double[] gamma = random.doubles(view.channels(), 0.5, 1.5).toArray();
        double[] beta = random.doubles(view.channels(), -1, 1).toArray();
        boolean[] keep = new boolean[view.examples() * view.positions()];
        for (int i = 0; i < keep.length; i++) {
            // The last third of each example; of dense input, some examples.
            int s = i % view.positions();
            keep[i] = !masked || (view.positions() == 1 ? i % 3 != 2 : s < view.positions() * 2 / 3);
        }
        Mask mask = masked ? new Mask(view.examples(), 1, view.positions(), keep) : null;
        INDArray y = Nd4j.createUninitialized(type, layout.shape, 'c');
        INDArray dx = Nd4j.createUninitialized(type, layout.shape, 'c');
        SelfCheckPass pass = new SelfCheckPass(kind, view, mask, gamma, beta, relu);
        pass.forward(x, y);
        pass.backward(x, dy, dx);
        PlainNorm plain = new PlainNorm(kind, layout, keep, gamma, beta, relu);
        double[] expected = plain.forward(numbers(x));
        double[] gradient = plain.backward(numbers(dy));
        double worst = Math.max(error(numbers(y), expected), error(numbers(dx), gradient));
        return Math.max(worst, Math.max(error(pass.gamma(), plain.gammaGradient), error(pass.beta(), plain.betaGradient)));
    }

    private static INDArray drawn(Random random, long[] shape, DataType type) {
        int length = (int) Arrays.stream(shape).reduce(1, (a, b) -> a * b);
        double[] values = random.doubles(length, -2, 3).toArray();
        return Nd4j.createFromArray(values).reshape('c', shape).castTo(type);
    }

    private static double[] numbers(INDArray array) {
        return array.castTo(DataType.DOUBLE).dup('c').data().asDouble();
    }

    private static double error(double[] actual, double[] expected) {
        double largest = Math.max(1, Arrays.stream(expected).map(Math::abs).max().orElse(0));
        double worst = 0;
        for (int i = 0; i < expected.length; i++) {
            double error = Math.abs(actual[i] - expected[i]) / largest;
            // Not Math.max alone: NaN is an error, too.
            worst = error <= worst ? worst : error;
        }
        return Double.isNaN(worst) ? Double.POSITIVE_INFINITY : worst;
    }

    private void time() {
        out.printf("%nFLOAT, channels first, %s: medians of %d passes, milliseconds%n", Arrays.toString(timed), TIMES);
        out.printf("%-20s %12s %12s %12s%n", "norm", "forward", "backward", "with ReLU");
        INDArray x = Nd4j.randn(DataType.FLOAT, timed);
        INDArray dy = Nd4j.randn(DataType.FLOAT, timed);
        INDArray y = x.dup('c');
        INDArray dx = x.dup('c');
        out.printf("%-20s %12.2f%n", "copy", median(() -> y.assign(x)));
        View view = View.of(timed, false);
        for (Kind kind : Kind.values()) {
            double[] ones = new double[view.channels()];
            Arrays.fill(ones, 1);
            SelfCheckPass plain = new SelfCheckPass(kind, view, null, ones, ones, false);
            SelfCheckPass relu = new SelfCheckPass(kind, view, null, ones, ones, true);
            double forward = median(() -> plain.forward(x, y));
            double backward = median(() -> plain.backward(x, dy, dx));
            relu.forward(x, y);
            out.printf("%-20s %12.2f %12.2f %12.2f%n", kind.title(), forward, backward,
                    median(() -> relu.backward(x, dy, dx)));
        }
    }

    /** Of some passes, waiting for the device after each, and warmed up. */
    private static double median(Runnable pass) {
        double[] milliseconds = new double[TIMES];
        for (int i = -TIMES; i < TIMES; i++) {
            long start = System.nanoTime();
            pass.run();
            Nd4j.getExecutioner().commit();
            milliseconds[Math.floorMod(i, TIMES)] = (System.nanoTime() - start) / NANOS_PER_MS;
        }
        Arrays.sort(milliseconds);
        return milliseconds[TIMES / 2];
    }
}
