// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import io.github.dl4jnorm.conf.ConditionalNormalization;
import io.github.dl4jnorm.conf.ConditionedNorm;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration.GraphBuilder;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.GlobalPoolingLayer;
import org.deeplearning4j.nn.conf.layers.PoolingType;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.MultiDataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;

/**
 * A graph around a row of the table of seams: a layer "before", the row as "norm", a pooling where there are positions,
 * an output layer "out"; of a vertex also the layer "other" that makes its condition.
 *
 * @param row   the row
 * @param kind  of its input
 * @param graph the graph
 */
record SeamNet(SeamRow row, Kind kind, ComputationGraph graph) {
    static final int EXAMPLES = 6;
    private static final int STEPS = 3;

    static SeamNet of(SeamRow row, Kind kind, UnaryOperator<NeuralNetConfiguration.Builder> options) {
        GraphBuilder builder = options.apply(new NeuralNetConfiguration.Builder().seed(3).updater(new Adam(0.02)))
                .graphBuilder().addInputs(row.isVertex() ? new String[]{"in", "condition"} : new String[]{"in"});
        builder.addLayer("before", row.before(kind), "in");
        if (row.conf() instanceof ConditionedNorm conf) {
            boolean vector = conf instanceof ConditionalNormalization;
            builder.setInputTypes(kind.inputType(), vector ? InputType.feedForward(3) : kind.inputType())
                    .addLayer("other", vector ? new DenseLayer.Builder()
                            .nOut(((ConditionalNormalization) conf).conditionLength(Kind.CHANNELS))
                            .activation(Activation.IDENTITY).build() : row.before(kind), "condition")
                    .addVertex("norm", conf.clone(), "before", "other");
        } else {
            builder.setInputTypes(kind.inputType()).addLayer("norm", row.layer(), "before");
        }
        String last = "norm";
        if (kind.rnn()) {
            builder.addLayer("pool", kind.pooling(), last);
            last = "pool";
        } else if (!kind.dense()) {
            // Something that is not linear, as the average of an instance norm is a constant; no norm of positions, which has no
            // gradient where a threshold makes zeros of a whole channel.
            builder.addLayer("mix", new ConvolutionLayer.Builder(1, 1).nOut(Kind.CHANNELS).activation(Activation.TANH).build(),
                    last).addLayer("pool", new GlobalPoolingLayer(PoolingType.AVG), "mix");
            last = "pool";
        }
        builder.addLayer("out", kind.denseOutput(), last).setOutputs("out");
        ComputationGraph graph = new ComputationGraph(builder.build());
        graph.init();
        return new SeamNet(row, kind, graph);
    }

    SeamNet with(ComputationGraph other) {
        return new SeamNet(row, kind, other);
    }

    /** After some training steps, so that nothing is what it was at the start. */
    SeamNet trained() {
        for (int step = 0; step < STEPS; step++) {
            fit(step);
        }
        return this;
    }

    void fit(int seed) {
        graph.fit(batch(seed));
    }

    MultiDataSet batch(int seed) {
        return new MultiDataSet(inputs(seed), new INDArray[]{labels()});
    }

    INDArray labels() {
        return Kind.oneHot(EXAMPLES).castTo(type());
    }

    private DataType type() {
        return graph.params().dataType();
    }

    INDArray[] inputs(int seed) {
        Random random = new Random(seed + 17);
        INDArray x = NormCases.gaussian(random, 0.4, 1.5, kind.input(EXAMPLES, DataType.FLOAT).shape()).castTo(type());
        if (!row.isVertex()) {
            return new INDArray[]{x};
        }
        boolean vector = row.conf() instanceof ConditionalNormalization;
        long[] shape = vector ? new long[]{EXAMPLES, 3} : x.shape();
        return new INDArray[]{x, NormCases.gaussian(random, 0.5, 1, shape).castTo(type())};
    }

    /** What it gives for some batch in test mode. */
    double[] output() {
        return output(graph);
    }

    /** The same of a graph that takes the same input. */
    double[] output(ComputationGraph other) {
        INDArray[] inputs = inputs(99);
        for (int i = 0; i < inputs.length; i++) {
            inputs[i] = inputs[i].castTo(other.params().dataType());
        }
        return TestNetwork.numbers(other.outputSingle(inputs));
    }

    /** Parameters of the row by name. */
    Map<String, double[]> params() {
        return params("norm");
    }

    Map<String, double[]> params(String vertex) {
        Map<String, double[]> values = new LinkedHashMap<>();
        Map<String, INDArray> table = graph.getVertex(vertex).paramTable(false);
        if (table != null) {
            table.forEach((name, array) -> values.put(name, TestNetwork.numbers(array)));
        }
        return values;
    }

    /** Parameters of the whole graph and the state of its updater. */
    double[] everything() {
        INDArray state = graph.getUpdater().getStateViewArray();
        double[] params = TestNetwork.numbers(graph.params());
        double[] more = state == null ? new double[0] : TestNetwork.numbers(state);
        double[] all = Arrays.copyOf(params, params.length + more.length);
        System.arraycopy(more, 0, all, params.length, more.length);
        return all;
    }

    NormalizationLayer layer() {
        return (NormalizationLayer) graph.getLayer("norm");
    }

    /** A mask that leaves out the last half of the positions of every second example. */
    INDArray mask() {
        long steps = NormCases.shape(kind, 1, 1, 1, 4)[kind.channelsLast ? 1 : 2];
        INDArray mask = Nd4j.ones(type(), EXAMPLES, steps);
        for (int n = 0; n < EXAMPLES; n += 2) {
            for (long t = steps / 2; t < steps; t++) {
                mask.putScalar(new long[]{n, t}, 0);
            }
        }
        return mask;
    }
}
