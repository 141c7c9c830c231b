// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import org.deeplearning4j.nn.conf.CNN2DFormat;

/**
 * Sets the options of Deeplearning4j's BatchNormalization.Builder, with the same names, getters and setters, so that code
 * written for it compiles unchanged.
 *
 * @param <T> type of the builder itself
 * @param <L> type of the layer
 */
public abstract class StockBatchBuilder<T extends StockBatchBuilder<T, L>, L extends BatchNormalization>
        extends BatchStatisticsBuilder<T, L> {
    /** Whether useLogStd was set. If not, it depends on the policy. */
    private boolean logStdSet;

    /**
     * Creates a builder with Deeplearning4j's defaults. A running statistics policy, if set, replaces the decay.
     *
     * @param layer a layer with these defaults
     */
    protected StockBatchBuilder(L layer) {
        super(layer);
    }

    /**
     * Sets how running statistics are updated. Replaces the decay. Unless {@link #useLogStd(boolean)} is set, only HALF networks
     * then store log10stdev.
     *
     * @param runningStatistics the update policy
     * @return this builder
     */
    @Override
    public T runningStatistics(RunningStatistics runningStatistics) {
        return policy(runningStatistics, null);
    }

    private T policy(RunningStatistics policy, Boolean logStd) {
        if (!logStdSet) {
            layer.setLogStdStored(logStd);
        }
        return super.runningStatistics(policy);
    }

    /**
     * Sets the weight of the old value in the running statistics. They are updated with the biased variance.
     *
     * @param decay from 0 to 1; default 0.9
     * @return this builder
     */
    public T decay(double decay) {
        return policy(RunningStatistics.decay(decay).unbiased(false), true);
    }

    /** {@return the weight of the old value in the running statistics, or NaN for a cumulative average} */
    public double getDecay() {
        return layer.getDecay();
    }

    /**
     * Sets the decay. Replaces any other policy.
     *
     * @param decay weight of the old value in the running statistics
     */
    public void setDecay(double decay) {
        decay(decay);
    }

    /** {@return the value added to the variance for numerical stability} */
    public double getEps() {
        return layer.getEps();
    }

    /**
     * Sets the value added to the variance for numerical stability.
     *
     * @param eps at least 0
     */
    public void setEps(double eps) {
        eps(eps);
    }

    /**
     * Has no effect, as in Deeplearning4j.
     *
     * @param minibatch ignored
     * @return this builder
     */
    public T minibatch(boolean minibatch) {
        layer.setMinibatch(minibatch);
        return self();
    }

    /** {@return what {@link #minibatch(boolean)} was given} */
    public boolean isMinibatch() {
        return layer.isMinibatch();
    }

    /**
     * Has no effect, as in Deeplearning4j.
     *
     * @param minibatch ignored
     */
    public void setMinibatch(boolean minibatch) {
        minibatch(minibatch);
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
        return layer.getGammaInit();
    }

    /**
     * Sets the initial or locked gamma.
     *
     * @param gamma initial value, or the constant if locked
     */
    public void setGamma(double gamma) {
        gammaInit(gamma);
    }

    /** {@return the initial or locked beta} */
    public double getBeta() {
        return layer.getBetaInit();
    }

    /**
     * Sets the initial or locked beta.
     *
     * @param beta initial value, or the constant if locked
     */
    public void setBeta(double beta) {
        betaInit(beta);
    }

    /**
     * Sets whether gamma and beta keep the given values. They are then constants, not parameters.
     *
     * @param lockGammaBeta default false
     * @return this builder
     */
    public T lockGammaBeta(boolean lockGammaBeta) {
        layer.setLockGammaBeta(lockGammaBeta);
        return self();
    }

    /** {@return whether gamma and beta are constants instead of learned parameters} */
    public boolean isLockGammaBeta() {
        return layer.isLockGammaBeta();
    }

    /**
     * Sets whether gamma and beta are constants instead of learned parameters.
     *
     * @param lockGammaBeta true to keep the given values
     */
    public void setLockGammaBeta(boolean lockGammaBeta) {
        lockGammaBeta(lockGammaBeta);
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
        layer.setCudnnAllowFallback(allowFallback);
        return self();
    }

    /** {@return what {@link #helperAllowFallback(boolean)} was given} */
    public boolean isCudnnAllowFallback() {
        return layer.isCudnnAllowFallback();
    }

    /**
     * Has no effect: the layer has no native helper.
     *
     * @param allowFallback ignored
     */
    public void setCudnnAllowFallback(boolean allowFallback) {
        helperAllowFallback(allowFallback);
    }

    /**
     * Sets whether the running variance is stored as log10 of the standard deviation.
     *
     * @param useLogStd default true, as in Deeplearning4j; with {@link #runningStatistics} the default is true only in HALF
     *                  networks
     * @return this builder
     */
    public T useLogStd(boolean useLogStd) {
        logStdSet = true;
        layer.setLogStdStored(useLogStd);
        return self();
    }

    /** {@return whether log10stdev is stored} */
    public boolean isUseLogStd() {
        return layer.isUseLogStd();
    }

    /**
     * Sets whether the running variance is stored as log10 of the standard deviation.
     *
     * @param useLogStd true for log10stdev, false for var
     */
    public void setUseLogStd(boolean useLogStd) {
        useLogStd(useLogStd);
    }

    /** {@return the data format of images} */
    public CNN2DFormat getCnn2DFormat() {
        return layer.getCnn2DFormat();
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
