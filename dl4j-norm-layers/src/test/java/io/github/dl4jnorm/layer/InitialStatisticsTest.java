// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.FeatureNormalization;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.model.BatchNormFolding;
import io.github.dl4jnorm.model.Freeze;
import io.github.dl4jnorm.model.NormReplacement;
import io.github.dl4jnorm.model.NormRules;
import io.github.dl4jnorm.model.PopulationStatistics;
import io.github.dl4jnorm.model.PopulationStatistics.Method;
import io.github.dl4jnorm.model.PyTorchWeights;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.deeplearning4j.datasets.iterator.ExistingDataSetIterator;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;
import org.slf4j.LoggerFactory;

/** A network whose norms never saw a batch says so at its first pass in test mode, and no other network does. */
@Tag("once")
class InitialStatisticsTest {
    private static final DataSet BATCH = new DataSet(Nd4j.rand(DataType.FLOAT, 8, 3).addi(2), Nd4j.rand(DataType.FLOAT, 8, 2));

    private final Logger logger = (Logger) LoggerFactory.getLogger(RunningState.class);
    private final Level before = logger.getLevel();
    private final ListAppender<ILoggingEvent> events = new ListAppender<>();

    @TempDir
    private Path directory;

    @BeforeEach
    void listen() {
        events.start();
        logger.setLevel(Level.WARN);
        logger.addAppender(events);
    }

    @AfterEach
    void detach() {
        logger.detachAppender(events);
        logger.setLevel(before);
    }

    private static MultiLayerNetwork net(NormLayer first) {
        MultiLayerNetwork net = new MultiLayerNetwork(new NeuralNetConfiguration.Builder().seed(3).updater(new Sgd(0.1)).list()
                .layer(first).layer(new DenseLayer.Builder().nOut(4).activation(Activation.IDENTITY).build()).layer(norm())
                .layer(new OutputLayer.Builder(LossFunction.MSE).nOut(2).activation(Activation.IDENTITY).build())
                .setInputType(InputType.feedForward(3)).build());
        net.init();
        return net;
    }

    private static NormLayer norm() {
        return new BatchNormalization.Builder().build();
    }

    private List<String> warnings(MultiLayerNetwork net) {
        events.list.clear();
        net.output(BATCH.getFeatures());
        net.output(BATCH.getFeatures());
        return events.list.stream().map(ILoggingEvent::getFormattedMessage).toList();
    }

    @Test
    void aNewNetworkWarnsOnceForAllItsNorms() {
        MultiLayerNetwork net = net(norm());
        assertThat(warnings(net)).singleElement().asString().startsWith("BatchNormalization layer \"layer0\" (index 0): ")
                .contains("PopulationStatistics.recompute");
        assertThat(warnings(net)).isEmpty();
        assertThat(warnings(net(norm()))).as("another network").hasSize(1);
        assertThat(warnings(NormReplacement.replace(net(norm()), NormRules.batchToSynchronized()))).hasSize(1);
        assertThat(warnings(net(new FeatureNormalization.Builder().build()))).singleElement().asString().contains("adapt");
    }

    @Test
    void trainedAndRecomputedNetworksDoNot() {
        MultiLayerNetwork trained = net(norm());
        trained.fit(BATCH);
        assertThat(warnings(trained)).isEmpty();
        for (Method method : Method.values()) {
            MultiLayerNetwork recomputed = net(norm());
            events.list.clear();
            PopulationStatistics.recompute(recomputed, new ExistingDataSetIterator(List.of(BATCH)), method);
            assertThat(events.list).as("while it is recomputed").isEmpty();
            assertThat(warnings(recomputed)).isEmpty();
        }
    }

    @Test
    void statisticsSetByHandAreThoseToUse() {
        MultiLayerNetwork byHand = net(norm());
        for (int layer : new int[]{0, 2}) {
            NormalizationLayer norm = (NormalizationLayer) byHand.getLayer(layer);
            norm.setRunningStatistics(norm.runningMean(), norm.runningVariance());
        }
        assertThat(warnings(byHand)).as("though they are 0 and 1").isEmpty();
        MultiLayerNetwork trusted = net(norm());
        ((NormalizationLayer) trusted.getLayer(0)).trustStatistics();
        ((NormalizationLayer) trusted.getLayer(2)).trustStatistics();
        assertThat(warnings(trusted)).isEmpty();
    }

    @Test
    void importedLoadedFrozenAndFoldedNetworksDoNot() throws IOException {
        MultiLayerNetwork trained = net(norm());
        trained.fit(BATCH);
        Path file = directory.resolve("model.zip");
        trained.save(file.toFile());
        assertThat(warnings(MultiLayerNetwork.load(file.toFile(), false))).isEmpty();
        assertThat(warnings(trained.clone())).isEmpty();
        assertThat(warnings(BatchNormFolding.fold(trained).net())).isEmpty();
        Path weights = directory.resolve("weights.npz");
        PyTorchWeights.write(net(norm()), weights);
        MultiLayerNetwork imported = net(norm());
        PyTorchWeights.read(imported, weights);
        assertThat(warnings(imported)).as("with statistics of 0 and 1 from elsewhere").isEmpty();
        MultiLayerNetwork frozen = net(norm());
        Freeze.freezeStatistics(frozen);
        assertThat(warnings(frozen)).isEmpty();
    }
}
