// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * How the outputs of a model's nodes compare with those of ONNX Runtime; see {@link OnnxNorms#verify}.
 *
 * @param file        the model
 * @param compared    number of outputs that were compared
 * @param largest     largest difference of these, as a part of the tolerance's reference
 * @param differences the outputs that differ, in the order of the nodes
 */
public record OnnxVerification(String file, int compared, double largest, List<Difference> differences) {
    /**
     * Numbers of an output may differ by this part of the largest of them in magnitude, or of 1 if all are smaller. That of half
     * precision is 32 times as much.
     */
    public static final double TOLERANCE = 1e-4;

    /**
     * An output that differs.
     *
     * @param operator operator of the node
     * @param node     name of the node, or of its first output
     * @param output   name of the output
     * @param message  what was expected, and what it is
     */
    public record Difference(String operator, String node, String output, String message) {
        @Override
        public String toString() {
            return "output \"" + output + "\" of " + operator + " \"" + node + "\": " + message;
        }
    }

    /**
     * Returns whether all outputs are equal within the tolerance.
     *
     * @return whether they are
     */
    public boolean isEqual() {
        return differences.isEmpty();
    }

    /**
     * Returns the first output that differs, whose inputs are equal.
     *
     * @return the difference, or nothing if all outputs are equal
     */
    public Optional<Difference> first() {
        return differences.stream().findFirst();
    }

    @Override
    public String toString() {
        String found = file + ": " + (isEqual() ? "all " + compared : differences.size() + " of " + compared)
                + " outputs of nodes ";
        return found + (isEqual() ? String.format(Locale.ROOT,
                "equal those of ONNX Runtime (largest relative difference %.1e, tolerance %.0e)", largest, TOLERANCE)
                : String.format(Locale.ROOT, "differ from those of ONNX Runtime by more than %.0e; the first is %s", TOLERANCE,
                differences.get(0)));
    }
}
