// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import lombok.Getter;
import lombok.Setter;
import org.deeplearning4j.nn.conf.CNN2DFormat;

/**
 * The options that Deeplearning4j's own BatchNormalization.Builder has, under the same names and with the same setters,
 * so that code written for it compiles.
 *
 * @param <T> the builder itself
 */
@Getter
@Setter
public abstract class StockBatchBuilder<T extends StockBatchBuilder<T>> extends RunningNormBuilder<T> {
    /** Weight of the old value in the running statistics. */
    protected double decay = 0.9;
    /** No effect, as in Deeplearning4j. */
    protected boolean isMinibatch = true;
    /** Whether gamma and beta keep the values set instead of being learned. */
    protected boolean lockGammaBeta;
    /** No effect: there is no helper to fall back from. */
    protected boolean cudnnAllowFallback = true;
    /** Whether log10stdev is stored, null if nothing was said. */
    private Boolean logStd;

    /** With the defaults of Deeplearning4j; a policy, where one is set, takes the place of decay. */
    protected StockBatchBuilder() {
        super(null);
    }

    @SuppressWarnings("unchecked")
    private T self() {
        return (T) this;
    }

    RunningStatistics policy() {
        return runningStatistics != null ? runningStatistics : RunningStatistics.decay(decay).unbiased(false);
    }

    /** As Deeplearning4j has it; where the policy is one that it does not know, the network's data type decides. */
    Boolean logStdStored() {
        return logStd == null && runningStatistics == null ? Boolean.TRUE : logStd;
    }

    /**
     * Weight of the old value in the running statistics, which take up the biased variance.
     *
     * @param decay from 0 to 1; default 0.9
     * @return this builder
     */
    public T decay(double decay) {
        setDecay(decay);
        return self();
    }

    /**
     * Sets the decay, in place of any other policy.
     *
     * @param decay weight of the old value
     */
    public void setDecay(double decay) {
        this.decay = decay;
        runningStatistics = null;
    }

    /**
     * No effect, as in Deeplearning4j.
     *
     * @param minibatch anything
     * @return this builder
     */
    public T minibatch(boolean minibatch) {
        setMinibatch(minibatch);
        return self();
    }

    /**
     * Gamma: what it starts with, or what it is if locked.
     *
     * @param gamma default 1
     * @return this builder
     */
    public T gamma(double gamma) {
        return gammaInit(gamma);
    }

    /**
     * Beta: what it starts with, or what it is if locked.
     *
     * @param beta default 0
     * @return this builder
     */
    public T beta(double beta) {
        return betaInit(beta);
    }

    /** {@return what gamma starts with or is} */
    public double getGamma() {
        return gammaInit;
    }

    /**
     * Sets gamma.
     *
     * @param gamma what it starts with or is
     */
    public void setGamma(double gamma) {
        gammaInit = gamma;
    }

    /** {@return what beta starts with or is} */
    public double getBeta() {
        return betaInit;
    }

    /**
     * Sets beta.
     *
     * @param beta what it starts with or is
     */
    public void setBeta(double beta) {
        betaInit = beta;
    }

    /**
     * Whether gamma and beta keep the values set; they then are no parameters.
     *
     * @param lockGammaBeta default false
     * @return this builder
     */
    public T lockGammaBeta(boolean lockGammaBeta) {
        setLockGammaBeta(lockGammaBeta);
        return self();
    }

    /**
     * No effect: there is no helper to fall back from.
     *
     * @param allowFallback anything
     * @return this builder
     * @deprecated as in Deeplearning4j
     */
    @Deprecated
    public T cudnnAllowFallback(boolean allowFallback) {
        return helperAllowFallback(allowFallback);
    }

    /**
     * No effect: there is no helper to fall back from.
     *
     * @param allowFallback anything
     * @return this builder
     */
    public T helperAllowFallback(boolean allowFallback) {
        setCudnnAllowFallback(allowFallback);
        return self();
    }

    /**
     * Whether the running variance is stored as log10 of the standard deviation.
     *
     * @param useLogStd default true, as in Deeplearning4j; with {@link #runningStatistics} only in HALF networks
     * @return this builder
     */
    public T useLogStd(boolean useLogStd) {
        setUseLogStd(useLogStd);
        return self();
    }

    /** {@return whether log10stdev is stored} */
    public boolean isUseLogStd() {
        return Boolean.TRUE.equals(logStdStored());
    }

    /**
     * Sets how the running variance is stored.
     *
     * @param useLogStd whether as log10 of the standard deviation
     */
    public void setUseLogStd(boolean useLogStd) {
        logStd = useLogStd;
    }

    /** {@return where images have their channels} */
    public CNN2DFormat getCnn2DFormat() {
        return Boolean.TRUE.equals(channelsLast) ? CNN2DFormat.NHWC : CNN2DFormat.NCHW;
    }

    /**
     * Sets where images have their channels.
     *
     * @param format NCHW or NHWC
     */
    public void setCnn2DFormat(CNN2DFormat format) {
        dataFormat(format);
    }
}
