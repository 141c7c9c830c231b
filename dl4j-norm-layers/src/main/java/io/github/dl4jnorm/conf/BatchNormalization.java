// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.norm.NormPlan;
import java.util.List;
import lombok.EqualsAndHashCode;
import lombok.Getter;
import lombok.Setter;
import lombok.ToString;
import org.deeplearning4j.nn.api.layers.LayerConstraint;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.nd4j.shade.jackson.annotation.JsonIgnore;

/**
 * Batch normalization (Ioffe and Szegedy 2015, arXiv 1502.03167): mean and variance of every channel over the examples
 * and positions of the batch; at test time running statistics in their place.
 *
 * <p>A drop-in for Deeplearning4j's own layer by changing the import. Every option means the same, with these
 * differences: sequences and volumes work; masked positions do not count; running statistics survive gradient clipping;
 * an activation, where one is set, is applied; {@code constrainGamma} and {@code constrainBeta} take effect; locked
 * gamma and beta are applied for every pair of values.
 *
 * <p>Parameters: gamma, beta, mean, and var or log10stdev. The latter is what Deeplearning4j stores by default, and so
 * does this layer unless {@code useLogStd(false)} or {@code runningStatistics} was called.
 */
@Getter
@Setter
@ToString(callSuper = true)
@EqualsAndHashCode(callSuper = true)
public class BatchNormalization extends RunningNormLayer {
    private static final long serialVersionUID = 1L;

    /** Whether gamma and beta are constants instead of parameters. */
    private boolean lockGammaBeta;
    /** As in Deeplearning4j; has no effect. */
    private boolean minibatch = true;
    /** As in Deeplearning4j; has no effect. */
    private boolean cudnnAllowFallback = true;

    /** With the defaults of the builder. */
    public BatchNormalization() {
        super(RunningStatistics.decay(0.9).unbiased(false));
        setLogStdStored(true);
    }

    /**
     * A layer with the options of a builder.
     *
     * @param builder the options
     */
    protected BatchNormalization(StockBatchBuilder<?> builder) {
        super(builder, builder.policy());
        lockGammaBeta = builder.isLockGammaBeta();
        minibatch = builder.isMinibatch();
        cudnnAllowFallback = builder.isCudnnAllowFallback();
        setLogStdStored(builder.logStdStored());
        finish(builder);
    }

    @Override
    public boolean tracksStatistics() {
        return true;
    }

    @Override
    public NormPlan plan(int rank) {
        return rank < 2 || rank > 5 ? null : NormPlan.batch();
    }

    @Override
    protected boolean hasGamma() {
        return !lockGammaBeta && super.hasGamma();
    }

    @Override
    protected boolean hasBeta() {
        return !lockGammaBeta && super.hasBeta();
    }

    @Override
    public double fixedGamma() {
        return lockGammaBeta ? getGammaInit() : 1;
    }

    @Override
    public double fixedBeta() {
        return lockGammaBeta ? getBetaInit() : 0;
    }

    /** {@return weight of the old value in the running statistics, NaN if they are cumulative} */
    @JsonIgnore
    public double getDecay() {
        Double decay = getRunningStatistics().decay();
        return decay == null ? Double.NaN : decay;
    }

    /** {@return gamma where it is locked, else what it starts with} */
    @JsonIgnore
    public double getGamma() {
        return getGammaInit();
    }

    /** {@return beta where it is locked, else what it starts with} */
    @JsonIgnore
    public double getBeta() {
        return getBetaInit();
    }

    /** {@return whether log10stdev is stored instead of var} */
    @JsonIgnore
    public boolean isUseLogStd() {
        return getLogStdStored() != null && getLogStdStored();
    }

    /** {@return where images have their channels} */
    @JsonIgnore
    public CNN2DFormat getCnn2DFormat() {
        return isChannelsLast() ? CNN2DFormat.NHWC : CNN2DFormat.NCHW;
    }

    /** Options of {@link BatchNormalization}: those of Deeplearning4j's builder, and the common ones. */
    public static class Builder extends StockBatchBuilder<Builder> {
        /** With the defaults: decay 0.9, eps 1e-5, gamma 1, beta 0, both learned. */
        public Builder() {
        }

        /**
         * With a decay.
         *
         * @param decay       weight of the old value in the running statistics
         * @param isMinibatch no effect
         */
        public Builder(double decay, boolean isMinibatch) {
            setDecay(decay);
            setMinibatch(isMinibatch);
        }

        /**
         * With initial values.
         *
         * @param gamma initial gamma
         * @param beta  initial beta
         */
        public Builder(double gamma, double beta) {
            this(gamma, beta, false);
        }

        /**
         * With initial or locked values.
         *
         * @param gamma         gamma
         * @param beta          beta
         * @param lockGammaBeta whether they stay
         */
        public Builder(double gamma, double beta, boolean lockGammaBeta) {
            setGamma(gamma);
            setBeta(beta);
            setLockGammaBeta(lockGammaBeta);
        }

        /**
         * With locked gamma and beta.
         *
         * @param lockGammaBeta whether they stay
         */
        public Builder(boolean lockGammaBeta) {
            setLockGammaBeta(lockGammaBeta);
        }

        /**
         * With everything Deeplearning4j's builder has.
         *
         * @param decay              weight of the old value in the running statistics
         * @param eps                what is added to the variance
         * @param isMinibatch        no effect
         * @param lockGammaBeta      whether gamma and beta stay
         * @param gamma              gamma
         * @param beta               beta
         * @param betaConstraints    constraints on beta
         * @param gammaConstraints   constraints on gamma
         * @param cudnnAllowFallback no effect
         * @param useLogStd          whether log10stdev is stored instead of var
         * @param cnn2DFormat        where images have their channels
         */
        public Builder(double decay, double eps, boolean isMinibatch, boolean lockGammaBeta, double gamma, double beta,
                       List<LayerConstraint> betaConstraints, List<LayerConstraint> gammaConstraints,
                       boolean cudnnAllowFallback, boolean useLogStd, CNN2DFormat cnn2DFormat) {
            this(gamma, beta, lockGammaBeta);
            setDecay(decay);
            setEps(eps);
            setMinibatch(isMinibatch);
            setBetaConstraints(betaConstraints);
            setGammaConstraints(gammaConstraints);
            setCudnnAllowFallback(cudnnAllowFallback);
            setUseLogStd(useLogStd);
            setCnn2DFormat(cnn2DFormat);
        }

        @Override
        @SuppressWarnings("unchecked")
        public BatchNormalization build() {
            return new BatchNormalization(this);
        }
    }
}
