// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.norm;

import java.util.HashMap;
import java.util.Map;

/**
 * The kinds of numbers that norms learn, track or are given. A layer keeps them as arrays under their {@link #key()}, PyTorch
 * under {@link #pyTorch()}.
 */
public enum Parameter {
    /** Scale of each channel, of each element of an example, or of all channels alike. */
    GAMMA("gamma", "weight", true),
    /** Shift of each channel or element. */
    BETA("beta", "bias", true),
    /** Logits that weight the means of the parts in switchable normalization. */
    MEAN_WEIGHT("meanWeight", "mean_weight", true),
    /** Logits that weight the variances of the parts. */
    VAR_WEIGHT("varWeight", "var_weight", true),
    /** Threshold of each channel: the output is max(z, tau). */
    TAU("tau", "tau", true),
    /** A scalar whose absolute value is added to eps. */
    LEARNED_EPS("learnedEps", "eps", true),
    /** A scalar that the input is multiplied with before a function is applied. */
    ALPHA("alpha", "alpha", true),
    /** A scalar that is added to the input before a function is applied. */
    SHIFT("shift", "shift", true),
    /** Factor of each channel in a gate. */
    V("v", "v", true),
    /** Running mean of each channel. */
    MEAN("mean", "running_mean", false),
    /** Running variance of each channel. */
    VAR("var", "running_var", false),
    /** Base-10 logarithm of the running standard deviation, stored instead of {@link #VAR}. */
    LOG10_STDEV("log10stdev", "running_var", false),
    /** How many batches cumulative statistics have seen. */
    BATCHES("batches", "num_batches_tracked", false);

    private static final Map<String, Parameter> BY_KEY = byKey();

    private final String key;
    private final String pyTorch;
    private final boolean learned;

    Parameter(String key, String pyTorch, boolean learned) {
        this.key = key;
        this.pyTorch = pyTorch;
        this.learned = learned;
    }

    private static Map<String, Parameter> byKey() {
        Map<String, Parameter> all = new HashMap<>();
        for (Parameter parameter : values()) {
            all.put(parameter.key, parameter);
        }
        return all;
    }

    /**
     * The parameter of a key.
     *
     * @param key key in a layer's parameter table; of a part of a batch, with the number of the part behind it
     * @return the parameter, or null if there is none of this key
     */
    public static Parameter of(String key) {
        Parameter known = BY_KEY.get(key);
        return known != null ? known : BY_KEY.get(key.substring(0, key.length() - digits(key)));
    }

    /** How many digits a key ends with. */
    private static int digits(String key) {
        int digits = 0;
        while (digits < key.length() && Character.isDigit(key.charAt(key.length() - 1 - digits))) {
            digits++;
        }
        return digits;
    }

    /** {@return the key in a layer's parameter table} */
    public String key() {
        return key;
    }

    /** {@return the name in PyTorch's state_dict} */
    public String pyTorch() {
        return pyTorch;
    }

    /** {@return whether gradient descent updates it; false for statistics, which the layer updates} */
    public boolean isLearned() {
        return learned;
    }

    /** {@return the key} */
    @Override
    public String toString() {
        return key;
    }
}
