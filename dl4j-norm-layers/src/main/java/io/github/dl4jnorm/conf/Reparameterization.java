// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.layer.ReparameterizationInitializer;
import io.github.dl4jnorm.layer.ReparameterizedLayer;
import io.github.dl4jnorm.pass.WeightPass;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import lombok.EqualsAndHashCode;
import lombok.Getter;
import lombok.Setter;
import lombok.ToString;
import org.deeplearning4j.exception.DL4JInvalidConfigException;
import org.deeplearning4j.nn.api.OptimizationAlgorithm;
import org.deeplearning4j.nn.api.ParamInitializer;
import org.deeplearning4j.nn.api.layers.LayerConstraint;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.BaseLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.recurrent.LastTimeStep;
import org.deeplearning4j.nn.conf.layers.util.MaskZeroLayer;
import org.deeplearning4j.nn.conf.layers.wrapper.BaseWrapperLayer;
import org.deeplearning4j.nn.conf.memory.LayerMemoryReport;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.NoOp;
import org.nd4j.linalg.learning.regularization.Regularization;

/**
 * A layer whose weights are computed from other parameters, which are what is trained and saved: the wrapper's part of
 * it. The layer inside is a dense layer, a convolution (1D, 2D, 3D, depthwise, separable), a deconvolution (2D, 3D), an
 * LSTM or a SimpleRnn, whose input and recurrent weights are both computed; the latter also in a LastTimeStep or
 * MaskZeroLayer, which cannot be around this wrapper. Biases stay as they are.
 *
 * <p>Parameters have the keys of the layer inside. Under the key of a weight ({@code W}, {@code RW}, {@code pW}) is what
 * the weight is computed from, of the same shape; further parameters have this key and a suffix, such as {@code Wg}.
 *
 * <p>Options of the layer inside (name, activation, updater, dropout, weight noise, gradient normalization) hold as ever.
 * Weight noise acts on the computed weights. Constraints on the weights are refused: they would clip what the weights are
 * computed from, not the weights.
 */
@Getter
@Setter
@ToString(callSuper = true)
@EqualsAndHashCode(callSuper = true)
public abstract class Reparameterization extends BaseWrapperLayer {
    private static final long serialVersionUID = 1L;

    /** What keeps the divisor from 0. */
    private double eps;

    /**
     * A wrapper without a layer yet, as JSON needs it.
     *
     * @param eps eps by default
     */
    protected Reparameterization(double eps) {
        this.eps = eps;
    }

    /**
     * A wrapper with the options of a builder; subclasses call {@link #validate} at the end of their constructors.
     *
     * @param builder the options
     */
    protected Reparameterization(Builder<?> builder) {
        super(builder.layer);
        eps = builder.eps;
        layerName = underlying == null ? null : underlying.getLayerName();
    }

    /** The layer that has the weights. */
    private Layer inside() {
        Layer inside = underlying;
        while (inside instanceof LastTimeStep || inside instanceof MaskZeroLayer) {
            inside = ((BaseWrapperLayer) inside).getUnderlying();
        }
        return inside;
    }

    /** {@return the weights that are computed} */
    public List<WeightShape> weights() {
        Layer inside = inside();
        List<WeightShape> weights = WeightShape.of(inside);
        if (weights == null) {
            throw invalid("one of " + WeightShape.known() + " to wrap",
                    inside == null ? "no layer" : inside.getClass().getName());
        }
        return weights;
    }

    /**
     * What a weight depends on beside the array in its own place.
     *
     * @param weight the weight
     * @return parameters in flattening order
     */
    public abstract List<WeightParameter> parameters(WeightShape weight);

    /**
     * What computes a weight.
     *
     * @param weight     the weight
     * @param parameters arrays of {@link #parameters}, in the same order
     * @return forward and backward pass
     */
    public abstract WeightPass pass(WeightShape weight, List<INDArray> parameters);

    /**
     * On which parameter the regularization of a weight acts.
     *
     * @return suffix of it; none for the array in the weight's own place
     */
    protected String regularizedSuffix() {
        return "";
    }

    /**
     * A copy of this wrapper around another layer.
     *
     * @param layer the layer, which stays as it is
     * @return the wrapper around a copy of the layer
     * @throws DL4JInvalidConfigException if the weights of the layer are not known
     */
    public Reparameterization around(Layer layer) {
        Reparameterization made = clone();
        made.setUnderlying(copyOf(layer));
        made.layerName = layer.getLayerName();
        made.validate();
        return made;
    }

    /**
     * Checks the options, and the layer inside as far as it is known before the network is made.
     *
     * @throws DL4JInvalidConfigException if the weights of the layer are not known, or an option is out of range
     */
    protected final void validate() {
        validateOptions();
        weights();
    }

    /**
     * Checks the options.
     *
     * @throws DL4JInvalidConfigException if one is out of range
     */
    protected void validateOptions() {
        if (!(eps > 0) || Double.isInfinite(eps)) {
            throw invalid("eps > 0", "eps " + eps);
        }
    }

    /**
     * Checks that a solver goes well with state of the layer that training changes without a gradient.
     *
     * @param solver the network's optimization algorithm, or null for its default
     * @throws DL4JInvalidConfigException if there is such state and the solver goes backward several times a step
     */
    public final void requireSolver(OptimizationAlgorithm solver) {
        boolean state = weights().stream().anyMatch(weight -> parameters(weight).stream().anyMatch(p -> !p.trained()));
        if (state && RunningNormLayer.searches(solver)) {
            throw invalid("optimizationAlgo STOCHASTIC_GRADIENT_DESCENT (with any updater)", solver
                    + ", which goes backward several times a step and would spoil vectors that each backward pass improves");
        }
    }

