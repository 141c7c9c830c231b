// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.norm.Parameter;
import java.util.Arrays;

/**
 * Describes a parameter array of a normalization layer. A layer lists them in the order of the flattened parameters.
 *
 * @param name         key in the parameter table
 * @param length       number of elements
 * @param initialValue initial value of all elements
 * @param pyTorch      name in PyTorch's state_dict, or null for the usual one of its kind
 */
public record NormParameter(String name, long length, double initialValue, String pyTorch) {
    /** Scale of each channel. */
    public static final String GAMMA = "gamma";
    /** Shift of each channel. */
    public static final String BETA = "beta";
    /** Running mean of each channel. */
    public static final String MEAN = "mean";
    /** Running variance of each channel. */
    public static final String VAR = "var";
    /** Base-10 logarithm of the running standard deviation, stored instead of {@link #VAR}. */
    public static final String LOG10_STDEV = "log10stdev";
    /** Batch counts of cumulative statistics: for each channel's mean, then for each variance; or a single count. */
    public static final String BATCHES = "batches";
    /** Logits that weight the means in switchable normalization. */
    public static final String MEAN_WEIGHT = "meanWeight";
    /** Logits that weight the variances in switchable normalization. */
    public static final String VAR_WEIGHT = "varWeight";

    /** Threshold of each channel. */
    public static final String TAU = "tau";
    /** Learned value whose absolute value is added to the mean square. */
    public static final String LEARNED_EPS = "learnedEps";

    /** Factor of the input before a function is applied. */
    public static final String ALPHA = "alpha";
    /** Factor of each channel in a gate. */
    public static final String V = "v";
    /** What is added to the input before a function is applied. */
    public static final String SHIFT = "shift";

    /**
     * Describes a parameter with the usual name in PyTorch.
     *
     * @param name         key in the parameter table
     * @param length       number of elements
     * @param initialValue initial value of all elements
     */
    public NormParameter(String name, long length, double initialValue) {
        this(name, length, initialValue, null);
    }

    /** {@return the name in PyTorch's state_dict} */
    @Override
    public String pyTorch() {
        return pyTorch == null ? kind().pyTorch() : pyTorch;
    }

    /**
     * Returns the same parameter with another name in PyTorch.
     *
     * @param other name in the state_dict of the norm's module
     * @return the parameter
     */
    public NormParameter named(String other) {
        return new NormParameter(name, length, initialValue, other);
    }

    /**
     * Returns the same parameter of a part of the batch.
     *
     * @param part   number of the part, positive; it ends the name
     * @param prefix what the name in PyTorch begins with
     * @return the parameter
     */
    public NormParameter ofPart(int part, String prefix) {
        return new NormParameter(name + part, length, initialValue, prefix + pyTorch());
    }

    /** {@return the number of the part of the batch that the parameter belongs to: 0 for all but the parts behind the first} */
    public int part() {
        String number = name.substring(kind().key().length());
        return number.isEmpty() ? 0 : Integer.parseInt(number);
    }

    /**
     * Returns the numbers of this parameter.
     *
     * @param all numbers of the parameter of all parts of the batch
     * @return those of its part
     */
    public double[] of(double[] all) {
        int count = Math.toIntExact(length);
        return all.length == count ? all : Arrays.copyOfRange(all, part() * count, (part() + 1) * count);
    }

    /**
     * Returns the kind of parameter that the name stands for.
     *
     * @return the kind
     * @throws IllegalStateException if there is none of this name
     */
    public Parameter kind() {
        Parameter kind = Parameter.of(name);
        if (kind == null) {
            throw new IllegalStateException("parameter \"" + name + "\" is not one of "
                    + Arrays.toString(Parameter.values()));
        }
        return kind;
    }

    /** {@return whether gradient descent updates the parameter; false for statistics, which the layer updates} */
    public boolean isTrained() {
        return isTrained(name);
    }

    /**
     * Returns whether gradient descent updates a parameter.
     *
     * @param name key in the parameter table
     * @return false for statistics, which the layer updates
     */
    public static boolean isTrained(String name) {
        Parameter parameter = Parameter.of(name);
        return parameter != null && parameter.isLearned();
    }

    /**
     * Returns whether gradient descent updates a parameter of a layer.
     *
     * @param name  key in the parameter table
     * @param layer the layer
     * @return false for statistics, and for all but gamma and beta if the layer trains only these
     */
    public static boolean isTrained(String name, NormLayer layer) {
        Parameter kind = Parameter.of(name);
        return isTrained(name) && (!layer.isAffineOnly() || kind == Parameter.GAMMA || kind == Parameter.BETA);
    }
}
