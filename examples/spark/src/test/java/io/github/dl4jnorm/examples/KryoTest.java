// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.conf.AdaptiveInstanceNormalization;
import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.BatchRenormalization;
import io.github.dl4jnorm.conf.ConditionalNormalization;
import io.github.dl4jnorm.conf.ConditionedNorm;
import io.github.dl4jnorm.conf.FilterResponseNormalization;
import io.github.dl4jnorm.conf.GhostBatchNormalization;
import io.github.dl4jnorm.conf.GlobalResponseNormalization;
import io.github.dl4jnorm.conf.GroupNormalization;
import io.github.dl4jnorm.conf.InstanceNormalization;
import io.github.dl4jnorm.conf.LayerNormLSTM;
import io.github.dl4jnorm.conf.LayerNormalization;
import io.github.dl4jnorm.conf.RmsNormalization;
import io.github.dl4jnorm.conf.RunningStatistics;
import io.github.dl4jnorm.conf.SpectralNormalization;
import io.github.dl4jnorm.conf.SwitchableNormalization;
import io.github.dl4jnorm.conf.SyncBatchNormalization;
import io.github.dl4jnorm.conf.UnitNormalization;
import io.github.dl4jnorm.conf.WeightNormalization;
import io.github.dl4jnorm.conf.WeightStandardization;
import java.util.List;
import java.util.stream.Stream;
import org.apache.spark.SparkConf;
import org.apache.spark.serializer.JavaSerializer;
import org.apache.spark.serializer.KryoSerializer;
import org.apache.spark.serializer.SerializerInstance;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;
import scala.reflect.ClassTag;
import scala.reflect.ClassTag$;

/** What Spark's serializers make of layers, configurations and parameters is equal to them and works. */
class KryoTest {

    static Stream<Layer> norms() {
        RunningStatistics policy = RunningStatistics.momentum(0.3);
        return Stream.of(new BatchNormalization.Builder().decay(0.8).activation(Activation.RELU).build(),
                new BatchNormalization.Builder().runningStatistics(RunningStatistics.cumulative()).build(),
                new SyncBatchNormalization.Builder().runningStatistics(policy).build(),
                new GroupNormalization.Builder(2).build(), new InstanceNormalization.Builder().trackRunningStats(true).build(),
                new LayerNormalization.Builder().perPosition(true).build(),
                new SwitchableNormalization.Builder().synchronize(true).runningStatistics(policy).build(),
                new GhostBatchNormalization.Builder(3).build(), new BatchRenormalization.Builder().build(),
                new FilterResponseNormalization.Builder().learnedEps(true).build(),
                new GlobalResponseNormalization.Builder().build(), new RmsNormalization.Builder().build(),
                new UnitNormalization.Builder().build(), new WeightNormalization(conv()), new WeightStandardization(conv()),
                new SpectralNormalization(conv()));
    }

    private static ConvolutionLayer conv() {
        return new ConvolutionLayer.Builder(2, 2).nOut(3).activation(Activation.TANH).build();
    }

    @ParameterizedTest
    @MethodSource("norms")
    void layersConfigurationsAndParametersSurvive(Layer norm) {
        MultiLayerNetwork net = SparkTrainingTest.net(norm);
        // Without a norm in front of it that subtracts the mean, the loss would explode.
        net.setLearningRate(1e-7);
        SparkTrainingTest.batches(3).forEach(net::fit);
        DataSet batch = SparkTrainingTest.batches(1).get(0);
        for (SerializerInstance serializer : serializers()) {
            assertThat(through(serializer, norm)).isNotSameAs(norm).isEqualTo(norm);
            MultiLayerNetwork copy = new MultiLayerNetwork(through(serializer, net.getLayerWiseConfigurations()));
            copy.init(through(serializer, net.params()), true);
            assertThat(copy.getLayer(0).conf()).isEqualTo(net.getLayer(0).conf());
            assertThat(copy.paramTable()).isEqualTo(net.paramTable());
            assertThat(copy.output(batch.getFeatures())).isEqualTo(net.output(batch.getFeatures()));
            copy.fit(batch);
            MultiLayerNetwork other = net.clone();
            other.fit(batch);
            assertThat(copy.params()).isEqualTo(other.params());
        }
    }

    static Stream<ConditionedNorm> conditioned() {
        return Stream.of(new AdaptiveInstanceNormalization(), new ConditionalNormalization.Builder().groups(2).build());
    }

    @ParameterizedTest
    @MethodSource("conditioned")
    void graphsWithConditionedNormsSurvive(ConditionedNorm norm) {
        boolean vector = norm instanceof ConditionalNormalization;
        ComputationGraph net = new ComputationGraph(new NeuralNetConfiguration.Builder().seed(3).graphBuilder()
                .addInputs("content", "condition").setInputTypes(InputType.convolutional(3, 3, 4),
                        vector ? InputType.feedForward(8) : InputType.convolutional(3, 3, 4))
                .addVertex("norm", norm, "content", "condition")
                .addLayer("out", new OutputLayer.Builder(LossFunction.MSE).nOut(2).build(), "norm").setOutputs("out").build());
        net.init();
        INDArray content = SparkTrainingTest.batches(1).get(0).getFeatures();
        INDArray condition = vector ? Nd4j.linspace(1, 64, 64, DataType.FLOAT).reshape(8, 8) : content.mul(2);
        for (SerializerInstance serializer : serializers()) {
            ComputationGraph copy = new ComputationGraph(through(serializer, net.getConfiguration()));
            copy.init(through(serializer, net.params()), true);
            assertThat(copy.getConfiguration()).isEqualTo(net.getConfiguration());
            assertThat(copy.outputSingle(content, condition)).isEqualTo(net.outputSingle(content, condition));
        }
    }

    @Test
    void recurrentNormsSurvive() {
        MultiLayerNetwork net = new MultiLayerNetwork(new NeuralNetConfiguration.Builder().seed(3).list(
                new LayerNormLSTM.Builder().nOut(3).build(),
                new RnnOutputLayer.Builder(LossFunction.MSE).nOut(2).activation(Activation.IDENTITY).build())
                .setInputType(InputType.recurrent(4)).build());
        net.init();
        INDArray x = SparkTrainingTest.batches(1).get(0).getFeatures().reshape(8, 4, 9);
        for (SerializerInstance serializer : serializers()) {
            MultiLayerNetwork copy = new MultiLayerNetwork(through(serializer, net.getLayerWiseConfigurations()));
            copy.init(through(serializer, net.params()), true);
            assertThat(copy.getLayerWiseConfigurations()).isEqualTo(net.getLayerWiseConfigurations());
            assertThat(copy.output(x)).isEqualTo(net.output(x));
        }
    }

    private static List<SerializerInstance> serializers() {
        SparkConf conf = SparkTrainConvNet.conf("local[1]");
        return List.of(new KryoSerializer(conf).newInstance(), new JavaSerializer(conf).newInstance());
    }

    private static <T> T through(SerializerInstance serializer, T object) {
        ClassTag<T> tag = ClassTag$.MODULE$.apply(object.getClass());
        return serializer.deserialize(serializer.serialize(object, tag), tag);
    }
}
