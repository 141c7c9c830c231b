// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import lombok.Getter;
import lombok.Setter;
import org.deeplearning4j.nn.conf.CNN2DFormat;

/**
 * Holds the options of Deeplearning4j's BatchNormalization.Builder, with the same names and setters, so that code written
 * for it compiles unchanged.
 *
 * @param <T> type of the builder itself
 */
@Getter
@Setter
public abstract class StockBatchBuilder<T extends StockBatchBuilder<T>> extends RunningNormBuilder<T> {
    /** Weight of the old value in the running statistics. */
    protected double decay = 0.9;
    /** Has no effect, as in Deeplearning4j. */
    protected boolean isMinibatch = true;
    /** Whether gamma and beta are constants instead of learned parameters. */
    protected boolean lockGammaBeta;
    /** Has no effect: the layer has no native helper. */
    protected boolean cudnnAllowFallback = true;
    /** Whether log10stdev is stored, or null if not set. */
    private Boolean logStd;

    /** Creates a builder with Deeplearning4j's defaults. A running statistics policy, if set, replaces the decay. */
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
     * Sets the weight of the old value in the running statistics. They are updated with the biased variance.
     *
     * @param decay from 0 to 1; default 0.9
     * @return this builder
     */
    public T decay(double decay) {
        setDecay(decay);
        return self();
    }

    /**
     * Sets the decay. Replaces any other policy.
     *
     * @param decay weight of the old value in the running statistics
     */
    public void setDecay(double decay) {
        this.decay = decay;
        runningStatistics = null;
    }

    /**
     * Has no effect, as in Deeplearning4j.
     *
     * @param minibatch ignored
     * @return this builder
     */
    public T minibatch(boolean minibatch) {
        setMinibatch(minibatch);
        return self();
    }

    /**
     * Sets the initial value of gamma, or its constant value if locked.
     *
     * @param gamma default 1
     * @return this builder
     */
    public T gamma(double gamma) {
        return gammaInit(gamma);
    }

    /**
     * Sets the initial value of beta, or its constant value if locked.
     *
     * @param beta default 0
     * @return this builder
     */
    public T beta(double beta) {
        return betaInit(beta);
    }

    /** {@return the initial or locked gamma} */
    public double getGamma() {
        return gammaInit;
    }

    /**
     * Sets the initial or locked gamma.
     *
     * @param gamma initial value, or the constant if locked
     */
    public void setGamma(double gamma) {
        gammaInit = gamma;
    }

    /** {@return the initial or locked beta} */
    public double getBeta() {
        return betaInit;
    }

    /**
     * Sets the initial or locked beta.
     *
     * @param beta initial value, or the constant if locked
     */
    public void setBeta(double beta) {
        betaInit = beta;
    }

    /**
     * Sets whether gamma and beta keep the given values. They are then constants, not parameters.
     *
     * @param lockGammaBeta default false
     * @return this builder
     */
    public T lockGammaBeta(boolean lockGammaBeta) {
        setLockGammaBeta(lockGammaBeta);
        return self();
    }

    /**
     * Has no effect: the layer has no native helper.
     *
     * @param allowFallback ignored
     * @return this builder
     * @deprecated as in Deeplearning4j
     */
    @Deprecated
    public T cudnnAllowFallback(boolean allowFallback) {
        return helperAllowFallback(allowFallback);
    }

    /**
     * Has no effect: the layer has no native helper.
     *
     * @param allowFallback ignored
     * @return this builder
     */
    public T helperAllowFallback(boolean allowFallback) {
        setCudnnAllowFallback(allowFallback);
        return self();
    }

    /**
     * Sets whether the running variance is stored as log10 of the standard deviation.
     *
     * @param useLogStd default true, as in Deeplearning4j; with {@link #runningStatistics} the default is true only in HALF
     *                  networks
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
     * Sets whether the running variance is stored as log10 of the standard deviation.
     *
     * @param useLogStd true for log10stdev, false for var
     */
    public void setUseLogStd(boolean useLogStd) {
        logStd = useLogStd;
    }

    /** {@return the data format of images} */
    public CNN2DFormat getCnn2DFormat() {
        return Boolean.TRUE.equals(channelsLast) ? CNN2DFormat.NHWC : CNN2DFormat.NCHW;
    }

    /**
     * Sets the data format of images.
     *
     * @param format NCHW or NHWC
     */
    public void setCnn2DFormat(CNN2DFormat format) {
        dataFormat(format);
    }
}
