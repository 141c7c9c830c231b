// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.norm.ChannelStatistics;
import java.io.Serializable;
import java.util.Objects;
import org.deeplearning4j.exception.DL4JInvalidConfigException;
import org.nd4j.shade.jackson.annotation.JsonCreator;
import org.nd4j.shade.jackson.annotation.JsonInclude;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * How a running mean or variance takes up that of a batch:
 *
 * <pre>
 *   decay(d), momentum(1 − d):  running = d·running + (1 − d)·batch
 *   cumulative():               running = mean over all batches so far
 * </pre>
 *
 * Frameworks disagree on the word momentum: {@link #decay} is the weight of the old value (Deeplearning4j, Keras),
 * {@link #momentum} that of the new one (PyTorch).
 *
 * <p>A cumulative mean counts batches for each channel, and for mean and variance apart: a batch in which a channel is masked, or
 * has a single element and so no unbiased variance, is none of theirs, and the first that is has all the weight.
 *
 * <p>{@link #unbiased} (the default) takes m/(m − 1) times the variance of the m elements of a batch (arXiv
 * 1502.03167, algorithm 2); with m ≤ 1 the running variance is left alone.
 */
public final class RunningStatistics implements Serializable {
    private static final long serialVersionUID = 1L;
    private static final double CUMULATIVE = -1;

    /** Weight of the old value, or less than 0 for a cumulative average. */
    private final double decay;
    /** Whether the variance is divided by m - 1 instead of m. */
    private final boolean unbiased;
    /** Whether batches are counted apart; false in what was saved before they were. */
    private final boolean countedApart;

    private RunningStatistics(double decay, boolean unbiased, boolean countedApart) {
        this.decay = decay;
        this.unbiased = unbiased;
        this.countedApart = countedApart;
    }

    /**
     * An exponential average, by the weight of the old value.
     *
     * @param decay weight of the old value, from 0 (last batch only) to 1 (never changes)
     * @return the policy, unbiased
     * @throws DL4JInvalidConfigException if decay is outside [0, 1]
     */
    public static RunningStatistics decay(double decay) {
        if (!(decay >= 0 && decay <= 1)) {
            throw new DL4JInvalidConfigException("Running statistics: expected decay in [0, 1], got " + decay);
        }
        // Adding 0 makes 0 of −0.
        return new RunningStatistics(decay + 0.0, true, false);
    }

    /**
     * An exponential average, by the weight of the new value.
     *
     * @param momentum weight of the new value, from 0 (never changes) to 1 (last batch only)
     * @return the policy, unbiased
     * @throws DL4JInvalidConfigException if momentum is outside [0, 1]
     */
    public static RunningStatistics momentum(double momentum) {
        if (!(momentum >= 0 && momentum <= 1)) {
            throw new DL4JInvalidConfigException("Running statistics: expected momentum in [0, 1], got " + momentum);
        }
        return new RunningStatistics(1 - momentum, true, false);
    }

    /**
     * The mean over all batches seen; how many those were for each channel is saved with the model.
     *
     * @return the policy, unbiased
     */
    public static RunningStatistics cumulative() {
        return new RunningStatistics(CUMULATIVE, true, true);
    }

    @JsonCreator
    static RunningStatistics fromJson(@JsonProperty("policy") String policy, @JsonProperty("decay") Double decay,
                                      @JsonProperty("unbiased") Boolean unbiased,
                                      @JsonProperty("countedApart") Boolean countedApart) {
        boolean unbiasedOrDefault = unbiased == null || unbiased;
        if ("cumulative".equals(policy)) {
            return new RunningStatistics(CUMULATIVE, unbiasedOrDefault, countedApart != null && countedApart);
        }
        if (!"decay".equals(policy) || decay == null) {
            throw new DL4JInvalidConfigException("Running statistics: expected policy \"decay\" with a decay, or "
                    + "\"cumulative\", got \"" + policy + "\" with decay " + decay);
        }
        return decay(decay).unbiased(unbiasedOrDefault);
    }

    /**
     * The same policy with another variance.
     *
     * @param unbiased whether to take m/(m − 1) times the variance of a batch
     * @return the policy
     */
    public RunningStatistics unbiased(boolean unbiased) {
        return new RunningStatistics(decay, unbiased, countedApart);
    }

    /** {@return "decay" or "cumulative"} */
    @JsonProperty("policy")
    public String policy() {
        return isCumulative() ? "cumulative" : "decay";
    }

    /** {@return weight of the old value, null if cumulative} */
    @JsonProperty("decay")
    public Double decay() {
        return isCumulative() ? null : decay;
    }

    /** {@return whether the variance is the unbiased one} */
    @JsonProperty("unbiased")
    public boolean unbiased() {
        return unbiased;
    }

    /** {@return whether every batch has the same weight, however many there are} */
    public boolean cumulativeMean() {
        return isCumulative();
    }

    /** {@return true if batches are counted for each channel, and for mean and variance apart; else null} */
    @JsonProperty("countedApart")
    @JsonInclude(JsonInclude.Include.NON_NULL)
    public Boolean countedApart() {
        return countedApart ? true : null;
    }

    /**
     * How many counts of batches go with the statistics.
     *
     * @param channels number of channels
     * @return twice as many for counts apart, those of means first; else 1
     */
    public long counts(long channels) {
        return countedApart ? 2 * channels : 1;
    }

    /**
     * The weight of the next batch.
     *
     * @param batches number of batches taken up before
     * @return weight of the new value
     */
    public double weight(double batches) {
        return isCumulative() ? 1 / (batches + 1) : 1 - decay;
    }

    /**
     * Takes up a batch: a channel without elements stays as it was, and so does a variance that cannot be made unbiased.
     *
     * @param batch    statistics of the batch
     * @param batches  number of batches taken up before
     * @param mean     running mean of each channel; changed
     * @param variance running variance of each channel; changed
     * @return how many batches have been taken up now
     */
    public double takeUp(ChannelStatistics batch, double batches, double[] mean, double[] variance) {
        double[] counts = {batches};
        takeUp(batch, counts, mean, variance);
        return counts[0];
    }

    /**
     * Takes up a batch: a channel without elements stays as it was, and so does a variance that cannot be made unbiased.
     *
     * @param batch    statistics of the batch
     * @param batches  numbers of batches taken up, one for all channels or as {@link #counts} says; changed
     * @param mean     running mean of each channel; changed
     * @param variance running variance of each channel; changed
     */
    public void takeUp(ChannelStatistics batch, double[] batches, double[] mean, double[] variance) {
        int channels = mean.length;
        boolean apart = batches.length == 2 * channels;
        double before = batches[0];
        for (int c = 0; c < channels; c++) {
            double taken = unbiased ? batch.unbiasedVariance()[c] : batch.variance()[c];
            if (batch.count()[c] > 0) {
                double seen = apart ? batches[c] : before;
                mean[c] = moved(mean[c], batch.mean()[c], seen);
                batches[apart ? c : 0] = seen + 1;
                if (!Double.isNaN(taken)) {
                    variance[c] = moved(variance[c], taken, apart ? batches[channels + c] : before);
                    if (apart) {
                        batches[channels + c]++;
                    }
                }
            }
        }
    }

    private double moved(double from, double to, double batches) {
        double weight = weight(batches);
        return (1 - weight) * from + weight * to;
    }

    private boolean isCumulative() {
        return decay == CUMULATIVE;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof RunningStatistics that && Double.compare(that.decay, decay) == 0
                && that.unbiased == unbiased && that.countedApart == countedApart;
    }

    @Override
    public int hashCode() {
        return Objects.hash(decay, unbiased, countedApart);
    }

    @Override
    public String toString() {
        String average = isCumulative() ? "cumulative" + (countedApart ? "" : " with one count") : "decay " + decay;
        return average + (unbiased ? "" : ", biased");
    }
}