    private void validateLayer() {
        validate();
        for (WeightShape weight : weights()) {
            if (weight.units() <= 0 || weight.inputs() <= 0) {
                throw invalid("nIn and nOut of the layer inside: set them, or an input type for the network",
                        weight.inputs() + " inputs and " + weight.units() + " units of " + weight.key());
            }
        }
        if (((BaseLayer) inside()).getWeightInitFn() == null) {
            throw invalid("a weight initialization of the layer inside, which takes that of the network unless it is inside "
                    + "of Bidirectional", "none");
        }
        List<LayerConstraint> constraints = inside().getConstraints();
        Set<String> computed = Set.copyOf(weights().stream().map(WeightShape::key).toList());
        if (constraints != null && constraints.stream().anyMatch(c -> c.getParams().stream().anyMatch(computed::contains))) {
            throw invalid("no constraints on weights, which are computed", constraints.toString());
        }
    }

    /**
     * An exception about this layer.
     *
     * @param expected what was expected
     * @param actual   what was given instead
     * @return the exception
     */
    public final DL4JInvalidConfigException invalid(String expected, String actual) {
        return new DL4JInvalidConfigException(getClass().getSimpleName() + " layer \""
                + (layerName == null ? "(not named)" : layerName) + "\": expected " + expected + ", got " + actual);
    }

    @Override
    public Reparameterization clone() {
        Reparameterization copy = (Reparameterization) super.clone();
        if (underlying != null) {
            copy.setUnderlying(copyOf(underlying));
        }
        return copy;
    }

    /** Clones of Deeplearning4j's wrappers share the layer inside. */
    private static Layer copyOf(Layer layer) {
        Layer copy = layer.clone();
        if (copy instanceof BaseWrapperLayer wrapper && !(copy instanceof Reparameterization)) {
            wrapper.setUnderlying(copyOf(wrapper.getUnderlying()));
        }
        return copy;
    }

    @Override
    public org.deeplearning4j.nn.api.Layer instantiate(NeuralNetConfiguration conf, Collection<TrainingListener> listeners,
                                                       int layerIndex, INDArray paramsView, boolean initializeParams,
                                                       DataType networkDataType) {
        validateLayer();
        if (initializeParams) {
            requireSolver(conf.getOptimizationAlgo());
        }
        return ReparameterizedLayer.of(this, conf, listeners, layerIndex, paramsView, initializeParams, networkDataType);
    }

    @Override
    public ParamInitializer initializer() {
        return ReparameterizationInitializer.INSTANCE;
    }

    @Override
    public void setDataType(DataType dataType) {
        underlying.setDataType(dataType);
    }

    /** What a parameter is: one of the layer inside, or one that a weight depends on. */
    private record Role(String key, WeightParameter parameter) {
        String suffix() {
            return parameter == null ? "" : parameter.suffix();
        }
    }

    /** The role of a parameter in the computation of a weight, or null if it has none. */
    private Role role(String key) {
        for (WeightShape weight : weights()) {
            if (weight.key().equals(key)) {
                return new Role(key, null);
            }
            for (WeightParameter parameter : parameters(weight)) {
                if (key.equals(weight.key() + parameter.suffix())) {
                    return new Role(weight.key(), parameter);
                }
            }
        }
        return null;
    }

    @Override
    public List<Regularization> getRegularizationByParam(String key) {
        Role role = role(key);
        if (role == null) {
            return inside().getRegularizationByParam(key);
        }
        return role.suffix().equals(regularizedSuffix()) ? inside().getRegularizationByParam(role.key()) : null;
    }

    @Override
    public IUpdater getUpdaterByParam(String key) {
        Role role = role(key);
        if (role == null) {
            return inside().getUpdaterByParam(key);
        }
        return role.parameter() == null || role.parameter().trained() ? inside().getUpdaterByParam(role.key()) : new NoOp();
    }

    @Override
    public boolean isPretrainParam(String key) {
        return false;
    }

    @Override
    public LayerMemoryReport getMemoryReport(InputType inputType) {
        LayerMemoryReport inside = underlying.getMemoryReport(inputType);
        long parameters = initializer().numParams(this);
        long updaterState = 0;
        long computed = 0;
        for (WeightShape weight : weights()) {
            computed += weight.units() * weight.inputs();
            for (WeightParameter parameter : parameters(weight)) {
                updaterState += getUpdaterByParam(weight.key() + parameter.suffix()).stateSize(parameter.length());
            }
        }
        return new LayerMemoryReport.Builder(layerName, getClass(), inputType, getOutputType(-1, inputType))
                .standardMemory(parameters, inside.getUpdaterStateSize() + updaterState)
                .workingMemory(inside.getWorkingMemoryFixedInference() + computed,
                        inside.getWorkingMemoryVariableInference(), inside.getWorkingMemoryFixedTrain(),
                        inside.getWorkingMemoryVariableTrain())
                .cacheMemory(inside.getCacheModeMemFixed(), inside.getCacheModeMemVariablePerEx())
                .build();
    }

    /**
     * Options of every wrapper.
     *
     * @param <T> the builder itself
     */
    public abstract static class Builder<T extends Builder<T>> {
        private final Layer layer;
        private double eps;

        /**
         * Options of a wrapper.
         *
         * @param layer the layer whose weights are computed
         * @param eps   eps by default
         */
        protected Builder(Layer layer, double eps) {
            this.layer = layer;
            this.eps = eps;
        }

        /**
         * What keeps a division from being one by zero.
         *
         * @param eps positive
         * @return this builder
         */
        @SuppressWarnings("unchecked")
        public T eps(double eps) {
            this.eps = eps;
            return (T) this;
        }

        /** {@return the layer with its wrapper} */
        public abstract Reparameterization build();
    }
}
