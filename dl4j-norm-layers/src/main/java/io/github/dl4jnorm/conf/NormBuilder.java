// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import lombok.Getter;
import lombok.Setter;
import org.deeplearning4j.nn.api.layers.LayerConstraint;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.layers.Convolution3D;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.nd4j.linalg.learning.regularization.Regularization;

/**
 * Holds the options that every normalization layer has. The activation is the identity unless set; a ReLU is fused into the
 * normalization. Updater and name are set as for any Deeplearning4j layer.
 *
 * @param <T> type of the builder itself
 */
@Getter
@Setter
public abstract class NormBuilder<T extends NormBuilder<T>> extends FeedForwardLayer.Builder<T> {
    /** Value added to the variance for numerical stability. */
    protected double eps = 1e-5;
    /** Whether the layer has a learned gamma. */
    protected boolean scale = true;
    /** Whether the layer has a learned beta. */
    protected boolean center = true;
    /** Initial value of gamma. */
    protected double gammaInit = 1;
    /** Initial value of beta. */
    protected double betaInit;
    /** Whether the channels are the last axis, or null to use the input type. */
    protected Boolean channelsLast;
    /** Constraints on gamma, applied after every update. */
    protected List<LayerConstraint> gammaConstraints;
    /** Constraints on beta, applied after every update. */
    protected List<LayerConstraint> betaConstraints;
    /** Regularization of gamma. */
    protected List<Regularization> gammaRegularization;
    /** Regularization of beta. */
    protected List<Regularization> betaRegularization;

    /** Creates a builder with the default options. */
    protected NormBuilder() {
    }

    @SuppressWarnings("unchecked")
    private T self() {
        return (T) this;
    }

    /**
     * Sets the value added to the variance for numerical stability.
     *
     * @param eps at least 0; default 1e-5. With 0, constant input is mapped to beta and receives no gradient
     * @return this builder
     */
    public T eps(double eps) {
        this.eps = eps;
        return self();
    }

    /**
     * Sets whether the layer has a learned gamma.
     *
     * @param scale default true
     * @return this builder
     */
    public T scale(boolean scale) {
        this.scale = scale;
        return self();
    }

    /**
     * Sets whether the layer has a learned beta.
     *
     * @param center default true
     * @return this builder
     */
    public T center(boolean center) {
        this.center = center;
        return self();
    }

    /**
     * Sets both {@link #scale(boolean)} and {@link #center(boolean)}.
     *
     * @param affine whether the layer has a learned gamma and beta; default true
     * @return this builder
     */
    public T affine(boolean affine) {
        return scale(affine).center(affine);
    }

    /**
     * Sets the initial value of gamma.
     *
     * @param gammaInit default 1; use 0 in the last norm of a residual block to start the block as the identity
     * @return this builder
     */
    public T gammaInit(double gammaInit) {
        this.gammaInit = gammaInit;
        return self();
    }

    /**
     * Sets the initial value of beta.
     *
     * @param betaInit default 0
     * @return this builder
     */
    public T betaInit(double betaInit) {
        this.betaInit = betaInit;
        return self();
    }

    /**
     * Sets the data format of images. Overrides the input type.
     *
     * @param format NCHW or NHWC
     * @return this builder
     */
    public T dataFormat(CNN2DFormat format) {
        channelsLast = format == CNN2DFormat.NHWC;
        return self();
    }

    /**
     * Sets the data format of sequences. Overrides the input type.
     *
     * @param format NCW or NWC
     * @return this builder
     */
    public T dataFormat(RNNFormat format) {
        channelsLast = format == RNNFormat.NWC;
        return self();
    }

    /**
     * Sets the data format of volumes. Overrides the input type, which is wrong after a Convolution3D in NCDHW with
     * ConvolutionMode.Truncate.
     *
     * @param format NCDHW or NDHWC
     * @return this builder
     */
    public T dataFormat(Convolution3D.DataFormat format) {
        channelsLast = format == Convolution3D.DataFormat.NDHWC;
        return self();
    }

    /**
     * Sets the regularization of gamma. The network's l1 and l2 do not apply to gamma.
     *
     * @param regularization such as {@code new L2Regularization(1e-4)}
     * @return this builder
     */
    public T gammaRegularization(Regularization... regularization) {
        gammaRegularization = new ArrayList<>(Arrays.asList(regularization));
        return self();
    }

    /**
     * Sets the regularization of beta. The network's l1 and l2 do not apply to beta.
     *
     * @param regularization such as {@code new L2Regularization(1e-4)}
     * @return this builder
     */
    public T betaRegularization(Regularization... regularization) {
        betaRegularization = new ArrayList<>(Arrays.asList(regularization));
        return self();
    }

    /**
     * Sets constraints on gamma, applied after every update.
     *
     * @param constraints such as {@code new MaxNormConstraint(2, 0)}
     * @return this builder
     */
    public T constrainGamma(LayerConstraint... constraints) {
        gammaConstraints = Arrays.asList(constraints);
        return self();
    }

    /**
     * Sets constraints on beta, applied after every update.
     *
     * @param constraints such as {@code new MaxNormConstraint(2, 0)}
     * @return this builder
     */
    public T constrainBeta(LayerConstraint... constraints) {
        betaConstraints = Arrays.asList(constraints);
        return self();
    }
}
