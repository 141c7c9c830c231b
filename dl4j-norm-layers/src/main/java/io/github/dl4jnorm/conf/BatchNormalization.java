// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.norm.NormPlan;
import java.util.List;
import lombok.Data;
import org.deeplearning4j.nn.api.layers.LayerConstraint;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.nd4j.shade.jackson.annotation.JsonIgnore;

/**
 * Normalizes each channel with its mean and variance over the examples and positions of the batch, and with running
 * statistics at test time (Ioffe and Szegedy 2015, <a href="https://arxiv.org/abs/1502.03167">Batch Normalization</a>,
 * arXiv 1502.03167):
 *
 * <pre>
 *   y = act(gamma·(x − mean)/√(var + eps) + beta)
 * </pre>
 *
 * <p>A drop-in replacement for Deeplearning4j's layer of the same name: swap the import. Every option has the same
 * meaning, with these differences: sequences and volumes are supported; masked positions are ignored; running statistics
 * are not affected by gradient clipping; an activation, if set, is applied; {@code constrainGamma} and
 * {@code constrainBeta} take effect; locked gamma and beta are applied for every pair of values.
 *
 * <p>Parameters: gamma, beta, mean, and either var or log10stdev. Like Deeplearning4j, the layer stores log10stdev by
 * default; {@code useLogStd(false)} makes it store var. With {@code runningStatistics} only HALF networks store
 * log10stdev.
 */
@Data
public class BatchNormalization extends RunningNormLayer {
    private static final long serialVersionUID = 1L;

    /** Whether gamma and beta are constants instead of learned parameters. */
    private boolean lockGammaBeta;
    /** Whether statistics are computed over all workers that train together. */
    private boolean synchronize;
    /** Has no effect, as in Deeplearning4j. */
    private boolean minibatch = true;
    /** Has no effect, as in Deeplearning4j. */
    private boolean cudnnAllowFallback = true;

    /** Creates a layer with Deeplearning4j's defaults: decay 0.9, eps 1e-5, gamma 1 and beta 0, both learned. */
    public BatchNormalization() {
        super(RunningStatistics.decay(0.9).unbiased(false));
        setLogStdStored(true);
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

    /** {@return the weight of the old value in the running statistics, or NaN for a cumulative average} */
    @JsonIgnore
    public double getDecay() {
        Double decay = getRunningStatistics().decay();
        return decay == null ? Double.NaN : decay;
    }

    /** {@return gamma if it is locked, otherwise its initial value} */
    @JsonIgnore
    public double getGamma() {
        return getGammaInit();
    }

    /** {@return beta if it is locked, otherwise its initial value} */
    @JsonIgnore
    public double getBeta() {
        return getBetaInit();
    }

    /** {@return whether log10stdev is stored instead of var} */
    @JsonIgnore
    public boolean isUseLogStd() {
        return Boolean.TRUE.equals(getLogStdStored());
    }

    /** {@return the data format of images: NCHW or NHWC} */
    @JsonIgnore
    public CNN2DFormat getCnn2DFormat() {
        return isChannelsLast() ? CNN2DFormat.NHWC : CNN2DFormat.NCHW;
    }

    /** Builds a {@link BatchNormalization}. Has the options of Deeplearning4j's builder and those of every norm. */
    public static class Builder extends StockBatchBuilder<Builder, BatchNormalization> {
        /** Creates a builder with the default options: decay 0.9, eps 1e-5, gamma 1 and beta 0, both learned. */
        public Builder() {
            super(new BatchNormalization());
        }

        /**
         * Creates a builder with the given decay.
         *
         * @param decay       weight of the old value in the running statistics
         * @param isMinibatch has no effect
         */
        public Builder(double decay, boolean isMinibatch) {
            this();
            setDecay(decay);
            setMinibatch(isMinibatch);
        }

        /**
         * Creates a builder with the given initial values.
         *
         * @param gamma initial gamma
         * @param beta  initial beta
         */
        public Builder(double gamma, double beta) {
            this(gamma, beta, false);
        }

        /**
         * Creates a builder with the given initial or locked values.
         *
         * @param gamma         initial gamma, or the constant if locked
         * @param beta          initial beta, or the constant if locked
         * @param lockGammaBeta whether gamma and beta are constants instead of learned parameters
         */
        public Builder(double gamma, double beta, boolean lockGammaBeta) {
            this();
            setGamma(gamma);
            setBeta(beta);
            setLockGammaBeta(lockGammaBeta);
        }

        /**
         * Creates a builder with gamma and beta locked or learned.
         *
         * @param lockGammaBeta whether gamma and beta are constants instead of learned parameters
         */
        public Builder(boolean lockGammaBeta) {
            this();
            setLockGammaBeta(lockGammaBeta);
        }

        /**
         * Creates a builder with all options of Deeplearning4j's builder.
         *
         * @param decay              weight of the old value in the running statistics
         * @param eps                value added to the variance for numerical stability
         * @param isMinibatch        has no effect
         * @param lockGammaBeta      whether gamma and beta are constants instead of learned parameters
         * @param gamma              initial gamma, or the constant if locked
         * @param beta               initial beta, or the constant if locked
         * @param betaConstraints    constraints on beta
         * @param gammaConstraints   constraints on gamma
         * @param cudnnAllowFallback has no effect
         * @param useLogStd          whether log10stdev is stored instead of var
         * @param cnn2DFormat        data format of images
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
    }
}
