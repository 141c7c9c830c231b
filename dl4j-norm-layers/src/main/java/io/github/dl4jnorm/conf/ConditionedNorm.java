// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.layer.ConditionedVertex;
import io.github.dl4jnorm.norm.NormPlan;
import lombok.EqualsAndHashCode;
import lombok.Getter;
import lombok.Setter;
import lombok.ToString;
import org.deeplearning4j.exception.DL4JInvalidConfigException;
import org.deeplearning4j.nn.conf.graph.GraphVertex;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.memory.LayerMemoryReport;
import org.deeplearning4j.nn.conf.memory.MemoryReport;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.shade.jackson.annotation.JsonSetter;
import org.nd4j.shade.jackson.annotation.Nulls;

/**
 * A vertex of a ComputationGraph that normalizes its first input, the content, with a gamma and a beta for each channel of
 * each example, which it makes of its second input. It has no parameters of its own; both inputs receive gradients.
 *
 * <p>The content is a sequence, an image or a volume. Masked positions enter no statistic and come out as 0; the mask of
 * the content is handed on.
 */
@Getter
@Setter
@ToString
@EqualsAndHashCode(callSuper = false)
public abstract class ConditionedNorm extends GraphVertex {
    private static final long serialVersionUID = 1L;

    /** Added to the variance. */
    @JsonSetter(nulls = Nulls.FAIL)
    private double eps = 1e-5;
    /** Whether channels come last. */
    private boolean channelsLast;
    /** Whether that was set, and not found by the type of the input. */
    private boolean channelsLastFixed;

    /** A vertex with every option at its default. */
    protected ConditionedNorm() {
    }

    /**
     * A vertex with the options of a builder.
     *
     * @param builder the options
     */
    protected ConditionedNorm(Builder<?> builder) {
        eps = builder.eps;
        channelsLast = builder.channelsLast != null && builder.channelsLast;
        channelsLastFixed = builder.channelsLast != null;
        if (!(eps >= 0) || Double.isInfinite(eps)) {
            throw invalid("eps >= 0", "eps " + eps);
        }
    }

    /**
     * How the content is normalized.
     *
     * @param channels C
     * @return the plan, or null if this many channels cannot be normalized so
     */
    public abstract NormPlan plan(int channels);

    /**
     * What the content has to be, for messages.
     *
     * @return such as "rank 3 to 5"
     */
    public String expectedContent() {
        return "rank 3 to 5 (on dense input every statistic would hold one element)";
    }

    /**
     * Checks what kind of input the second one is.
     *
     * @param type            the second input
     * @param contentChannels channels of the first one
     */
    abstract void checkCondition(InputType type, long contentChannels);

    /**
     * An exception about this vertex.
     *
     * @param expected what was expected
     * @param actual   what was given instead
     * @return the exception
     */
    protected final DL4JInvalidConfigException invalid(String expected, String actual) {
        return new DL4JInvalidConfigException(getClass().getSimpleName() + " vertex: expected " + expected + ", got " + actual);
    }

    /** Gives a copy the options of this vertex. */
    final <T extends ConditionedNorm> T giveOptions(T copy) {
        copy.setEps(eps);
        copy.setChannelsLast(channelsLast);
        copy.setChannelsLastFixed(channelsLastFixed);
        return copy;
    }

    @Override
    public abstract ConditionedNorm clone();

    @Override
    public long numParams(boolean backprop) {
        return 0;
    }

    @Override
    public int minVertexInputs() {
        return 2;
    }

    @Override
    public int maxVertexInputs() {
        return 2;
    }

    @Override
    public ConditionedVertex instantiate(ComputationGraph graph, String name, int idx, INDArray paramsView,
                                         boolean initializeParams, DataType networkDatatype) {
        return new ConditionedVertex(graph, name, idx, this, networkDatatype);
    }

    /** Also takes from the types where the channels are. */
    @Override
    public InputType getOutputType(int layerIndex, InputType... vertexInputs) {
        if (vertexInputs.length != 2 || vertexInputs[0] == null || vertexInputs[1] == null) {
            throw invalid("two inputs with known types", vertexInputs.length + " inputs");
        }
        if (vertexInputs[0].getType() == InputType.Type.CNNFlat) {
            throw invalid("content as an image", "flat rows (" + vertexInputs[0] + ")");
        }
        InputTypes content = InputTypes.of(vertexInputs[0], channelsLast);
        if (content.rank() < 3 || plan(Math.toIntExact(content.channels())) == null) {
            throw invalid("content of " + expectedContent(), vertexInputs[0].toString());
        }
        checkCondition(vertexInputs[1], content.channels());
        if (!channelsLastFixed) {
            channelsLast = content.channelsLast();
        }
        return vertexInputs[0];
    }

    @Override
    public MemoryReport getMemoryReport(InputType... inputTypes) {
        // Tables for each example and channel, in double: moments, gamma and beta, sums and gradients.
        long perExample = 10 * 2 * InputTypes.of(inputTypes[0], channelsLast).channels();
        return new LayerMemoryReport.Builder(null, getClass(), inputTypes[0], inputTypes[0]).standardMemory(0, 0)
                .workingMemory(0, perExample, 0, perExample).cacheMemory(0, 0).build();
    }

    /**
     * Options that these vertices share.
     *
     * @param <T> the builder itself
     */
    @Getter
    @Setter
    public abstract static class Builder<T extends Builder<T>> {
        private double eps = 1e-5;
        private Boolean channelsLast;

        /** With the defaults. */
        protected Builder() {
        }

        @SuppressWarnings("unchecked")
        private T self() {
            return (T) this;
        }

        /**
         * What is added to variances so that their roots can be divided by.
         *
         * @param eps at least 0; default 1e-5
         * @return this builder
         */
        public T eps(double eps) {
            this.eps = eps;
            return self();
        }

        /**
         * Where the channels are, instead of what the input types say: for graphs without input types.
         *
         * @param channelsLast whether they are the last axis instead of axis 1
         * @return this builder
         */
        public T channelsLast(boolean channelsLast) {
            this.channelsLast = channelsLast;
            return self();
        }
    }
}
