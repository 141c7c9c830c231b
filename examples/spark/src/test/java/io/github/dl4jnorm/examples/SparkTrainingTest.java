// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.RunningStatistics;
import io.github.dl4jnorm.conf.SwitchableNormalization;
import io.github.dl4jnorm.conf.SyncBatchNormalization;
import io.github.dl4jnorm.layer.NormalizationLayer;
import io.github.dl4jnorm.model.PopulationStatistics;
import io.github.dl4jnorm.spark.NormalizedSparkTraining;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.deeplearning4j.datasets.iterator.ExistingDataSetIterator;
import org.deeplearning4j.earlystopping.EarlyStoppingConfiguration;
import org.deeplearning4j.earlystopping.EarlyStoppingResult;
import org.deeplearning4j.earlystopping.saver.LocalFileModelSaver;
import org.deeplearning4j.earlystopping.termination.MaxEpochsTerminationCondition;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.listeners.CheckpointListener;
import org.deeplearning4j.spark.api.TrainingMaster;
import org.deeplearning4j.spark.earlystopping.SparkDataSetLossCalculator;
import org.deeplearning4j.spark.earlystopping.SparkEarlyStoppingTrainer;
import org.deeplearning4j.spark.impl.graph.SparkComputationGraph;
import org.deeplearning4j.spark.impl.multilayer.SparkDl4jMultiLayer;
import org.deeplearning4j.util.ModelSerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** Training on Spark, in two threads of this JVM, ends with the running statistics of training without it. */
class SparkTrainingTest {
    private static final int WORKERS = 2;
    private static final int BATCH = 8;
    private static final int BATCHES = 24;
    private static final int CHANNELS = 4;

    private static JavaSparkContext context;

    @TempDir
    private Path directory;

    @BeforeAll
    static void start() {
        context = new JavaSparkContext(SparkTrainConvNet.conf("local[2]"));
    }

    @AfterAll
    static void stop() {
        context.close();
    }

    static Stream<NormLayer> norms() {
        RunningStatistics policy = RunningStatistics.cumulative().unbiased(false);
        return Stream.of(new BatchNormalization.Builder().runningStatistics(policy).build(),
                new SyncBatchNormalization.Builder().runningStatistics(policy).build(),
                new SwitchableNormalization.Builder().runningStatistics(policy).build());
    }

    static MultiLayerNetwork net(Layer norm) {
        MultiLayerNetwork net = new MultiLayerNetwork(new NeuralNetConfiguration.Builder().seed(6).updater(new Sgd(0.05))
                .list(norm.clone(), new OutputLayer.Builder(LossFunction.MSE).nOut(2).activation(Activation.IDENTITY).build())
                .setInputType(InputType.convolutional(3, 3, CHANNELS)).build());
        net.init();
        return net;
    }

