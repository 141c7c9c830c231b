// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.deeplearning4j.nn.params.DefaultParamInitializer.BIAS_KEY;

import io.github.dl4jnorm.conf.Reparameterization;
import io.github.dl4jnorm.conf.WeightNormalization;
import io.github.dl4jnorm.conf.WeightShape;
import io.github.dl4jnorm.pass.Slices;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.api.MaskState;
import org.deeplearning4j.nn.api.TrainingConfig;
import org.deeplearning4j.nn.api.layers.IOutputLayer;
import org.deeplearning4j.nn.api.layers.RecurrentLayer;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.BaseLayer;
import org.deeplearning4j.nn.conf.layers.BaseRecurrentLayer;
import org.deeplearning4j.nn.conf.layers.EmbeddingLayer;
import org.deeplearning4j.nn.conf.layers.EmbeddingSequenceLayer;
import org.deeplearning4j.nn.conf.layers.recurrent.Bidirectional;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.layers.wrapper.BaseWrapperLayer;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.regularization.Regularization;

/**
 * The running layer of every {@link Reparameterization}. The layer inside shares all parameters with it but the weights,
 * which have arrays of their own: they are computed before each forward pass. It leaves the gradient of its weights where
 * that of what they are computed from belongs, which takes its place.
 */
public class ReparameterizedLayer extends BaseWrapperLayer {
    private static final long serialVersionUID = 1L;

    private transient Reparameterization wrapper;
    private final transient ComputedWeights weights;
    private transient INDArray flatParams;
    private transient INDArray flatGradients;
    private transient Map<String, INDArray> params;
    private transient Map<String, INDArray> gradients;
    private transient INDArray outputMask;
    private transient boolean startsFromData;

    /**
     * A layer whose parameters are set.
     *
     * @param wrapper    its configuration
     * @param underlying the layer inside
     * @param flatParams all parameters
     * @param params     the same by key
     */
    protected ReparameterizedLayer(Reparameterization wrapper, Layer underlying, INDArray flatParams,
                                   Map<String, INDArray> params) {
        super(underlying);
        this.wrapper = wrapper;
        this.flatParams = flatParams;
        this.params = params;
        weights = new ComputedWeights(wrapper, params);
        underlying.setParamTable(weights.inPlace(underlying.paramTable()));
    }

    /**
     * Makes the layer of a configuration.
     *
     * @param wrapper          its configuration
     * @param conf             configuration that holds it
     * @param listeners        listeners of the network
     * @param index            index of the layer
     * @param paramsView       all parameters
     * @param initializeParams whether to set them
     * @param dataType         type of parameters and activations
     * @return the layer, recurrent if the one inside is
     */
    public static ReparameterizedLayer of(Reparameterization wrapper, NeuralNetConfiguration conf,
                                          Collection<TrainingListener> listeners, int index, INDArray paramsView,
                                          boolean initializeParams, DataType dataType) {
        Map<String, INDArray> params = wrapper.initializer().init(conf, paramsView, initializeParams);
        NeuralNetConfiguration inside = ReparameterizationInitializer.inside(conf);
        Layer underlying = DirectedLayer.instantiate(inside, listeners, index,
                Slices.elements(paramsView, 0, ReparameterizationInitializer.numInside(wrapper)), dataType);
        if (underlying instanceof IOutputLayer output) {
            return new ReparameterizedOutputLayer(wrapper, output, paramsView, params);
        }
        return underlying instanceof RecurrentLayer recurrent
                ? new ReparameterizedRecurrentLayer(wrapper, recurrent, paramsView, params)
                : new ReparameterizedLayer(wrapper, underlying, paramsView, params);
    }

    /** {@return what to call the layer in messages} */
    final String layerId() {
        return wrapper.getClass().getSimpleName() + " layer \"" + wrapper.getLayerName() + "\"";
    }

    /** {@return the configuration} */
    public final Reparameterization reparameterization() {
        return wrapper;
    }

    /**
     * The weights as the layer inside sees them in test mode.
     *
     * @return copies by key
     */
    public Map<String, INDArray> computedWeights() {
        return weights.inTestMode();
    }

