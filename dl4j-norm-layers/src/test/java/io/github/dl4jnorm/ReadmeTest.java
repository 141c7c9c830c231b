// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.conf.AdaptiveInstanceNormalization;
import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.GroupNormalization;
import io.github.dl4jnorm.conf.InstanceNormalization;
import io.github.dl4jnorm.conf.LayerNormLSTM;
import io.github.dl4jnorm.conf.LayerNormalization;
import io.github.dl4jnorm.conf.NormFactory;
import io.github.dl4jnorm.conf.SpectralNormalization;
import io.github.dl4jnorm.conf.SwitchableNormalization;
import io.github.dl4jnorm.conf.WeightNormalization;
import io.github.dl4jnorm.model.BatchNormFolding;
import io.github.dl4jnorm.model.DataDependentInit;
import io.github.dl4jnorm.model.Freeze;
import io.github.dl4jnorm.model.NormReplacement;
import io.github.dl4jnorm.model.NormRules;
import io.github.dl4jnorm.model.PopulationStatistics;
import io.github.dl4jnorm.model.WeightFusion;
import io.github.dl4jnorm.ops.NDNorm;
import io.github.dl4jnorm.ops.SDNorm;
import io.github.dl4jnorm.parallel.SynchronizedTraining;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.deeplearning4j.datasets.iterator.utilty.ListDataSetIterator;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.CnnLossLayer;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.parallelism.ParallelWrapper;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** The Java of README and reference compiles and runs: its lines are those of this class. */
@Tag("once")
@Tag("long")
class ReadmeTest {

    @Test
    void theExamplesRun() {
        DataSetIterator trainingData = new ListDataSetIterator<>(new DataSet(
                Nd4j.rand(DataType.FLOAT, 8, 1, 28, 28), Nd4j.eye(10).get(
                        org.nd4j.linalg.indexing.NDArrayIndex.interval(0, 8)).dup()).asList(), 4);
        MultiLayerConfiguration batch = new NeuralNetConfiguration.Builder()
                .updater(new Adam(1e-3)).list()
                .layer(new ConvolutionLayer.Builder(3, 3).nOut(16).hasBias(false).activation(Activation.IDENTITY).build())
                .layer(new BatchNormalization.Builder().decay(0.9).activation(Activation.RELU).build())
                .layer(new OutputLayer.Builder(LossFunction.MCXENT).nOut(10).activation(Activation.SOFTMAX).build())
                .setInputType(InputType.convolutional(28, 28, 1))
                .build();
        MultiLayerConfiguration group = new NeuralNetConfiguration.Builder()
                .updater(new Adam(1e-3)).list()
                .layer(new ConvolutionLayer.Builder(3, 3).nOut(32).hasBias(false).activation(Activation.IDENTITY).build())
                .layer(new GroupNormalization.Builder(8).activation(Activation.RELU).build())
                .layer(new OutputLayer.Builder(LossFunction.MCXENT).nOut(10).activation(Activation.SOFTMAX).build())
                .setInputType(InputType.convolutional(28, 28, 1))
                .build();
        MultiLayerConfiguration instance = new NeuralNetConfiguration.Builder()
                .updater(new Adam(1e-3)).list()
                .layer(new ConvolutionLayer.Builder(3, 3).nOut(16).hasBias(false).activation(Activation.IDENTITY).build())
                .layer(new InstanceNormalization.Builder().trackRunningStats(false).activation(Activation.RELU).build())
                .layer(new CnnLossLayer.Builder(LossFunction.MSE).activation(Activation.IDENTITY).build())
                .setInputType(InputType.convolutional(32, 32, 3))
                .build();
        MultiLayerConfiguration layer = new NeuralNetConfiguration.Builder()
                .updater(new Adam(1e-3)).list()
                .layer(new LSTM.Builder().nOut(64).activation(Activation.TANH).build())
                .layer(new LayerNormalization.Builder().build())
                .layer(new LSTM.Builder().nOut(64).activation(Activation.TANH).build())
                .layer(new RnnOutputLayer.Builder(LossFunction.MCXENT).nOut(5).activation(Activation.SOFTMAX).build())
                .setInputType(InputType.recurrent(12))
                .build();
        MultiLayerConfiguration switchable = new NeuralNetConfiguration.Builder()
                .updater(new Adam(1e-3)).list()
                .layer(new ConvolutionLayer.Builder(3, 3).nOut(16).hasBias(false).activation(Activation.IDENTITY).build())
                .layer(new SwitchableNormalization.Builder().batchAverage(true).activation(Activation.RELU).build())
                .layer(new OutputLayer.Builder(LossFunction.MCXENT).nOut(10).activation(Activation.SOFTMAX).build())
                .setInputType(InputType.convolutional(28, 28, 1))
                .build();
        MultiLayerNetwork net = new MultiLayerNetwork(switchable);
        net.init();
        net.fit(trainingData);
        PopulationStatistics.recompute(net, trainingData, PopulationStatistics.Method.PAPER);
        trainingData.reset();
        MultiLayerConfiguration weight = new NeuralNetConfiguration.Builder()
                .updater(new Adam(1e-3)).list()
                .layer(new WeightNormalization(new ConvolutionLayer.Builder(3, 3).nOut(16).activation(Activation.RELU).build()))
                .layer(new OutputLayer.Builder(LossFunction.MCXENT).nOut(10).activation(Activation.SOFTMAX).build())
                .setInputType(InputType.convolutional(28, 28, 1))
                .build();
        MultiLayerNetwork normalized = new MultiLayerNetwork(weight);
        normalized.init();
        DataDependentInit.apply(normalized, trainingData.next());
        normalized.fit(trainingData);
        MultiLayerNetwork plain = WeightFusion.fuse(normalized);
        assertThat(net.output(Nd4j.rand(DataType.FLOAT, 2, 1, 28, 28)).isNaN().any()).isFalse();
        assertThat(plain.numParams()).isEqualTo(normalized.numParams() - 16);
        MultiLayerNetwork trained = new MultiLayerNetwork(batch);
        trained.init();
        MultiLayerNetwork converted = NormReplacement.replace(trained, NormRules.batchToBatch());
        Freeze.freezeStatistics(converted);
        BatchNormFolding.Result<MultiLayerNetwork> folded = BatchNormFolding.fold(converted);
        assertThat(folded.folded()).isEqualTo(1);
        for (MultiLayerConfiguration conf : List.of(batch, group)) {
            fit(conf, Nd4j.rand(DataType.FLOAT, 4, 1, 28, 28), Nd4j.ones(DataType.FLOAT, 4, 10).divi(10));
        }
        fit(instance, Nd4j.rand(DataType.FLOAT, 2, 3, 32, 32), Nd4j.rand(DataType.FLOAT, 2, 16, 30, 30));
        fit(layer, Nd4j.rand(DataType.FLOAT, 2, 12, 7), Nd4j.ones(DataType.FLOAT, 2, 5, 7).divi(5));
    }

