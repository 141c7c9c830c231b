// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import io.github.dl4jnorm.conf.LayerNormalization;
import io.github.dl4jnorm.conf.ResidualSum;
import io.github.dl4jnorm.conf.RmsNormalization;
import io.github.dl4jnorm.conf.SelfAttention;
import io.github.dl4jnorm.ops.Layout;
import io.github.dl4jnorm.ops.ResidualNorm;
import io.github.dl4jnorm.ops.SDNorm;
import java.util.Locale;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration.GraphBuilder;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.graph.rnn.LastTimeStepVertex;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.Convolution1DLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.TrainingConfig;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/**
 * A transformer encoder: an embedding, then blocks of norm, attention, sum, norm, two dense layers, sum; a norm and a classifier
 * of the last timestep.
 *
 * @param blocks number of blocks
 * @param norm   the norm before attention, dense layers and classifier
 * @param rate   learning rate
 * @param seed   random seed of the weights
 */
record EncoderNet(int blocks, Norm norm, double rate, long seed) {
    static final String SEQUENCES = "sequences";
    static final String LABELS = "labels";
    static final String PREDICTIONS = "predictions";
    private static final int WIDTH = 32;
    private static final int HIDDEN = 64;
    private static final int HEADS = 4;
    private static final int STEPS = TransformerEncoder.PAIRS + 1;
    private static final double EPS = 1e-6;

    /** Which norm. */
    enum Norm {
        NONE, LAYER, RMS;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    ComputationGraph graph() {
        GraphBuilder builder = new NeuralNetConfiguration.Builder().seed(seed).updater(new Adam(rate)).graphBuilder()
                .addInputs(SEQUENCES).setInputTypes(InputType.recurrent(TransformerEncoder.INPUTS, STEPS))
                .addLayer("embedding", dense(WIDTH, Activation.IDENTITY), SEQUENCES);
        String stream = "embedding";
        for (int block = 1; block <= blocks; block++) {
            String name = "block" + block + "-";
            builder.addLayer(name + "attention", new SelfAttention.Builder().nOut(WIDTH).heads(HEADS)
                            .qkNorm(norm == Norm.NONE ? SelfAttention.QkNorm.NONE : SelfAttention.QkNorm.RMS).build(),
                    normalized(builder, name + "norm1", stream));
            builder.addVertex(name + "sum1", new ResidualSum(), name + "attention", stream);
            builder.addLayer(name + "dense1", dense(HIDDEN, Activation.RELU),
                    normalized(builder, name + "norm2", name + "sum1"));
            builder.addLayer(name + "dense2", dense(WIDTH, Activation.IDENTITY), name + "dense1");
            builder.addVertex(name + "sum2", new ResidualSum(), name + "dense2", name + "sum1");
            stream = name + "sum2";
        }
        builder.addVertex("last", new LastTimeStepVertex(SEQUENCES), normalized(builder, "norm", stream));
        builder.addLayer("out", new OutputLayer.Builder(LossFunction.MCXENT).nOut(TransformerEncoder.VALUES)
                .activation(Activation.SOFTMAX).build(), "last").setOutputs("out");
        ComputationGraph graph = new ComputationGraph(builder.build());
        graph.init();
        return graph;
    }

    /** The same dense layer at each timestep. */
    private static Convolution1DLayer dense(int size, Activation activation) {
        return new Convolution1DLayer.Builder(1).nOut(size).activation(activation).build();
    }

    /** Adds the norm of a layer or vertex and returns its name. */
    private String normalized(GraphBuilder builder, String name, String input) {
        switch (norm) {
            case LAYER -> builder.addLayer(name, new LayerNormalization.Builder().build(), input);
            case RMS -> builder.addLayer(name, new RmsNormalization.Builder().build(), input);
            default -> {
                return input;
            }
        }
        return name;
    }

