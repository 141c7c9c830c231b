// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.layer.ConditionedVertex;
import io.github.dl4jnorm.norm.NormPlan;
import java.util.Arrays;
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
 * Base class of ComputationGraph vertices that normalize their first input, the content, with a gamma and a beta for each
 * channel of each example computed from their second input. The vertex has no parameters; both inputs receive gradients.
 *
 * <p>The content is a sequence, an image or a volume; some norms also take dense input. Masked positions are ignored when
 * computing statistics, and their output is 0. The mask of the content is passed on.
 */
@Getter
@Setter
@ToString
@EqualsAndHashCode(callSuper = false)
public abstract class ConditionedNorm extends GraphVertex {
    private static final long serialVersionUID = 1L;

    /** Value added to the variance for numerical stability. */
    @JsonSetter(nulls = Nulls.FAIL)
    private double eps = 1e-5;
    /** Whether the channels are the last axis. */
    private boolean channelsLast;
    /** Whether the data format was set explicitly instead of taken from the input type. */
    private boolean channelsLastFixed;

    /** Creates a vertex with the default options. */
    protected ConditionedNorm() {
    }

    /**
     * Returns how the content is normalized.
     *
     * @param channels number of channels C of the content
     * @param rank     rank of the content, 2 to 5
     * @return the plan, or null if this number of channels or this rank is not supported
     */
    public abstract NormPlan plan(int channels, int rank);

    /**
     * Returns what the content must be, for error messages.
     *
     * @return such as "rank 3 to 5"
     */
    public String expectedContent() {
        return "rank 3 to 5 (on dense input, each statistic would cover a single element)";
    }

    /**
     * Checks the type of the second input.
     *
     * @param type    type of the second input
     * @param content type of the first input
     */
    abstract void checkCondition(InputType type, InputTypes content);

    /**
     * Checks the options.
     *
     * @throws DL4JInvalidConfigException if an option is out of range
     */
    protected void validateOptions() {
        if (!(eps >= 0) || Double.isInfinite(eps)) {
            throw invalid("eps >= 0", "eps " + eps);
        }
    }

    /**
     * Creates an exception about this vertex.
     *
     * @param expected what was expected
     * @param actual   what was given instead
     * @return the exception
     */
    protected final DL4JInvalidConfigException invalid(String expected, String actual) {
        return new DL4JInvalidConfigException(getClass().getSimpleName() + " vertex: expected " + expected + ", got " + actual);
    }

    /** Copies the options of this vertex to a copy. */
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

    /** Returns the type of the content, and takes the data format from it. */
    @Override
    public InputType getOutputType(int layerIndex, InputType... vertexInputs) {
        if (vertexInputs.length != 2 || vertexInputs[0] == null || vertexInputs[1] == null) {
            throw invalid("two inputs with known types", vertexInputs.length + " inputs: " + Arrays.toString(vertexInputs));
        }
        if (vertexInputs[0].getType() == InputType.Type.CNNFlat) {
            throw invalid("unflattened images as content", "flattened ones (" + vertexInputs[0] + ")");
        }
        InputTypes content = InputTypes.of(vertexInputs[0], channelsLast);
        if (plan(Math.toIntExact(content.channels()), content.rank()) == null) {
            throw invalid("content of " + expectedContent(), vertexInputs[0].toString());
        }
        checkCondition(vertexInputs[1], content);
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
     * Sets the options that all conditioned norms share.
     *
     * @param <T> type of the builder itself
     * @param <V> type of the vertex
     */
    public abstract static class Builder<T extends Builder<T, V>, V extends ConditionedNorm> {
        /** The vertex that the options are set on; {@link #build()} returns copies. */
        protected final V vertex;

        /**
         * Creates a builder with the default options.
         *
         * @param vertex a vertex with the default options
         */
        protected Builder(V vertex) {
            this.vertex = vertex;
        }

        @SuppressWarnings("unchecked")
        private T self() {
            return (T) this;
        }

        /**
         * Sets the value added to the variance for numerical stability.
         *
         * @param eps at least 0; default 1e-5
         * @return this builder
         */
        public T eps(double eps) {
            vertex.setEps(eps);
            return self();
        }

        /**
         * Sets where the channels are. Overrides the input types, or replaces them in graphs without input types.
         *
         * @param channelsLast true if the channels are the last axis, false if they are axis 1
         * @return this builder
         */
        public T channelsLast(boolean channelsLast) {
            vertex.setChannelsLast(channelsLast);
            vertex.setChannelsLastFixed(true);
            return self();
        }

        /**
         * Builds the vertex. The builder can be changed and used again; vertices built before stay as they are.
         *
         * @return the vertex
         * @throws DL4JInvalidConfigException if an option is out of range
         */
        @SuppressWarnings("unchecked")
        public V build() {
            vertex.validateOptions();
            return (V) vertex.clone();
        }
    }
}
