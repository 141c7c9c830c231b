// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.layer.SelfAttentionParamInitializer;
import io.github.dl4jnorm.layer.SelfAttentionRunner;
import io.github.dl4jnorm.norm.Divisor;
import java.util.Collection;
import lombok.EqualsAndHashCode;
import lombok.Getter;
import lombok.Setter;
import lombok.ToString;
import org.deeplearning4j.exception.DL4JInvalidConfigException;
import org.deeplearning4j.nn.api.ParamInitializer;
import org.deeplearning4j.nn.conf.InputPreProcessor;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.deeplearning4j.nn.conf.memory.LayerMemoryReport;
import org.deeplearning4j.nn.conf.memory.MemoryReport;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.nd4j.linalg.activations.impl.ActivationIdentity;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.shade.jackson.annotation.JsonSetter;
import org.nd4j.shade.jackson.annotation.Nulls;

/**
 * Multi-head self-attention with normalized queries and keys (QK norm; Henry et al. 2020,
 * <a href="https://arxiv.org/abs/2010.04245">Query-Key Normalization for Transformers</a>, arXiv 2010.04245):
 *
 * <pre>
 *   q, k, v = x·Wq, x·Wk, x·Wv     for each head h of d elements: q' = gammaQ·norm(q[h]), k' = gammaK·norm(k[h])
 *   y = concat over h of softmax(q'·k'ᵀ/√d)·v[h]  ·  Wo
 * </pre>
 *
 * Without a norm, this is Deeplearning4j's {@code SelfAttentionLayer} with {@code projectInput}. The norm keeps the logits of the
 * softmax bounded, however large queries and keys grow. All heads share gammaQ and gammaK, {@code [d]}.
 *
 * <p>Input is {@code [N, C, T]} or {@code [N, T, C]}. Masked timesteps are not attended to; as in Deeplearning4j, their own
 * output is computed like any other. The layer has no activation.
 */
@Getter
@Setter
@ToString(callSuper = true)
@EqualsAndHashCode(callSuper = true)
public class SelfAttention extends FeedForwardLayer {
    private static final long serialVersionUID = 1L;

    /** How queries and keys of a head are normalized. */
    public enum QkNorm {
        /** Not at all. */
        NONE(null),
        /** By their root mean square; gamma starts at 1. */
        RMS(Divisor.ROOT_MEAN_SQUARE),
        /** To unit length; gamma starts at √d, which gives logits of the size that RMS gives. */
        L2(Divisor.LENGTH),
        /** By mean and deviation; gamma starts at 1, and there is no beta. */
        LAYER(Divisor.DEVIATION);

        private final Divisor divisor;

        QkNorm(Divisor divisor) {
            this.divisor = divisor;
        }

        /** {@return what is divided by, or null} */
        public Divisor divisor() {
            return divisor;
        }
    }

    /** Number of heads. */
    private int heads = 1;
    /** Elements of a head, or 0 for nOut/heads. */
    private int headSize;
    /** How queries and keys are normalized. */
    @JsonSetter(nulls = Nulls.FAIL)
    private QkNorm qkNorm = QkNorm.RMS;
    /** Value that avoids division by zero. */
    private double eps = 1e-6;
    /** Whether the channels are the last axis. */
    private boolean channelsLast;

    /** Creates a layer with the default options; used by JSON. */
    public SelfAttention() {
        activationFn = new ActivationIdentity();
    }

    private SelfAttention(Builder builder) {
        super(builder);
        heads = builder.options.heads;
        headSize = builder.options.headSize;
        qkNorm = builder.options.qkNorm;
        eps = builder.options.eps;
        channelsLast = builder.options.channelsLast;
        if (activationFn == null) {
            // Else the default of the network would be taken, a sigmoid.
            activationFn = new ActivationIdentity();
        }
        validate();
        initializeConstraints(builder);
    }

    /** {@return elements of a head} */
    public int elementsOfHead() {
        return headSize > 0 ? headSize : (int) (nOut / heads);
    }

    private void validate() {
        if (heads < 1 || headSize < 0 || headSize == 0 && nOut % heads != 0) {
            throw invalid("heads >= 1 that divide nOut, or a headSize", "heads " + heads + ", headSize " + headSize + ", nOut "
                    + nOut);
        }
        if (!(eps >= 0) || Double.isInfinite(eps)) {
            throw invalid("eps >= 0", "eps " + eps);
        }
        if (!(activationFn instanceof ActivationIdentity)) {
            throw invalid("no activation", activationFn.toString());
        }
    }