    /**
     * Has the next forward pass set gain and bias so that its linear output has mean 0 and variance 1.
     *
     * @param startsFromData whether it does
     * @throws IllegalStateException if it is no weight normalization, or that of a layer which has no such start
     */
    public void setStartsFromData(boolean startsFromData) {
        if (startsFromData && !canStartFromData()) {
            throw new IllegalStateException(layerId() + ": expected weight normalization of a layer that is neither "
                    + "recurrent nor an embedding nor an output layer");
        }
        this.startsFromData = startsFromData;
    }

    /** {@return whether gain and bias can be set by a batch} */
    public boolean canStartFromData() {
        var inside = underlying.conf().getLayer();
        return wrapper instanceof WeightNormalization && !(inside instanceof BaseRecurrentLayer
                || inside instanceof EmbeddingLayer || inside instanceof EmbeddingSequenceLayer
                || inside instanceof Bidirectional || underlying instanceof IOutputLayer);
    }

    private void startFromData() {
        List<WeightShape> shapes = wrapper.weights();
        WeightShape last = shapes.get(shapes.size() - 1);
        DataDependentStart.apply((BaseLayer) underlying.conf().getLayer(), params.get(last.key() + WeightNormalization.GAIN),
                params.get(BIAS_KEY), outputMask, layerId(), () -> {
                    compute(false, LayerWorkspaceMgr.noWorkspaces());
                    return underlying.activate(false, LayerWorkspaceMgr.noWorkspaces());
                });
    }

    /** Computes the weights, before a forward pass of any kind. */
    final void compute(boolean training, LayerWorkspaceMgr workspaceMgr) {
        try (MemoryWorkspace ws = workspaceMgr.notifyScopeBorrowed(ArrayType.FF_WORKING_MEM)) {
            weights.compute(training);
        }
    }

    /** Makes gradients of what weights are computed from out of those of the weights. */
    final Pair<Gradient, INDArray> throughWeights(Pair<Gradient, INDArray> inside, LayerWorkspaceMgr workspaceMgr) {
        wrapper.requireSolver(underlying.conf().getOptimizationAlgo());
        try (MemoryWorkspace ws = workspaceMgr.notifyScopeBorrowed(ArrayType.BP_WORKING_MEM)) {
            weights.backward(gradients, inside.getFirst());
        }
        return inside;
    }

    @Override
    public INDArray activate(boolean training, LayerWorkspaceMgr workspaceMgr) {
        if (startsFromData) {
            startsFromData = false;
            startFromData();
        }
        compute(training, workspaceMgr);
        return underlying.activate(training, workspaceMgr);
    }

    @Override
    public INDArray activate(INDArray input, boolean training, LayerWorkspaceMgr workspaceMgr) {
        setInput(input, workspaceMgr);
        return activate(training, workspaceMgr);
    }

    @Override
    public void setInput(INDArray input, LayerWorkspaceMgr workspaceMgr) {
        super.setInput(spread(input, ArrayType.INPUT, workspaceMgr), workspaceMgr);
    }

    /** Matrix products of ND4J take a broadcast array, one with a stride of 0, for an array of zeros. */
    private static INDArray spread(INDArray array, ArrayType type, LayerWorkspaceMgr workspaceMgr) {
        for (int axis = 0; array != null && axis < array.rank(); axis++) {
            if (array.stride(axis) == 0 && array.size(axis) > 1) {
                return workspaceMgr.dup(type, array);
            }
        }
        return array;
    }

    @Override
    public Pair<Gradient, INDArray> backpropGradient(INDArray epsilon, LayerWorkspaceMgr workspaceMgr) {
        INDArray dy = spread(epsilon, ArrayType.ACTIVATION_GRAD, workspaceMgr);
        return throughWeights(underlying.backpropGradient(dy, workspaceMgr), workspaceMgr);
    }

    /** Takes a configuration of the wrapper, as TransferLearning has it, or of the layer inside. */
    @Override
    public void setConf(NeuralNetConfiguration conf) {
        if (conf.getLayer() instanceof Reparameterization given) {
            wrapper = given;
            underlying.setConf(ReparameterizationInitializer.inside(conf));
        } else {
            underlying.setConf(conf);
        }
    }

