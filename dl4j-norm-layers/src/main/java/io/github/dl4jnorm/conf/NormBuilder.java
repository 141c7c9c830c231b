// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import static io.github.dl4jnorm.conf.NormParameter.BETA;
import static io.github.dl4jnorm.conf.NormParameter.GAMMA;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import lombok.Getter;
import lombok.Setter;
import org.deeplearning4j.exception.DL4JInvalidConfigException;
import org.deeplearning4j.nn.api.layers.LayerConstraint;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.layers.Convolution3D;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.nd4j.linalg.learning.regularization.Regularization;

/**
 * Sets the options that every normalization layer has. The activation is the identity unless set; a ReLU is fused into the
 * normalization. Updater and name are set as for any Deeplearning4j layer.
 *
 * @param <T> type of the builder itself
 * @param <L> type of the layer
 */
public abstract class NormBuilder<T extends NormBuilder<T, L>, L extends NormLayer> extends FeedForwardLayer.Builder<T> {
    /** The layer that the options are set on; {@link #build()} returns copies. */
    protected final L layer;
    /** Constraints on gamma, applied after every update. */
    @Getter
    @Setter
    private List<LayerConstraint> gammaConstraints;
    /** Constraints on beta, applied after every update. */
    @Getter
    @Setter
    private List<LayerConstraint> betaConstraints;
    /** Whether gamma starts at a value that was set. If not, its start depends on the offset. */
    private boolean gammaInitSet;

    /**
     * Creates a builder with the default options.
     *
     * @param layer a layer with the default options
     */
    protected NormBuilder(L layer) {
        this.layer = layer;
    }

    /** Copies of the constraints on gamma and beta, bound to those of so many parts of a batch. */
    final List<LayerConstraint> constraints(int parts) {
        List<LayerConstraint> all = bound(getAllParamConstraints(), parts, GAMMA, BETA);
        all.addAll(bound(gammaConstraints, parts, GAMMA));
        all.addAll(bound(betaConstraints, parts, BETA));
        return all;
    }

    /** Copies of constraints, bound to parameters; none of null. */
    static List<LayerConstraint> bound(List<LayerConstraint> constraints, String... parameters) {
        return bound(constraints, 1, parameters);
    }

    private static List<LayerConstraint> bound(List<LayerConstraint> constraints, int parts, String... parameters) {
        Set<String> keys = new LinkedHashSet<>(List.of(parameters));
        for (int part = 1; part < parts; part++) {
            for (String parameter : parameters) {
                keys.add(parameter + part);
            }
        }
        List<LayerConstraint> bound = new ArrayList<>();
        for (LayerConstraint constraint : constraints == null ? List.<LayerConstraint>of() : constraints) {
            LayerConstraint copy = constraint.clone();
            copy.setParams(new LinkedHashSet<>(keys));
            bound.add(copy);
        }
        return bound;
    }

    /** Copies of regularizations, or null for null. */
    static List<Regularization> copies(List<Regularization> regularization) {
        return regularization == null ? null
                : new ArrayList<>(regularization.stream().map(Regularization::clone).toList());
    }

    /** {@return this builder} */
    @SuppressWarnings("unchecked")
    protected final T self() {
        return (T) this;
    }

    /**
     * Sets the value added to the variance for numerical stability.
     *
     * @param eps at least 0; default 1e-5. With 0, constant input is mapped to beta and receives no gradient
     * @return this builder
     */
    public T eps(double eps) {
        layer.setEps(eps);
        return self();
    }

    /**
     * Sets whether the layer has a learned gamma.
     *
     * @param scale default true
     * @return this builder
     */
    public T scale(boolean scale) {
        layer.setScale(scale);
        return self();
    }

    /**
     * Sets whether the layer has a learned beta.
     *
     * @param center default true
     * @return this builder
     */
    public T center(boolean center) {
        layer.setCenter(center);
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
     * @param gammaInit default 1 − gammaOffset; use 0 (with an offset, −gammaOffset) in the last norm of a residual block to
     *                  start the block as the identity
     * @return this builder
     */
    public T gammaInit(double gammaInit) {
        gammaInitSet = true;
        layer.setGammaInit(gammaInit);
        return self();
    }

    /**
     * Sets a value that is added to gamma: the scale is {@code gammaOffset + gamma}. With 1, gamma starts at 0 and its
     * regularization pulls the scale towards 1 instead of 0, as in Gemma and with {@code zero_centered_gamma} in
     * TransformerEngine. {@link #gammaInit}, constraints and files hold gamma itself, without the offset.
     *
     * @param gammaOffset default 0; only for norms with a learned gamma
     * @return this builder
     */
    public T gammaOffset(double gammaOffset) {
        layer.setGammaOffset(gammaOffset);
        return self();
    }

    /**
     * Sets the initial value of beta.
     *
     * @param betaInit default 0
     * @return this builder
     */
    public T betaInit(double betaInit) {
        layer.setBetaInit(betaInit);
        return self();
    }

    /**
     * Sets where the channels are, for input of any rank. Overrides the input type.
     *
     * @param channelsLast true if the channels are the last axis, false if they are axis 1
     * @return this builder
     */
    public T channelsLast(boolean channelsLast) {
        layer.setChannelsLast(channelsLast);
        layer.setChannelsLastFixed(true);
        return self();
    }

    /**
     * Sets the data format of images. Overrides the input type.
     *
     * @param format NCHW or NHWC
     * @return this builder
     */
    public T dataFormat(CNN2DFormat format) {
        return channelsLast(format == CNN2DFormat.NHWC);
    }

    /**
     * Sets the data format of sequences. Overrides the input type.
     *
     * @param format NCW or NWC
     * @return this builder
     */
    public T dataFormat(RNNFormat format) {
        return channelsLast(format == RNNFormat.NWC);
    }

    /**
     * Sets the data format of volumes. Overrides the input type, which is wrong after a Convolution3D in NCDHW with
     * ConvolutionMode.Truncate.
     *
     * @param format NCDHW or NDHWC
     * @return this builder
     */
    public T dataFormat(Convolution3D.DataFormat format) {
        return channelsLast(format == Convolution3D.DataFormat.NDHWC);
    }

    /**
     * Sets the regularization of gamma. The network's l1 and l2 do not apply to gamma.
     *
     * @param regularization such as {@code new L2Regularization(1e-4)}
     * @return this builder
     */
    public T gammaRegularization(Regularization... regularization) {
        layer.setGammaRegularization(new ArrayList<>(Arrays.asList(regularization)));
        return self();
    }

    /**
     * Sets the regularization of beta. The network's l1 and l2 do not apply to beta.
     *
     * @param regularization such as {@code new L2Regularization(1e-4)}
     * @return this builder
     */
    public T betaRegularization(Regularization... regularization) {
        layer.setBetaRegularization(new ArrayList<>(Arrays.asList(regularization)));
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

    /**
     * Builds the layer. The builder can be changed and used again; layers built before stay as they are.
     *
     * @return the layer
     * @throws DL4JInvalidConfigException if an option is out of range
     */
    @Override
    @SuppressWarnings("unchecked")
    public L build() {
        L built = (L) layer.clone();
        if (!gammaInitSet) {
            built.setGammaInit(layer.getGammaInit() - layer.getGammaOffset());
        }
        built.finish(this);
        // Lists and dropout are those of the builder until they are copied.
        return (L) built.clone();
    }
}
