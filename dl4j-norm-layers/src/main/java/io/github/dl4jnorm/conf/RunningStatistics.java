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
 * Defines how a running mean or variance is updated with that of a batch:
 *
 * <pre>
 *   decay(d), momentum(1 − d):  running = d·running + (1 − d)·batch
 *   decay(d).debiased():        the same, with the weight (1 − d)/(1 − dᵗ) for batch t instead of 1 − d
 *   cumulative():               running = mean over all batches so far
 * </pre>
 *
 * Frameworks disagree on the meaning of momentum: {@link #decay} is the weight of the old value (Deeplearning4j, Keras),
 * {@link #momentum} is the weight of the new value (PyTorch).
 *
 * <p>A moving average starts from mean 0 and variance 1. After t batches, these still have the weight dᵗ: 0.82 after 20 batches
 * with a decay of 0.99. {@link #debiased()} removes this bias, as Adam does for its moments
 * (<a href="https://arxiv.org/abs/1412.6980">arXiv 1412.6980</a>, section 3): the first batch gets weight 1, and the weights of
 * all batches add up to 1.
 *
 * <p>A cumulative or debiased mean counts batches for each channel, and for mean and variance separately. A batch in which a
 * channel is fully masked does not count for this channel. A batch with a single element per channel has no unbiased variance
 * and does not count for the variance. The first batch that counts gets weight 1.
 *
 * <p>With {@link #unbiased} (the default) the variance of a batch of m elements is multiplied by m/(m − 1)
 * (<a href="https://arxiv.org/abs/1502.03167">arXiv 1502.03167</a>, algorithm 2). With m ≤ 1 the running variance is not
 * updated.
 */
public final class RunningStatistics implements Serializable {
    private static final long serialVersionUID = 1L;
    private static final double CUMULATIVE = -1;

    /** Weight of the old value, or a negative number for a cumulative average. */
    private final double decay;
    /** Whether the variance is divided by m − 1 instead of m. */
    private final boolean unbiased;
    /** Whether batches are counted for each channel; false in models saved before these counts existed. */
    private final boolean countedApart;
    /** Whether the initial values of a moving average have no weight once there was a batch. */
    private final boolean debiased;

    private RunningStatistics(double decay, boolean unbiased, boolean countedApart, boolean debiased) {
        this.decay = decay;
        this.unbiased = unbiased;
        this.countedApart = countedApart;
        this.debiased = debiased;
    }

    /**
     * Creates an exponential moving average from the weight of the old value, as in Deeplearning4j and Keras.
     *
     * @param decay weight of the old value, from 0 (last batch only) to 1 (never changes)
     * @return the policy, with unbiased variance
     * @throws DL4JInvalidConfigException if decay is outside [0, 1]
     */
    public static RunningStatistics decay(double decay) {
        if (!(decay >= 0 && decay <= 1)) {
            throw new DL4JInvalidConfigException("Running statistics: expected decay in [0, 1], got " + decay);
        }
        // Adding 0 makes 0 of −0.
        return new RunningStatistics(decay + 0.0, true, false, false);
    }

    /**
     * Creates an exponential moving average from the weight of the new value, as in PyTorch.
     *
     * @param momentum weight of the new value, from 0 (never changes) to 1 (last batch only)
     * @return the policy, with unbiased variance
     * @throws DL4JInvalidConfigException if momentum is outside [0, 1]
     */
    public static RunningStatistics momentum(double momentum) {
        if (!(momentum >= 0 && momentum <= 1)) {
            throw new DL4JInvalidConfigException("Running statistics: expected momentum in [0, 1], got " + momentum);
        }
        return new RunningStatistics(1 - momentum, true, false, false);
    }

    /**
     * Creates a cumulative average over all batches seen. The batch counts of each channel are saved with the model.
     *
     * @return the policy, with unbiased variance
     */
    public static RunningStatistics cumulative() {
        return new RunningStatistics(CUMULATIVE, true, true, false);
    }

    @JsonCreator
    static RunningStatistics fromJson(@JsonProperty("policy") String policy, @JsonProperty("decay") Double decay,
                                      @JsonProperty("unbiased") Boolean unbiased,
                                      @JsonProperty("countedApart") Boolean countedApart,
                                      @JsonProperty("debiased") Boolean debiased) {
        boolean unbiasedOrDefault = unbiased == null || unbiased;
        if ("cumulative".equals(policy)) {
            return new RunningStatistics(CUMULATIVE, unbiasedOrDefault, countedApart != null && countedApart, false);
        }
        if (!"decay".equals(policy) || decay == null) {
            throw new DL4JInvalidConfigException("Running statistics: expected policy \"decay\" with a decay, or "
                    + "\"cumulative\", got \"" + policy + "\" with decay " + decay);
        }
        RunningStatistics average = decay(decay).unbiased(unbiasedOrDefault);
        return debiased != null && debiased ? average.debiased() : average;
    }

    /**
     * Returns this policy with a biased or unbiased variance.
     *
     * @param unbiased whether the variance of a batch is multiplied by m/(m − 1)
     * @return the policy
     */
    public RunningStatistics unbiased(boolean unbiased) {
        return new RunningStatistics(decay, unbiased, countedApart, debiased);
    }

    /**
     * Returns this moving average without the bias towards its initial values: batch t has the weight (1 − d)/(1 − dᵗ). The batch
     * counts of each channel are saved with the model.
     *
     * @return the policy; a cumulative average has no such bias and stays as it is
     * @throws DL4JInvalidConfigException if the decay is 1, which takes up nothing
     */
    public RunningStatistics debiased() {
        if (isCumulative()) {
            return this;
        }
        if (decay == 1) {
            throw new DL4JInvalidConfigException("Running statistics, debiased: expected decay in [0, 1), got 1.0");
        }
        return new RunningStatistics(decay, unbiased, true, true);
    }

    /** {@return "decay" or "cumulative"} */
    @JsonProperty("policy")
    public String policy() {
        return isCumulative() ? "cumulative" : "decay";
    }

    /** {@return the weight of the old value, or null for a cumulative average} */
    @JsonProperty("decay")
    public Double decay() {
        return isCumulative() ? null : decay;
    }

    /** {@return whether the variance is unbiased} */
    @JsonProperty("unbiased")
    public boolean unbiased() {
        return unbiased;
    }

    /** {@return whether all batches have equal weight (cumulative average)} */
    public boolean cumulativeMean() {
        return isCumulative();
    }

    /** {@return whether the weight of a batch depends on how many there were: the number is stored with the statistics} */
    public boolean countsBatches() {
        return isCumulative() || debiased;
    }

    /** {@return true if a moving average is without the bias towards its initial values; otherwise null} */
    @JsonProperty("debiased")
    @JsonInclude(JsonInclude.Include.NON_NULL)
    public Boolean isDebiased() {
        return debiased ? true : null;
    }

    /** {@return true if batches are counted for each channel, and for mean and variance separately; otherwise null} */
    @JsonProperty("countedApart")
    @JsonInclude(JsonInclude.Include.NON_NULL)
    public Boolean countedApart() {
        return countedApart ? true : null;
    }

    /**
     * Returns the number of batch counts stored with the statistics.
     *
     * @param channels number of channels
     * @return 2·channels for separate counts, those of the means first; otherwise 1
     */
    public long counts(long channels) {
        return countedApart ? 2 * channels : 1;
    }

    /**
     * Returns the weight of the next batch.
     *
     * @param batches number of batches seen before
     * @return weight of the new value
     */
    public double weight(double batches) {
        if (isCumulative()) {
            return 1 / (batches + 1);
        }
        // 1 − dᵗ without losing digits where d is near 1; of 0 the logarithm is −∞, and the weight 1.
        return debiased ? (1 - decay) / -Math.expm1((batches + 1) * Math.log(decay)) : 1 - decay;
    }

    /**
     * Updates running statistics with a batch. A channel without elements is not updated, nor is a variance that cannot be
     * made unbiased.
     *
     * @param batch    statistics of the batch
     * @param batches  number of batches seen before
     * @param mean     running mean of each channel; updated in place
     * @param variance running variance of each channel; updated in place
     * @return the number of batches seen, including this one
     */
    public double takeUp(ChannelStatistics batch, double batches, double[] mean, double[] variance) {
        double[] counts = {batches};
        takeUp(batch, counts, mean, variance);
        return counts[0];
    }

    /**
     * Updates running statistics with a batch. A channel without elements is not updated, nor is a variance that cannot be
     * made unbiased.
     *
     * @param batch    statistics of the batch
     * @param batches  batch counts, one for all channels or as many as {@link #counts} returns; updated in place
     * @param mean     running mean of each channel; updated in place
     * @param variance running variance of each channel; updated in place
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
                && that.unbiased == unbiased && that.countedApart == countedApart && that.debiased == debiased;
    }

    @Override
    public int hashCode() {
        return Objects.hash(decay, unbiased, countedApart, debiased);
    }

    @Override
    public String toString() {
        String average = isCumulative() ? "cumulative" + (countedApart ? "" : " with one count") : "decay " + decay;
        average += debiased ? ", debiased" : "";
        return average + (unbiased ? "" : ", biased");
    }
}