    @Override
    public TrainingConfig getConfig() {
        return wrapper;
    }

    @Override
    public INDArray params() {
        return flatParams;
    }

    @Override
    public long numParams() {
        return flatParams.length();
    }

    @Override
    public long numParams(boolean backwards) {
        return numParams();
    }

    @Override
    public void setParams(INDArray values) {
        if (values == flatParams) {
            return;
        }
        if (values.length() != numParams()) {
            throw new IllegalArgumentException(layerId() + ": expected " + numParams() + " parameters, got "
                    + values.length());
        }
        flatParams.assign(values.reshape(flatParams.shape()));
    }

    @Override
    public void setParamsViewArray(INDArray values) {
        throw new UnsupportedOperationException(layerId() + ": setParamsViewArray is not supported; the array cannot change");
    }

    @Override
    public INDArray getGradientsViewArray() {
        return flatGradients;
    }

    @Override
    public void setBackpropGradientsViewArray(INDArray values) {
        if (values.length() != numParams()) {
            throw new IllegalArgumentException(layerId() + ": expected a gradient array of " + numParams() + " elements, got "
                    + values.length());
        }
        flatGradients = values;
        long inside = ReparameterizationInitializer.numInside(wrapper);
        underlying.setBackpropGradientsViewArray(Slices.elements(values, 0, inside));
        NeuralNetConfiguration conf = underlying.conf().clone();
        conf.setLayer(wrapper);
        gradients = wrapper.initializer().getGradientsFromFlattened(conf, values);
    }

    @Override
    public INDArray getParam(String key) {
        return params.get(key);
    }

    @Override
    public Map<String, INDArray> paramTable() {
        return params;
    }

    @Override
    public Map<String, INDArray> paramTable(boolean backpropParamsOnly) {
        return params;
    }

    @Override
    public void setParamTable(Map<String, INDArray> table) {
        if (!table.keySet().equals(params.keySet())) {
            throw new IllegalArgumentException(layerId() + ": expected the parameters " + params.keySet() + ", got "
                    + table.keySet());
        }
        table.forEach(this::setParam);
    }

    @Override
    public void setParam(String key, INDArray value) {
        INDArray param = params.get(key);
        if (param == null || param.length() != value.length()) {
            throw new IllegalArgumentException(layerId() + ": expected " + (param == null ? "one of the parameters "
                    + params.keySet() : param.length() + " elements") + ", got " + key + " with " + value.length() + " elements");
        }
        param.assign(value.reshape(param.shape()));
    }

    @Override
    public void update(Gradient gradient) {
        gradient.gradientForVariable().forEach((key, value) -> update(value, key));
    }

    @Override
    public void update(INDArray gradient, String key) {
        params.get(key).addi(gradient.reshape(params.get(key).shape()));
    }

    @Override
    public double calcRegularizationScore(boolean backpropParamsOnly) {
        double sum = 0;
        for (Map.Entry<String, INDArray> param : params.entrySet()) {
            List<Regularization> terms = wrapper.getRegularizationByParam(param.getKey());
            if (terms != null) {
                for (Regularization term : terms) {
                    sum += term.score(param.getValue(), getIterationCount(), getEpochCount());
                }
            }
        }
        return sum;
    }

    @Override
    public void fit() {
        throw new UnsupportedOperationException(layerId() + " does not support layerwise pretraining");
    }

    @Override
    public void fit(INDArray data, LayerWorkspaceMgr workspaceMgr) {
        fit();
    }

    @Override
    public Pair<INDArray, MaskState> feedForwardMaskArray(INDArray maskArray, MaskState currentMaskState,
                                                          int minibatchSize) {
        Pair<INDArray, MaskState> output = super.feedForwardMaskArray(maskArray, currentMaskState, minibatchSize);
        outputMask = output != null && output.getSecond() == MaskState.Active ? output.getFirst() : null;
        return output;
    }

    @Override
    public void setMaskArray(INDArray maskArray) {
        super.setMaskArray(maskArray);
        if (maskArray == null) {
            outputMask = null;
        }
    }
}
