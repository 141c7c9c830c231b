// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.layer.LayerNormLSTMLayer;
import io.github.dl4jnorm.layer.LayerNormLSTMParamInitializer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import lombok.EqualsAndHashCode;
import lombok.Getter;
import lombok.Setter;
import lombok.ToString;
import org.deeplearning4j.exception.DL4JInvalidConfigException;
import org.deeplearning4j.nn.api.ParamInitializer;
import org.deeplearning4j.nn.api.layers.LayerConstraint;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.AbstractLSTM;
import org.deeplearning4j.nn.conf.memory.LayerMemoryReport;
import org.deeplearning4j.nn.conf.memory.MemoryReport;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.nd4j.linalg.activations.impl.ActivationTanH;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.shade.jackson.annotation.JsonSetter;
import org.nd4j.shade.jackson.annotation.Nulls;

/**
 * Applies an LSTM with layer normalization inside the recurrence (Ba, Kiros and Hinton 2016,
 * <a href="https://arxiv.org/abs/1607.06450">Layer Normalization</a>, arXiv 1607.06450, equations 20 to 22):
 *
 * <pre>
 *   z = LN(x[t]·W; gammaInput, b) + LN(h[t−1]·RW; gammaRecurrent)     z = (zi, zf, zo, zg)
 *   c[t] = gate(zf)·c[t−1] + gate(zg)·act(zi)     h[t] = gate(zo)·act(LN(c[t]; gammaCell, betaCell))
 *   LN(v; gamma, beta) = gamma·(v − mean)/√(var + eps) + beta
 * </pre>
 *
 * As in the paper, the first two norms are computed over the 4·nOut pre-activations of all gates; with
 * {@code normalizeGates(true)} they are computed over the nOut pre-activations of each gate. The paper's two shifts and
 * its bias only ever occur as their sum, so the layer has one bias b. The unnormalized cell state is carried to the next
 * timestep and normalized for the output only, as in the paper and in haste's {@code LayerNormLSTM}. TensorFlow Addons'
 * {@code LayerNormLSTMCell} and the cell of PyTorch's benchmarks carry the normalized state instead.
 *
 * <p>Input, output, gate order and options are those of Deeplearning4j's {@code LSTM}. By default act is tanh and gate is
 * the sigmoid; gamma starts at 1 and betaCell at 0. A masked timestep has output 0, state 0 and no gradient, so padding
 * may also come first. Truncated backpropagation through time and {@code rnnTimeStep} continue from the last state.
 * {@code Bidirectional} and {@code LastTimeStep} can wrap the layer.
 */
@Getter
@Setter
@ToString(callSuper = true)
@EqualsAndHashCode(callSuper = true)
public class LayerNormLSTM extends AbstractLSTM {
    private static final long serialVersionUID = 1L;

    /** Value added to the variance for numerical stability. */
    @JsonSetter(nulls = Nulls.FAIL)
    private double eps = 1e-5;
    /** Whether mean and variance are computed for each gate separately. */
    private boolean normalizeGates;

    /** Creates a layer with the default options; used by JSON. */
    public LayerNormLSTM() {
        activationFn = new ActivationTanH();
        forgetGateBiasInit = 1;
    }

    private LayerNormLSTM(Builder builder) {
        super(builder);
        eps = builder.options.eps;
        normalizeGates = builder.options.normalizeGates;
        if (activationFn == null) {
            // Else the default of the network would be taken, a sigmoid.
            activationFn = new ActivationTanH();
        }
        validate();
        initializeConstraints(builder);
    }

    private void validate() {
        if (!(eps >= 0) || Double.isInfinite(eps)) {
            throw invalid("eps >= 0", "eps " + eps);
        }
    }

    private DL4JInvalidConfigException invalid(String expected, String actual) {
        return new DL4JInvalidConfigException("LayerNormLSTM layer \"" + (layerName == null ? "(not named)" : layerName)
                + "\": expected " + expected + ", got " + actual);
    }

    /** Applies constraints to recurrent and input weights, which Deeplearning4j leaves to each layer. */
    @Override
    protected void initializeConstraints(org.deeplearning4j.nn.conf.layers.Layer.Builder<?> given) {
        super.initializeConstraints(given);
        Builder builder = (Builder) given;
        List<LayerConstraint> all = constraints == null ? new ArrayList<>() : new ArrayList<>(constraints);
        all.addAll(NormBuilder.bound(builder.getRecurrentConstraints(), LayerNormLSTMParamInitializer.RECURRENT_WEIGHT));
        all.addAll(NormBuilder.bound(builder.getInputWeightConstraints(), LayerNormLSTMParamInitializer.WEIGHT));
        constraints = all.isEmpty() ? null : all;
    }

    @Override
    public LayerNormLSTMLayer instantiate(NeuralNetConfiguration conf, Collection<TrainingListener> listeners, int layerIndex,
                                          INDArray paramsView, boolean initializeParams, DataType networkDataType) {
        validate();
        if (nIn <= 0 || nOut <= 0) {
            throw invalid("positive nIn and nOut (set them, or set an input type for the network)",
                    "nIn " + nIn + " and nOut " + nOut);
        }
        LayerNormLSTMLayer layer = new LayerNormLSTMLayer(conf, networkDataType);
        layer.setListeners(listeners);
        layer.setIndex(layerIndex);
        layer.setParamsViewArray(paramsView);
        layer.setParamTable(initializer().init(conf, paramsView, initializeParams));
        layer.setConf(conf);
        return layer;
    }

    @Override
    public ParamInitializer initializer() {
        return LayerNormLSTMParamInitializer.INSTANCE;
    }

    @Override
    public LayerMemoryReport getMemoryReport(InputType inputType) {
        InputType outputType = getOutputType(-1, inputType);
        long steps = InputTypes.of(inputType, false).positions().get(0);
        long known = Math.max(1, steps);
        long params = initializer().numParams(this);
        // Of each step: the input, three times 4·nOut before and behind norms, cell states and outputs.
        long forward = known * (nIn + 8 * nOut) + 15 * nOut;
        long backward = known * (2 * nIn + 26 * nOut);
        return new LayerMemoryReport.Builder(layerName, getClass(), inputType, outputType)
                .standardMemory(params, getIUpdater().stateSize(params)).workingMemory(0, forward, 0, backward)
                .cacheMemory(MemoryReport.CACHE_MODE_ALL_ZEROS, MemoryReport.CACHE_MODE_ALL_ZEROS).build();
    }

    /** Builds a {@link LayerNormLSTM}. Adds to the options of every LSTM. */
    public static class Builder extends AbstractLSTM.Builder<Builder> {
        private final LayerNormLSTM options = new LayerNormLSTM();

        /** Creates a builder with the default options. */
        public Builder() {
        }

        /**
         * Sets the value added to the variance for numerical stability.
         *
         * @param eps at least 0; default 1e-5
         * @return this builder
         */
        public Builder eps(double eps) {
            options.eps = eps;
            return this;
        }

        /**
         * Sets whether mean and variance are computed for each gate separately.
         *
         * @param normalizeGates default false: over all gates of an example and timestep, as in the paper
         * @return this builder
         */
        public Builder normalizeGates(boolean normalizeGates) {
            options.normalizeGates = normalizeGates;
            return this;
        }

        @Override
        @SuppressWarnings("unchecked")
        public LayerNormLSTM build() {
            // Lists and dropout are those of the builder until they are copied.
            return (LayerNormLSTM) new LayerNormLSTM(this).clone();
        }
    }
}
