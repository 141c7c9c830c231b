// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.GroupNormalization;
import java.util.List;
import org.deeplearning4j.nn.conf.ConvolutionMode;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.ActivationLayer;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** A training step of twice convolution, normalization and ReLU, with several norms and with none. */
final class StepSubject implements Subject {
    static final String NONE = "no norm";
    static final List<String> VARIANTS = List.of(NONE, "batch", "group", "stock batch");

    private static final long SEED = 42;
    private static final int EXAMPLES = 32;
    private static final int CLASSES = 10;

    private final List<MultiLayerNetwork> networks;
    private final DataSet batch;

    StepSubject() {
        Nd4j.getRandom().setSeed(SEED);
        INDArray labels = Nd4j.zeros(DataType.FLOAT, EXAMPLES, CLASSES);
        for (int i = 0; i < EXAMPLES; i++) {
            labels.putScalar(i, i % CLASSES, 1);
        }
        batch = new DataSet(Nd4j.randn(DataType.FLOAT, EXAMPLES, 3, 32, 32), labels);
        networks = VARIANTS.stream().map(StepSubject::network).toList();
    }

    private static List<Layer> norm(String variant) {
        return switch (variant) {
            case "batch" -> List.of(new BatchNormalization.Builder().activation(Activation.RELU).build());
            case "group" -> List.of(new GroupNormalization.Builder(8).activation(Activation.RELU).build());
            case "stock batch" -> List.of(new org.deeplearning4j.nn.conf.layers.BatchNormalization.Builder().build(),
                    new ActivationLayer(Activation.RELU));
            default -> List.of();
        };
    }

    private static MultiLayerNetwork network(String variant) {
        Activation activation = variant.equals(NONE) ? Activation.RELU : Activation.IDENTITY;
        NeuralNetConfiguration.ListBuilder list = new NeuralNetConfiguration.Builder().seed(SEED)
                .updater(new Sgd(0.01)).convolutionMode(ConvolutionMode.Same).list();
        for (int block = 0; block < 2; block++) {
            list.layer(new ConvolutionLayer.Builder(3, 3).nOut(16).activation(activation).build());
            norm(variant).forEach(list::layer);
        }
        MultiLayerNetwork network = new MultiLayerNetwork(list
                .layer(new OutputLayer.Builder(LossFunction.MCXENT).nOut(CLASSES).activation(Activation.SOFTMAX).build())
                .setInputType(InputType.convolutional(32, 32, 3)).build());
        network.init();
        return network;
    }

    @Override
    public Object run(int variant) {
        networks.get(variant).fit(batch);
        return networks.get(variant);
    }
}
