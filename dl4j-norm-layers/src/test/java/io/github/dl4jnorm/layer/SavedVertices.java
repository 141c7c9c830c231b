// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import io.github.dl4jnorm.conf.ConditionalNormalization;
import io.github.dl4jnorm.conf.LayerNormalization;
import io.github.dl4jnorm.conf.MomentShortcut;
import io.github.dl4jnorm.conf.PositionalNormalization;
import io.github.dl4jnorm.conf.ResidualSum;
import io.github.dl4jnorm.conf.RmsNormalization;
import io.github.dl4jnorm.conf.SelfAttention;
import io.github.dl4jnorm.conf.SelfAttention.QkNorm;
import java.io.IOException;
import java.nio.file.Path;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration.GraphBuilder;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Wrote the networks of {@link SavedNetworksTest} with vertices and attention, as {@link SavedNetworks} wrote the others. */
final class SavedVertices extends NetworkSaver {
    SavedVertices(Path directory) {
        super(directory);
    }

    private static GraphBuilder builder(DataType type, String... inputs) {
        return Inside.base(type, setup(type).updater()).graphBuilder().addInputs(inputs);
    }

    private static ComputationGraph graph(GraphBuilder builder) {
        ComputationGraph graph = new ComputationGraph(builder.setOutputs("out").build());
        graph.init();
        return graph;
    }

    /** Writes the networks that are not there. */
    void save() throws IOException {
        attention(Kind.RNN_FIRST, DataType.DOUBLE, new SelfAttention.Builder().heads(2).headSize(3).qkNorm(QkNorm.L2).eps(0.01)
                .dataFormat(RNNFormat.NCW));
        attention(Kind.RNN_LAST, DataType.FLOAT, new SelfAttention.Builder().dataFormat(RNNFormat.NWC));
        Kind image = Kind.CNN_LAST;
        save("moment-shortcut", graph(builder(DataType.FLOAT, "in").setInputTypes(image.inputType())
                .addLayer("encoder", image.before(), "in").addLayer("pono", new PositionalNormalization(), "encoder")
                .addLayer("decoder", image.before(), "pono").addVertex("shortcut", new MomentShortcut(0.01), "decoder", "encoder")
                .addLayer("out", image.output(), "shortcut")), image.labels(EXAMPLES, DataType.FLOAT), null,
                input(image, DataType.FLOAT));
        spade(Kind.CNN_FIRST, DataType.DOUBLE);
    }

    /** A block of a transformer: attention and its input are added, and normalized with the sum. */
    private void attention(Kind kind, DataType type, SelfAttention.Builder attention) throws IOException {
        boolean last = kind.channelsLast;
        save(name("attention", kind), graph(builder(type, "in").setInputTypes(kind.inputType())
                .addLayer("before", kind.before(), "in")
                .addLayer("attention", attention.nOut(Kind.CHANNELS).build(), "before")
                .addVertex("sum", new ResidualSum(), "attention", "before")
                .addLayer("norm", last ? new RmsNormalization.Builder().build() : new LayerNormalization.Builder().build(), "sum")
                .addVertex("again", new ResidualSum(), "norm", "sum")
                .addLayer("out", kind.output(), "again")), kind.labels(EXAMPLES, type), null, input(kind, type));
    }

    /** The condition is an image of another size. */
    private void spade(Kind kind, DataType type) throws IOException {
        ConditionalNormalization norm = new ConditionalNormalization.Builder().gammaOffset(1).build();
        INDArray map = drawn(type, EXAMPLES, 2, 4, 6);
        save("conditional-map", graph(builder(type, "in", "map")
                .setInputTypes(kind.inputType(), InputType.convolutional(4, 6, 2))
                .addLayer("before", kind.before(), "in")
                .addLayer("scale-shift", new ConvolutionLayer.Builder(1, 1).nOut(norm.conditionLength(Kind.CHANNELS))
                        .activation(Activation.IDENTITY).build(), "map")
                .addVertex("norm", norm, "before", "scale-shift")
                .addLayer("pool", kind.pooling(), "norm").addLayer("out", kind.denseOutput(), "pool")),
                Kind.oneHot(EXAMPLES).castTo(type), null, input(kind, type), map);
    }
}