    /** Channels with means of 0.1, 1, 10 and 100, and a deviation of 1. */
    static List<DataSet> batches(int count) {
        Random random = new Random(5);
        List<DataSet> batches = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            float[] x = new float[BATCH * CHANNELS * 9];
            for (int k = 0; k < x.length; k++) {
                x[k] = (float) (Math.pow(10, k / 9 % CHANNELS - 1) + random.nextGaussian());
            }
            INDArray labels = Nd4j.createFromArray(new float[BATCH * 2]).reshape(BATCH, 2);
            for (int n = 0; n < BATCH; n++) {
                labels.putScalar(n, random.nextInt(2), 1);
            }
            batches.add(new DataSet(Nd4j.createFromArray(x).reshape(BATCH, CHANNELS, 3, 3), labels));
        }
        return batches;
    }

    private static TrainingMaster<?, ?> averaging() {
        return SparkTrainConvNet.averaging(WORKERS, BATCH, 3, 1);
    }

    private static NormalizationLayer norm(MultiLayerNetwork net) {
        return (NormalizationLayer) net.getLayer(0);
    }

    private static void assertClose(double[] actual, double[] expected, double relative) {
        for (int c = 0; c < CHANNELS; c++) {
            assertThat(Math.abs(actual[c] - expected[c])).as("channel %d: %s against %s", c, actual[c], expected[c])
                    .isLessThan(relative * Math.max(1, Math.abs(expected[c])));
        }
    }

    /** Every worker has the same number of batches, so that the average of their cumulative averages is that of all. */
    @ParameterizedTest
    @MethodSource("norms")
    void averagedStatisticsAreThoseOfASingleNode(NormLayer norm) {
        List<DataSet> batches = batches(BATCHES);
        MultiLayerNetwork alone = net(norm);
        batches.forEach(alone::fit);
        MultiLayerNetwork together = net(norm);
        new SparkDl4jMultiLayer(context, together, averaging()).fit(context.parallelize(batches, WORKERS));
        assertThat(norm(together).getParam("batches").getDouble(0)).isEqualTo(BATCHES / WORKERS);
        assertClose(norm(together).runningMean(), norm(alone).runningMean(), 1e-5);
        assertClose(norm(together).runningVariance(), norm(alone).runningVariance(), 1e-4);
    }

    @Test
    void averagedStatisticsOfAGraphAreThoseOfASingleNode() {
        NormLayer norm = norms().findFirst().orElseThrow();
        List<DataSet> batches = batches(BATCHES);
        ComputationGraph alone = net(norm).toComputationGraph();
        batches.forEach(alone::fit);
        SparkComputationGraph spark = new SparkComputationGraph(context, net(norm).toComputationGraph(), averaging());
        spark.fit(context.parallelize(batches, WORKERS));
        NormalizationLayer expected = (NormalizationLayer) alone.getLayer(0);
        NormalizationLayer actual = (NormalizationLayer) spark.getNetwork().getLayer(0);
        assertClose(actual.runningMean(), expected.runningMean(), 1e-5);
        assertClose(actual.runningVariance(), expected.runningVariance(), 1e-4);
    }

    /** The driver gets gradients, never the parameters of a worker: statistics are recomputed. */
    @Test
    void sharedGradientsBringNoStatistics() {
        NormLayer norm = new BatchNormalization.Builder().runningStatistics(RunningStatistics.cumulative()).build();
        List<DataSet> batches = batches(BATCHES);
        MultiLayerNetwork net = net(norm);
        double[] before = net.getLayer(1).getParam("W").data().asDouble();
        SparkDl4jMultiLayer spark = new SparkDl4jMultiLayer(context, net,
                SparkTrainConvNet.gradients("127.0.0.1", "127.0.0.0/8", WORKERS, BATCH, 1));
        JavaRDD<DataSet> data = context.parallelize(batches, WORKERS);
        MultiLayerNetwork trained = NormalizedSparkTraining.of(spark).trustStatistics().fit(data);
        assertThat(trained.getLayer(1).getParam("W").data().asDouble()).isNotEqualTo(before);
        assertThat(norm(trained).runningMean()).containsOnly(0);
        trained = NormalizedSparkTraining.of(spark).fit(data);
        MultiLayerNetwork alone = trained.clone();
        PopulationStatistics.recompute(alone, new ExistingDataSetIterator(batches), PopulationStatistics.Method.EXACT);
        assertClose(norm(trained).runningMean(), norm(alone).runningMean(), 1e-6);
        assertClose(norm(trained).runningVariance(), norm(alone).runningVariance(), 1e-6);
        assertClose(norm(trained).runningMean(), new double[]{0.1, 1, 10, 100}, 0.1);
        assertClose(norm(trained).runningVariance(), new double[]{1, 1, 1, 1}, 0.15);
    }

    @ParameterizedTest
    @MethodSource("norms")
    void aSavedNetworkGoesOnWithTheSameStatistics(NormLayer norm) throws IOException {
        JavaRDD<DataSet> first = context.parallelize(batches(BATCHES).subList(0, 12), WORKERS);
        JavaRDD<DataSet> second = context.parallelize(batches(BATCHES).subList(12, BATCHES), WORKERS);
        MultiLayerNetwork whole = net(norm);
        SparkDl4jMultiLayer spark = new SparkDl4jMultiLayer(context, whole, averaging());
        spark.fit(first);
        ByteArrayOutputStream saved = new ByteArrayOutputStream();
        ModelSerializer.writeModel(spark.getNetwork(), saved, true);
        MultiLayerNetwork restored = ModelSerializer.restoreMultiLayerNetwork(
                new ByteArrayInputStream(saved.toByteArray()), true);
        assertThat(norm(restored).runningMean()).isEqualTo(norm(spark.getNetwork()).runningMean());
        assertThat(norm(restored).runningVariance()).isEqualTo(norm(spark.getNetwork()).runningVariance());
        new SparkDl4jMultiLayer(context, whole, averaging()).fit(second);
        new SparkDl4jMultiLayer(context, restored, averaging()).fit(second);
        assertClose(norm(restored).runningMean(), norm(whole).runningMean(), 1e-6);
        assertClose(norm(restored).runningVariance(), norm(whole).runningVariance(), 1e-6);
    }

    /** On the driver, behind every epoch: workers have copies of listeners, which see copies of the network. */
    @ParameterizedTest
    @MethodSource("norms")
    void trainingGoesOnFromACheckpointWithTheSameStatistics(NormLayer norm) {
        JavaRDD<DataSet> data = context.parallelize(batches(12), WORKERS);
        CheckpointListener writer = new CheckpointListener.Builder(directory.toFile()).keepAll().saveEveryNEpochs(1).build();
        SparkDl4jMultiLayer whole = new SparkDl4jMultiLayer(context, net(norm), averaging());
        List<double[]> means = new ArrayList<>();
        List<double[]> variances = new ArrayList<>();
        for (int epoch = 0; epoch < 3; epoch++) {
            writer.onEpochEnd(whole.fit(data));
            means.add(norm(whole.getNetwork()).runningMean());
            variances.add(norm(whole.getNetwork()).runningVariance());
        }
        MultiLayerNetwork restored = CheckpointListener.loadCheckpointMLN(directory.toFile(), 1);
        assertThat(norm(restored).runningMean()).isEqualTo(means.get(1));
        assertThat(norm(restored).runningVariance()).isEqualTo(variances.get(1));
        assertThat(restored.getEpochCount()).isEqualTo(2);
        MultiLayerNetwork gone = new SparkDl4jMultiLayer(context, restored, averaging()).fit(data);
        assertClose(norm(gone).runningMean(), means.get(2), 1e-6);
        assertClose(norm(gone).runningVariance(), variances.get(2), 1e-6);
        assertThat(norm(gone).getParam("batches")).isEqualTo(norm(whole.getNetwork()).getParam("batches"));
    }

    @Test
    void earlyStoppingKeepsTheStatisticsOfTheBestModel() {
        JavaRDD<DataSet> data = context.parallelize(batches(12), WORKERS);
        NormLayer norm = new BatchNormalization.Builder().build();
        EarlyStoppingConfiguration<MultiLayerNetwork> conf = new EarlyStoppingConfiguration.Builder<MultiLayerNetwork>()
                .epochTerminationConditions(new MaxEpochsTerminationCondition(3)).evaluateEveryNEpochs(1)
                .scoreCalculator(new SparkDataSetLossCalculator(data, true, context.sc()))
                .modelSaver(new LocalFileModelSaver(directory.toString())).build();
        EarlyStoppingResult<MultiLayerNetwork> result = new SparkEarlyStoppingTrainer(context, averaging(), conf,
                net(norm), data).fit();
        MultiLayerNetwork best = result.getBestModel();
        assertThat(new SparkDataSetLossCalculator(data, true, context.sc()).calculateScore(best)).isPositive()
                .isCloseTo(result.getBestModelScore(), within(1e-6));
        assertThat(norm(best).runningMean()[3]).as("of batches with a mean of 100").isBetween(45.0, 101.0);
        assertThat(best.params().dataType()).isEqualTo(DataType.FLOAT);
    }
}
