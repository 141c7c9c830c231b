// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.BatchRenormalization;
import io.github.dl4jnorm.conf.FilterResponseNormalization;
import io.github.dl4jnorm.conf.GhostBatchNormalization;
import io.github.dl4jnorm.conf.GlobalResponseNormalization;
import io.github.dl4jnorm.conf.GroupNormalization;
import io.github.dl4jnorm.conf.InstanceNormalization;
import io.github.dl4jnorm.conf.LayerNormalization;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.RmsNormalization;
import io.github.dl4jnorm.conf.RunningStatistics;
import io.github.dl4jnorm.conf.SwitchableNormalization;
import io.github.dl4jnorm.conf.SyncBatchNormalization;
import io.github.dl4jnorm.conf.UnitNormalization;
import java.util.stream.Stream;
import org.apache.spark.serializer.JavaSerializer;
import org.apache.spark.serializer.KryoSerializer;
import org.apache.spark.serializer.Serializer;
import org.apache.spark.serializer.SerializerInstance;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.ndarray.INDArray;
import scala.reflect.ClassTag;
import scala.reflect.ClassTag$;

/** What Spark's serializers make of layers, configurations and parameters is equal to them and works. */
class KryoTest {

    static Stream<NormLayer> norms() {
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
                new UnitNormalization.Builder().build());
    }

    @ParameterizedTest
    @MethodSource("norms")
    void layersConfigurationsAndParametersSurvive(NormLayer norm) {
        MultiLayerNetwork net = SparkTrainingTest.net(norm);
        // Without a norm in front of it that subtracts the mean, the loss would explode.
        net.setLearningRate(1e-7);
        SparkTrainingTest.batches(3).forEach(net::fit);
        Serializer kryo = new KryoSerializer(SparkTrainConvNet.conf("local[1]"));
        Serializer java = new JavaSerializer(SparkTrainConvNet.conf("local[1]"));
        for (Serializer serializer : new Serializer[]{kryo, java}) {
            SerializerInstance instance = serializer.newInstance();
            assertThat(through(instance, norm)).isNotSameAs(norm).isEqualTo(norm);
            MultiLayerNetwork copy = new MultiLayerNetwork(through(instance, net.getLayerWiseConfigurations()));
            INDArray params = through(instance, net.params());
            copy.init(params, true);
            assertThat(copy.getLayer(0).conf()).isEqualTo(net.getLayer(0).conf());
            assertThat(copy.paramTable()).isEqualTo(net.paramTable());
            INDArray x = SparkTrainingTest.batches(1).get(0).getFeatures();
            assertThat(copy.output(x)).isEqualTo(net.output(x));
            copy.fit(SparkTrainingTest.batches(1).get(0));
            MultiLayerNetwork other = net.clone();
            other.fit(SparkTrainingTest.batches(1).get(0));
            assertThat(copy.params()).isEqualTo(other.params());
        }
    }

    private static <T> T through(SerializerInstance serializer, T object) {
        ClassTag<T> tag = ClassTag$.MODULE$.apply(object.getClass());
        return serializer.deserialize(serializer.serialize(object, tag), tag);
    }
}
