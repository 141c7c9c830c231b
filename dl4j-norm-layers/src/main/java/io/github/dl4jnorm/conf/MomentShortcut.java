// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.layer.MomentShortcutVertex;
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

/**
 * Gives each position of the features of a decoder the mean and deviation that the position has in an encoder (PONO-MS; Li et al.
 * 2019, <a href="https://arxiv.org/abs/1907.04312">Positional Normalization</a>, arXiv 1907.04312):
 *
 * <pre>
 *   y = f·σ(x) + μ(x)     σ = √(var + eps), var biased, over the channels of a position of an example
 * </pre>
 *
 * Takes two inputs: the features f and what a {@link PositionalNormalization} normalized, x. They have the same examples,
 * positions and data format; the number of channels may differ. Both receive gradients. Masked positions of f come out as 0.
 *
 * <pre>
 *   graph.addLayer("pono", new PositionalNormalization(), "encoder")
 *        .addVertex("shortcut", new MomentShortcut(), "decoder", "encoder")
 * </pre>
 */
@Getter
@Setter
@ToString
@EqualsAndHashCode(callSuper = false)
public class MomentShortcut extends GraphVertex {
    private static final long serialVersionUID = 1L;

    /** Value added to the variance. */
    private double eps = 1e-5;
    /** Whether the channels are the last axis; in graphs with input types, that of the features. */
    private boolean channelsLast;

    /** Creates a vertex with eps 1e-5. */
    public MomentShortcut() {
    }

    /**
     * Creates a vertex.
     *
     * @param eps value added to the variance, positive
     * @throws DL4JInvalidConfigException if eps is out of range
     */
    public MomentShortcut(double eps) {
        if (!(eps > 0) || Double.isInfinite(eps)) {
            throw invalid("eps > 0", "eps " + eps);
        }
        this.eps = eps;
    }

    private static DL4JInvalidConfigException invalid(String expected, String actual) {
        return new DL4JInvalidConfigException("MomentShortcut vertex: expected " + expected + ", got " + actual);
    }

    @Override
    public MomentShortcut clone() {
        MomentShortcut copy = new MomentShortcut(eps);
        copy.setChannelsLast(channelsLast);
        return copy;
    }

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
    public MomentShortcutVertex instantiate(ComputationGraph graph, String name, int idx, INDArray paramsView,
                                            boolean initializeParams, DataType networkDatatype) {
        return new MomentShortcutVertex(graph, name, idx, this, networkDatatype);
    }

    /** Returns the type of the features, and takes the data format from it. */
    @Override
    public InputType getOutputType(int layerIndex, InputType... types) {
        if (types.length != 2 || types[0] == null || types[1] == null) {
            throw invalid("two inputs with known types", Arrays.toString(types));
        }
        InputTypes features = InputTypes.of(types[0], channelsLast);
        InputTypes source = InputTypes.of(types[1], channelsLast);
        if (features.rank() != source.rank() || features.channelsLast() != source.channelsLast()
                || !features.positions().equals(source.positions())) {
            throw invalid("inputs with the same positions and data format", Arrays.toString(types));
        }
        channelsLast = features.channelsLast();
        return types[0];
    }

    @Override
    public MemoryReport getMemoryReport(InputType... types) {
        return new LayerMemoryReport.Builder(null, getClass(), types[0], types[0]).standardMemory(0, 0)
                .workingMemory(0, 2 * types[0].arrayElementsPerExample(), 0, 2 * types[0].arrayElementsPerExample())
                .cacheMemory(0, 0).build();
    }
}
