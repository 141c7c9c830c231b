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
 * Options that every normalization layer has. The activation is the identity unless set here; a ReLU is applied
 * in the same pass. Updater and name are set as for any Deeplearning4j layer.
 *
 * @param <T> the builder itself
 */
@Getter
@Setter
public abstract class NormBuilder<T extends NormBuilder<T>> extends FeedForwardLayer.Builder<T> {
    /** Added to the variance. */
    protected double eps = 1e-5;
    /** Whether there is a gamma. */
    protected boolean scale = true;
    /** Whether there is a beta. */
    protected boolean center = true;
    /** What gamma starts with. */
    protected double gammaInit = 1;
    /** What beta starts with. */
    protected double betaInit;
    /** Whether channels come last, or null to take it from the input type. */
    protected Boolean channelsLast;
    /** Constraints on gamma, applied after every update. */
    protected List<LayerConstraint> gammaConstraints;
    /** Constraints on beta, applied after every update. */
    protected List<LayerConstraint> betaConstraints;
    /** Regularization of gamma. */
    protected List<Regularization> gammaRegularization;
    /** Regularization of beta. */
    protected List<Regularization> betaRegularization;

    /** With the defaults above. */
    protected NormBuilder() {
    }

    @SuppressWarnings("unchecked")
    private T self() {
        return (T) this;
    }

    /**
     * What is added to the variance so that its root can be divided by.
     *
     * @param eps default 1e-5. With 0, what does not vary comes out as beta and receives no gradient
     * @return this builder
     */
    public T eps(double eps) {
        this.eps = eps;
        return self();
    }

    /**
     * Whether there is a learned gamma.
     *
     * @param scale default true
     * @return this builder
     */
    public T scale(boolean scale) {
        this.scale = scale;
        return self();
    }

    /**
     * Whether there is a learned beta.
     *
     * @param center default true
     * @return this builder
     */
    public T center(boolean center) {
        this.center = center;
        return self();
    }

    /**
     * Sets {@link #scale(boolean)} and {@link #center(boolean)}.
     *
     * @param affine whether there are a gamma and a beta; default true
     * @return this builder
     */
    public T affine(boolean affine) {
        return scale(affine).center(affine);
    }

    /**
     * What gamma starts with.
     *
     * @param gammaInit default 1; 0 in the last norm of a residual block makes the block start as the identity
     * @return this builder
     */
    public T gammaInit(double gammaInit) {
        this.gammaInit = gammaInit;
        return self();
    }

    /**
     * What beta starts with.
     *
     * @param betaInit default 0
     * @return this builder
     */
    public T betaInit(double betaInit) {
        this.betaInit = betaInit;
        return self();
    }

    /**
     * Where images have their channels, instead of what the input type says.
     *
     * @param format NCHW or NHWC
     * @return this builder
     */
    public T dataFormat(CNN2DFormat format) {
        channelsLast = format == CNN2DFormat.NHWC;
        return self();
    }

    /**
     * Where sequences have their channels, instead of what the input type says.
     *
     * @param format NCW or NWC
     * @return this builder
     */
    public T dataFormat(RNNFormat format) {
        channelsLast = format == RNNFormat.NWC;
        return self();
    }

    /**
     * Where volumes have their channels, instead of what the input type says (which is wrong behind a Convolution3D in
     * NCDHW with ConvolutionMode.Truncate).
     *
     * @param format NCDHW or NDHWC
     * @return this builder
     */
    public T dataFormat(Convolution3D.DataFormat format) {
        channelsLast = format == Convolution3D.DataFormat.NDHWC;
        return self();
    }

    /**
     * Regularization of gamma; l1 and l2 of the network do not apply to it.
     *
     * @param regularization such as {@code new L2Regularization(1e-4)}
     * @return this builder
     */
    public T gammaRegularization(Regularization... regularization) {
        gammaRegularization = new ArrayList<>(Arrays.asList(regularization));
        return self();
    }

    /**
     * Regularization of beta; l1 and l2 of the network do not apply to it.
     *
     * @param regularization such as {@code new L2Regularization(1e-4)}
     * @return this builder
     */
    public T betaRegularization(Regularization... regularization) {
        betaRegularization = new ArrayList<>(Arrays.asList(regularization));
        return self();
    }

    /**
     * Constraints on gamma, applied after every update.
     *
     * @param constraints such as {@code new MaxNormConstraint(2, 0)}
     * @return this builder
     */
    public T constrainGamma(LayerConstraint... constraints) {
        gammaConstraints = Arrays.asList(constraints);
        return self();
    }

    /**
     * Constraints on beta, applied after every update.
     *
     * @param constraints such as {@code new MaxNormConstraint(2, 0)}
     * @return this builder
     */
    public T constrainBeta(LayerConstraint... constraints) {
        betaConstraints = Arrays.asList(constraints);
        return self();
    }
}