    @Test
    void theExamplesOfOtherKindsRun() {
        NeuralNetConfiguration.ListBuilder network = new NeuralNetConfiguration.Builder().updater(new Adam(1e-3)).list();
        ConvolutionLayer convolution = new ConvolutionLayer.Builder(3, 3).nOut(32).activation(Activation.RELU).build();
        for (Layer part : NormFactory.create("group", Map.of("groups", 8, "eps", 1e-3)).around(convolution)) {
            network.layer(part);
        }
        network.layer(new OutputLayer.Builder(LossFunction.MCXENT).nOut(10).activation(Activation.SOFTMAX).build());
        fit(network.setInputType(InputType.convolutional(28, 28, 1)).build(), Nd4j.rand(DataType.FLOAT, 4, 1, 28, 28),
                Nd4j.ones(DataType.FLOAT, 4, 10).divi(10));
        ComputationGraphConfiguration transfer = new NeuralNetConfiguration.Builder()
                .updater(new Adam(1e-3)).graphBuilder().addInputs("content", "style")
                .setInputTypes(InputType.convolutional(32, 32, 3), InputType.convolutional(24, 24, 3))
                .addVertex("adain", new AdaptiveInstanceNormalization(), "content", "style")
                .addLayer("decoder", new ConvolutionLayer.Builder(3, 3).nOut(3).activation(Activation.IDENTITY).build(), "adain")
                .addLayer("out", new CnnLossLayer.Builder(LossFunction.MSE).activation(Activation.IDENTITY).build(), "decoder")
                .setOutputs("out").build();
        ComputationGraph graph = new ComputationGraph(transfer);
        graph.init();
        graph.fit(new INDArray[]{Nd4j.rand(DataType.FLOAT, 2, 3, 32, 32), Nd4j.rand(DataType.FLOAT, 2, 3, 24, 24)},
                new INDArray[]{Nd4j.rand(DataType.FLOAT, 2, 3, 30, 30)});
        assertThat(graph.params().isNaN().any()).isFalse();
        MultiLayerConfiguration recurrent = new NeuralNetConfiguration.Builder()
                .updater(new Adam(1e-3)).list()
                .layer(new LayerNormLSTM.Builder().nOut(64).build())
                .layer(new RnnOutputLayer.Builder(LossFunction.MCXENT).nOut(5).activation(Activation.SOFTMAX).build())
                .setInputType(InputType.recurrent(12))
                .build();
        fit(recurrent, Nd4j.rand(DataType.FLOAT, 2, 12, 7), Nd4j.ones(DataType.FLOAT, 2, 5, 7).divi(5));
    }

