// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

/**
 * A parameter array of a normalization layer. The order in which a layer names them is that of the flattened
 * parameters.
 *
 * @param name         key in the parameter table
 * @param length       number of elements
 * @param initialValue what all of them start with
 */
public record NormParameter(String name, long length, double initialValue) {
    /** Scale of each channel. */
    public static final String GAMMA = "gamma";
    /** Shift of each channel. */
    public static final String BETA = "beta";
    /** Running mean of each channel. */
    public static final String MEAN = "mean";
    /** Running variance of each channel. */
    public static final String VAR = "var";
    /** Base-10 logarithm of the running standard deviation, in place of {@link #VAR}. */
    public static final String LOG10_STDEV = "log10stdev";
    /** Numbers of batches behind cumulative statistics: of each channel's mean, then variance; or one for all. */
    public static final String BATCHES = "batches";
    /** Logits of the weights with which switchable normalization mixes means. */
    public static final String MEAN_WEIGHT = "meanWeight";
    /** Logits of the weights with which switchable normalization mixes variances. */
    public static final String VAR_WEIGHT = "varWeight";

    /** Threshold of each channel. */
    public static final String TAU = "tau";
    /** What is learned to be added to the mean square, by its absolute value. */
    public static final String LEARNED_EPS = "learnedEps";

    /** {@return whether training changes it by its gradient; the others are statistics, updated directly} */
    public boolean isTrained() {
        return isTrained(name);
    }

    /**
     * Whether training changes a parameter by its gradient.
     *
     * @param name key in the parameter table
     * @return false for statistics
     */
    public static boolean isTrained(String name) {
        return switch (name) {
            case GAMMA, BETA, MEAN_WEIGHT, VAR_WEIGHT, TAU, LEARNED_EPS -> true;
            default -> false;
        };
    }
}