    private DL4JInvalidConfigException invalid(String expected, String actual) {
        return new DL4JInvalidConfigException("SelfAttention layer \"" + (layerName == null ? "(not named)" : layerName)
                + "\": expected " + expected + ", got " + actual);
    }

    @Override
    public SelfAttentionRunner instantiate(NeuralNetConfiguration conf, Collection<TrainingListener> listeners, int layerIndex,
                                           INDArray paramsView, boolean initializeParams, DataType networkDataType) {
        validate();
        if (nIn <= 0 || nOut <= 0) {
            throw invalid("positive nIn and nOut (set them, or set an input type for the network)",
                    "nIn " + nIn + " and nOut " + nOut);
        }
        SelfAttentionRunner layer = new SelfAttentionRunner(conf, networkDataType);
        layer.setListeners(listeners);
        layer.setIndex(layerIndex);
        layer.setParamsViewArray(paramsView);
        layer.setParamTable(initializer().init(conf, paramsView, initializeParams));
        layer.setConf(conf);
        return layer;
    }

    @Override
    public ParamInitializer initializer() {
        return SelfAttentionParamInitializer.INSTANCE;
    }

    private InputTypes sequence(InputType inputType) {
        if (inputType == null || inputType.getType() != InputType.Type.RNN) {
            throw invalid("a sequence as input type", String.valueOf(inputType));
        }
        return InputTypes.of(inputType, channelsLast);
    }

    @Override
    public void setNIn(InputType inputType, boolean override) {
        InputTypes type = sequence(inputType);
        if (nIn <= 0 || override) {
            nIn = type.channels();
        }
        channelsLast = type.channelsLast();
    }

    @Override
    public InputType getOutputType(int layerIndex, InputType inputType) {
        InputTypes type = sequence(inputType);
        return InputType.recurrent(nOut, type.positions().get(0), type.channelsLast() ? RNNFormat.NWC : RNNFormat.NCW);
    }

    @Override
    public InputPreProcessor getPreProcessorForInputType(InputType inputType) {
        sequence(inputType);
        return null;
    }

    @Override
    public LayerMemoryReport getMemoryReport(InputType inputType) {
        long steps = Math.max(1, sequence(inputType).positions().get(0));
        long params = initializer().numParams(this);
        // Of each step: queries, keys and values before and behind the norm, and the weights of all steps in each head.
        long forward = steps * (nIn + nOut + (long) heads * (7L * elementsOfHead() + 2 * steps));
        return new LayerMemoryReport.Builder(layerName, getClass(), inputType, getOutputType(-1, inputType))
                .standardMemory(params, getIUpdater().stateSize(params)).workingMemory(0, forward, 0, 3 * forward)
                .cacheMemory(MemoryReport.CACHE_MODE_ALL_ZEROS, MemoryReport.CACHE_MODE_ALL_ZEROS).build();
    }

    /** Builds a {@link SelfAttention}. */
    public static class Builder extends FeedForwardLayer.Builder<Builder> {
        private final SelfAttention options = new SelfAttention();

        /** Creates a builder with one head and RMS norm of queries and keys. */
        public Builder() {
        }

        /**
         * Sets the number of heads.
         *
         * @param heads must divide nOut unless headSize is set; default 1
         * @return this builder
         */
        public Builder heads(int heads) {
            options.heads = heads;
            return this;
        }

        /**
         * Sets the elements of each head.
         *
         * @param headSize default 0: nOut/heads
         * @return this builder
         */
        public Builder headSize(int headSize) {
            options.headSize = headSize;
            return this;
        }

        /**
         * Sets how queries and keys of each head are normalized.
         *
         * @param qkNorm default RMS
         * @return this builder
         */
        public Builder qkNorm(QkNorm qkNorm) {
            options.qkNorm = qkNorm;
            return this;
        }

        /**
         * Sets the value that avoids division by zero.
         *
         * @param eps at least 0; default 1e-6. RMS and LAYER add it to the square; for L2 it is the smallest divisor
         * @return this builder
         */
        public Builder eps(double eps) {
            options.eps = eps;
            return this;
        }

        /**
         * Sets the data format for networks without input types.
         *
         * @param format NCW (default) or NWC
         * @return this builder
         */
        public Builder dataFormat(RNNFormat format) {
            options.channelsLast = format == RNNFormat.NWC;
            return this;
        }

        @Override
        @SuppressWarnings("unchecked")
        public SelfAttention build() {
            // Lists and dropout are those of the builder until they are copied.
            return (SelfAttention) new SelfAttention(this).clone();
        }
    }
}