    @Tag("workers")
    @Test
    void theWorkersTrain() {
        DataSetIterator trainingData = new ListDataSetIterator<>(new DataSet(Nd4j.rand(DataType.FLOAT, 8, 5),
                Nd4j.rand(DataType.FLOAT, 8, 2)).asList(), 2);
        MultiLayerNetwork plain = new MultiLayerNetwork(new NeuralNetConfiguration.Builder().list()
                .layer(new BatchNormalization.Builder().build())
                .layer(new OutputLayer.Builder(LossFunction.MSE).nOut(2).activation(Activation.IDENTITY).build())
                .setInputType(InputType.feedForward(5)).build());
        plain.init();
        MultiLayerNetwork net = NormReplacement.replace(plain, NormRules.batchToSynchronized());
        ParallelWrapper wrapper = SynchronizedTraining.install(new ParallelWrapper.Builder<>(net).workers(4).build());
        wrapper.fit(trainingData);
        assertThat(net.params()).isNotEqualTo(plain.params());
    }

    @Test
    void theGraphRuns() {
        SameDiff sd = SameDiff.create();
        SDVariable x = sd.placeHolder("x", DataType.FLOAT, -1, 32, 28, 28);
        SDVariable gamma = sd.var("gamma", Nd4j.ones(DataType.FLOAT, 32));
        SDVariable beta = sd.var("beta", Nd4j.zeros(DataType.FLOAT, 32));
        SDVariable y = new SDNorm(sd).named("y").groupNorm(x, gamma, beta, 8, 1e-5);
        INDArray images = Nd4j.rand(DataType.FLOAT, 4, 32, 28, 28);
        INDArray inGraph = sd.output(Map.of("x", images), "y").get("y");
        INDArray atOnce = new NDNorm().groupNorm(images, gamma.getArr(), beta.getArr(), 8, 1e-5);
        assertThat(y.name()).isEqualTo("y");
        assertThat(inGraph).isEqualTo(atOnce);
    }

    private static void fit(MultiLayerConfiguration conf, INDArray x,
                            INDArray labels) {
        MultiLayerNetwork net = new MultiLayerNetwork(conf);
        net.init();
        net.fit(x, labels);
        assertThat(net.params().isNaN().any()).isFalse();
    }

    @Test
    void theOneLineChangesTrain() {
        Layer norm = new GroupNormalization.Builder(4).activation(Activation.RELU).build();
        fit(norm, plainConvolution());
        norm = new LayerNormalization.Builder().activation(Activation.RELU).build();
        fit(norm, plainConvolution());
        norm = new SwitchableNormalization.Builder().activation(Activation.RELU).build();
        fit(norm, plainConvolution());
        Layer convolution = new SpectralNormalization(new ConvolutionLayer.Builder(3, 3).nOut(8).build());
        fit(norm, convolution);
    }

    private static Layer plainConvolution() {
        return new ConvolutionLayer.Builder(3, 3).nOut(8).hasBias(false).build();
    }

    private static void fit(Layer norm, Layer convolution) {
        fit(new NeuralNetConfiguration.Builder().updater(new Adam(0.003)).activation(Activation.IDENTITY).list()
                .layer(convolution).layer(norm).layer(new OutputLayer.Builder().nOut(2).activation(Activation.SOFTMAX).build())
                .setInputType(InputType.convolutional(16, 16, 1)).build(),
                Nd4j.rand(DataType.FLOAT, 4, 1, 16, 16), Nd4j.ones(DataType.FLOAT, 4, 2).divi(2));
    }

    /** But for the whole program, which is a file of the examples and tested there. */
    @Test
    void everyLineOfJavaInReadmeAndReferenceStandsHere() throws IOException {
        Path module = Path.of(System.getProperty("basedir", "."));
        Path self = module.resolve("src/test/java/io/github/dl4jnorm/ReadmeTest.java");
        Set<String> here = Files.readAllLines(self).stream().map(String::trim).collect(Collectors.toSet());
        Files.readAllLines(module.resolve("../examples/src/main/java/io/github/dl4jnorm/examples/QuickStart.java")).stream()
                .map(String::trim).forEach(here::add);
        for (String page : List.of("../README.md", "../src/site/markdown/reference.md")) {
            List<String> java = new ArrayList<>();
            boolean inside = false;
            for (String line : Files.readAllLines(module.resolve(page))) {
                inside = inside ? !line.startsWith("```") : line.equals("```java");
                if (inside && !line.equals("```java")) {
                    java.add(line.trim());
                }
            }
            assertThat(java).as(page).isNotEmpty().allSatisfy(line -> assertThat(here).contains(line));
        }
    }
}
