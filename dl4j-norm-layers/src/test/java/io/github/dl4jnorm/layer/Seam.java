// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.stream.IntStream;
import org.deeplearning4j.exception.DL4JException;

/** A column of the table of seams: a feature that meets each row. It asserts that the row works, or that it is refused. */
@FunctionalInterface
interface Seam {
    Answer of(SeamRow row) throws Exception;

    /**
     * What became of a cell.
     *
     * @param refusal why the row has no such feature, or null if it works
     */
    record Answer(String refusal) {
        static final Answer WORKS = new Answer(null);

        boolean works() {
            return refusal == null;
        }
    }

    /** Something that should throw. */
    @FunctionalInterface
    interface Call {
        void run() throws Exception;
    }

    /** The row is left out of what a feature says it did, and the caller has seen that nothing else happened to it. */
    static Answer leftOut(String reason) {
        return new Answer(reason);
    }

    /** The row is refused with a message that names it, as the network does or by its class. */
    static Answer refused(SeamRow row, Call call) throws Exception {
        try {
            call.run();
        } catch (DL4JException | IllegalArgumentException | IllegalStateException | java.io.IOException e) {
            assertThat(e.getMessage()).as("a refusal names the layer").containsAnyOf("\"norm\"", row.type());
            return new Answer(e.getMessage());
        }
        throw new AssertionError("expected an exception that names " + row.type() + ", got none");
    }

    static void same(String what, double[] actual, double[] expected) {
        assertThat(Arrays.equals(actual, expected)).as(what + " is the same, bit by bit: " + summary(actual) + " and "
                + summary(expected)).isTrue();
    }

    /** Sums in another order differ in their last digits. */
    static void close(String what, double[] actual, double[] expected) {
        close(what, actual, expected, 2e-5);
    }

    static void close(String what, double[] actual, double[] expected, double tolerance) {
        assertThat(actual).as(what).hasSameSizeAs(expected);
        double largest = Math.max(1, Arrays.stream(expected).map(Math::abs).max().orElse(0));
        double difference = IntStream.range(0, expected.length)
                .mapToDouble(i -> Double.isNaN(actual[i]) ? Double.POSITIVE_INFINITY : Math.abs(actual[i] - expected[i]))
                .max().orElse(0);
        assertThat(difference).as(what + ", " + summary(actual) + " for " + summary(expected))
                .isLessThanOrEqualTo(tolerance * largest);
    }

    static void different(String what, double[] actual, double[] expected) {
        assertThat(Arrays.equals(actual, expected)).as(what + " changed").isFalse();
    }

    private static String summary(double[] values) {
        return Arrays.toString(Arrays.copyOf(values, Math.min(values.length, 6))) + (values.length > 6 ? "…" : "");
    }
}