    /** The same encoder with RMS norm as a SameDiff graph over [N, T, C]. */
    SameDiff sameDiff() {
        Nd4j.getRandom().setSeed(seed);
        SameDiff sd = SameDiff.create();
        SDNorm ops = new SDNorm(sd).layout(Layout.CHANNELS_LAST);
        SDVariable x = sd.placeHolder(SEQUENCES, DataType.FLOAT, -1, TransformerEncoder.INPUTS, STEPS);
        SDVariable labels = sd.placeHolder(LABELS, DataType.FLOAT, -1, TransformerEncoder.VALUES);
        SDVariable stream = linear(sd, "embedding", sd.permute(x, 0, 2, 1), TransformerEncoder.INPUTS, WIDTH);
        SDVariable h = ops.rmsNorm(stream, gamma(sd, "gamma", WIDTH), null, EPS);
        for (int block = 1; block <= blocks; block++) {
            String name = "block" + block + "-";
            // The sum and the norm behind it are one node.
            ResidualNorm<SDVariable> attended = ops.addRmsNorm(attention(sd, ops, name, h), stream,
                    gamma(sd, name + "gamma1", WIDTH), null, EPS);
            SDVariable hidden = sd.nn.relu(linear(sd, name + "dense1", attended.output(), WIDTH, HIDDEN), 0);
            ResidualNorm<SDVariable> next = ops.addRmsNorm(linear(sd, name + "dense2", hidden, HIDDEN, WIDTH), attended.sum(),
                    gamma(sd, name + "gamma2", WIDTH), null, EPS);
            stream = next.sum();
            h = next.output();
        }
        // A sum picks the last timestep: SameDiff has no gradient of gather here.
        SDVariable last = h.mul(sd.constant(Nd4j.zeros(DataType.FLOAT, 1, STEPS, 1).putScalar(0, STEPS - 1, 0, 1))).sum(1);
        SDVariable logits = last.mmul(weights(sd, "classifier", WIDTH, TransformerEncoder.VALUES));
        sd.nn.softmax(PREDICTIONS, logits, 1);
        sd.loss.softmaxCrossEntropy("loss", labels, logits, null);
        sd.setLossVariables("loss");
        sd.setTrainingConfig(TrainingConfig.builder().updater(new Adam(rate)).dataSetFeatureMapping(SEQUENCES)
                .dataSetLabelMapping(LABELS).build());
        return sd;
    }

    /** Queries and keys of each head, [N, T, heads, d], are normalized over their last axis. */
    private static SDVariable attention(SameDiff sd, SDNorm ops, String name, SDVariable h) {
        int size = WIDTH / HEADS;
        SDVariable[] heads = new SDVariable[3];
        for (int i = 0; i < heads.length; i++) {
            SDVariable projected = sd.reshape(linear(sd, name + "qkv".charAt(i), h, WIDTH, WIDTH), -1, STEPS, HEADS, size);
            SDVariable normalized = i == 2 ? projected
                    : ops.rmsNormLastAxes(projected, 1, gamma(sd, name + "gamma-" + "qk".charAt(i), size), null, EPS);
            heads[i] = sd.permute(normalized, 0, 2, 1, 3);
        }
        SDVariable logits = heads[0].mmul(sd.permute(heads[1], 0, 1, 3, 2)).mul(1 / Math.sqrt(size));
        SDVariable attended = sd.permute(sd.nn.softmax(logits, 3).mmul(heads[2]), 0, 2, 1, 3);
        return linear(sd, name + "o", sd.reshape(attended, -1, STEPS, WIDTH), WIDTH, WIDTH);
    }

    private static SDVariable linear(SameDiff sd, String name, SDVariable x, int in, int out) {
        return sd.reshape(sd.reshape(x, -1, in).mmul(weights(sd, name, in, out)), -1, STEPS, out);
    }

    private static SDVariable weights(SameDiff sd, String name, int in, int out) {
        return sd.var(name, Nd4j.randn(DataType.FLOAT, in, out).muli(Math.sqrt(2.0 / (in + out))));
    }

    private static SDVariable gamma(SameDiff sd, String name, int size) {
        return sd.var(name, Nd4j.ones(DataType.FLOAT, size));
    }
}
