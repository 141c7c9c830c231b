// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import static org.deeplearning4j.nn.params.BidirectionalParamInitializer.BACKWARD_PREFIX;
import static org.deeplearning4j.nn.params.BidirectionalParamInitializer.FORWARD_PREFIX;

import io.github.dl4jnorm.layer.ReparameterizationInitializer;
import io.github.dl4jnorm.layer.ReparameterizedLayer;
import io.github.dl4jnorm.pass.WeightPass;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiFunction;
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
import org.deeplearning4j.nn.conf.layers.recurrent.Bidirectional;
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
 * Base class of wrappers that compute a layer's weights from other parameters, which are the ones trained and saved. Wraps a
 * dense layer, convolution (1D, 2D, 3D, depthwise, separable), deconvolution (2D, 3D), LSTM or SimpleRnn. For LSTM and
 * SimpleRnn both input and recurrent weights are computed. Deeplearning4j's wrappers around them (Bidirectional, LastTimeStep,
 * MaskZeroLayer) go inside this wrapper, not around it. Biases are not changed.
 *
 * <p>Parameters have the keys of the wrapped layer. The key of a weight ({@code W}, {@code RW}, {@code pW}) holds the array
 * it is computed from, with the same shape. Additional parameters append a suffix to that key, such as {@code Wg}. In a
 * Bidirectional, keys begin with {@code f} and {@code b}, such as {@code fWg}.
 *
 * <p>Options of the wrapped layer (name, activation, updater, dropout, weight noise, gradient normalization) work as usual.
 * Weight noise applies to the computed weights. Constraints on weights are rejected, because they would clip the trained
 * parameters instead of the weights.
 */
@Getter
@Setter
@ToString(callSuper = true)
@EqualsAndHashCode(callSuper = true)
public abstract class Reparameterization extends BaseWrapperLayer {
    private static final long serialVersionUID = 1L;

    /** Value that avoids division by zero. */
    private double eps;

    /**
     * Creates a wrapper without a layer; used by JSON.
     *
     * @param eps default eps
     */
    protected Reparameterization(double eps) {
        this.eps = eps;
    }

    private static Layer inside(Layer layer) {
        Layer inside = layer;
        while (inside instanceof LastTimeStep || inside instanceof MaskZeroLayer) {
            inside = ((BaseWrapperLayer) inside).getUnderlying();
        }
        return inside;
    }

    /** The layers that have the weights, by what the keys of their parameters begin with. */
    private Map<String, Layer> layers() {
        Map<String, Layer> layers = new LinkedHashMap<>();
        if (inside(underlying) instanceof Bidirectional both) {
            layers.put(FORWARD_PREFIX, inside(both.getFwd()));
            layers.put(BACKWARD_PREFIX, inside(both.getBwd()));
        } else {
            layers.put("", inside(underlying));
        }
        return layers;
    }

    /** What a layer inside says of one of its parameters. */
    private <T> T ofParameter(String key, BiFunction<Layer, String, T> question) {
        String prefix = layers().containsKey("") ? "" : key.substring(0, 1);
        return question.apply(layers().get(prefix), key.substring(prefix.length()));
    }

    /** {@return the weights that are computed} */
    public List<WeightShape> weights() {
        List<WeightShape> all = new ArrayList<>();
        layers().forEach((prefix, inside) -> {
            List<WeightShape> weights = WeightShape.of(inside);
            if (weights == null) {
                throw invalid("a layer to wrap, one of " + WeightShape.known(),
                        inside == null ? "no layer" : inside.getClass().getName());
            }
            weights.forEach(weight -> all.add(weight.prefixed(prefix)));
        });
        return all;
    }

    /**
     * Returns the additional parameters that a weight is computed from, besides the array stored under its own key.
     *
     * @param weight the weight
     * @return parameters in flattening order
     */
    public abstract List<WeightParameter> parameters(WeightShape weight);

    /**
     * Returns the computation of a weight.
     *
     * @param weight     the weight
     * @param parameters arrays of {@link #parameters}, in the same order
     * @return forward and backward pass
     */
    public abstract WeightPass pass(WeightShape weight, List<INDArray> parameters);

    /**
     * Returns which parameter the regularization of a weight applies to.
     *
     * @return suffix of its key; empty for the array stored under the weight's own key
     */
    protected String regularizedSuffix() {
        return "";
    }

    /**
     * Returns a copy of this wrapper around another layer.
     *
     * @param layer the layer; it is not modified
     * @return the wrapper around a copy of the layer
     * @throws DL4JInvalidConfigException if the layer type is not supported
     */
    public Reparameterization around(Layer layer) {
        Reparameterization made = clone();
        made.wrap(layer == null ? null : copyOf(layer));
        return made;
    }

    /**
     * Puts this wrapper around a layer.
     *
     * @param layer the layer; it is not copied
     * @throws DL4JInvalidConfigException if the layer type is not supported or an option is out of range
     */
    protected final void wrap(Layer layer) {
        underlying = layer;
        layerName = layer == null ? null : layer.getLayerName();
        validate();
    }

    /** Checks the options and the wrapped layer, as far as it is known before the network is created. */
    private void validate() {
        validateOptions();
        weights();
    }

    /**
     * Checks the options.
     *
     * @throws DL4JInvalidConfigException if an option is out of range
     */
    protected void validateOptions() {
        if (!(eps > 0) || Double.isInfinite(eps)) {
            throw invalid("eps > 0", "eps " + eps);
        }
    }

    /**
     * Checks that the network's solver is compatible with state that training updates without a gradient.
     *
     * @param solver the network's optimization algorithm, or null for its default
     * @throws DL4JInvalidConfigException if there is such state and the solver runs several backward passes per step
     */
    public final void requireSolver(OptimizationAlgorithm solver) {
        boolean state = weights().stream().anyMatch(weight -> parameters(weight).stream().anyMatch(p -> !p.trained()));
        if (state && RunningNormLayer.searches(solver)) {
            throw invalid("optimizationAlgo STOCHASTIC_GRADIENT_DESCENT (with any updater)", solver
                    + ", which runs several backward passes per step and would corrupt non-trainable parameters");
        }
    }

    private void validateLayer() {
        validate();
        for (WeightShape weight : weights()) {
            if (weight.units() <= 0 || weight.inputs() <= 0) {
                throw invalid("positive nIn and nOut on the wrapped layer (set them, or set an input type for the network)",
                        weight.inputs() + " inputs and " + weight.units() + " units of " + weight.key());
            }
        }
        layers().values().forEach(this::validateInside);
    }

    private void validateInside(Layer inside) {
        if (((BaseLayer) inside).getWeightInitFn() == null) {
            throw invalid("a weight initialization (set weightInit on the wrapped layer; inside Bidirectional it does not "
                    + "inherit the network's)", "none");
        }
        List<LayerConstraint> constraints = inside.getConstraints();
        Set<String> computed = Set.copyOf(WeightShape.of(inside).stream().map(WeightShape::key).toList());
        if (constraints != null && constraints.stream().anyMatch(c -> c.getParams().stream().anyMatch(computed::contains))) {
            throw invalid("no constraints on the wrapped layer's weights, which are computed", constraints.toString());
        }
    }

    /**
     * Creates an exception about this layer.
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
        } else if (copy instanceof Bidirectional both) {
            both.setFwd(copyOf(both.getFwd()));
            both.setBwd(copyOf(both.getBwd()));
            both.setInitializer(null);
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
        return role == null || role.suffix().equals(regularizedSuffix())
                ? ofParameter(role == null ? key : role.key(), Layer::getRegularizationByParam) : null;
    }

    @Override
    public IUpdater getUpdaterByParam(String key) {
        Role role = role(key);
        return role == null || role.parameter() == null || role.parameter().trained()
                ? ofParameter(role == null ? key : role.key(), Layer::getUpdaterByParam) : new NoOp();
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
     * Sets the options that all wrappers share.
     *
     * @param <T> type of the builder itself
     * @param <W> type of the wrapper
     */
    public abstract static class Builder<T extends Builder<T, W>, W extends Reparameterization> {
        /** The wrapper that the options are set on; {@link #build()} returns copies around a copy of the layer. */
        protected final W wrapper;
        private final Layer layer;

        /**
         * Creates a builder.
         *
         * @param wrapper a wrapper with the default options
         * @param layer   the layer whose weights are computed
         */
        protected Builder(W wrapper, Layer layer) {
            this.wrapper = wrapper;
            this.layer = layer;
        }

        /**
         * Sets the value that avoids division by zero.
         *
         * @param eps positive
         * @return this builder
         */
        @SuppressWarnings("unchecked")
        public T eps(double eps) {
            wrapper.setEps(eps);
            return (T) this;
        }

        /**
         * Builds the wrapper. The builder can be changed and used again; wrappers built before stay as they are.
         *
         * @return the wrapper around a copy of the layer
         * @throws DL4JInvalidConfigException if the layer type is not supported or an option is out of range
         */
        @SuppressWarnings("unchecked")
        public W build() {
            return (W) wrapper.around(layer);
        }
    }
}
