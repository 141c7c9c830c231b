// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.spark;

import io.github.dl4jnorm.model.PopulationStatistics.Method;
import org.apache.spark.api.java.JavaRDD;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.spark.api.TrainingMaster;
import org.deeplearning4j.spark.impl.graph.SparkComputationGraph;
import org.deeplearning4j.spark.impl.multilayer.SparkDl4jMultiLayer;
import org.deeplearning4j.spark.impl.paramavg.ParameterAveragingTrainingMaster;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.MultiDataSet;

/**
 * Trains on Spark and returns a network with correct running statistics.
 *
 * <pre>{@code
 * MultiLayerNetwork trained = NormalizedSparkTraining.of(new SparkDl4jMultiLayer(context, net, master)).fit(data, 10);
 * }</pre>
 *
 * With gradient sharing, the driver receives no statistics: they are recomputed on the cluster after training
 * ({@link SparkPopulationStatistics}). With parameter averaging, the workers' statistics are already averaged with the other
 * parameters, and nothing is recomputed.
 *
 * @param <M> MultiLayerNetwork or ComputationGraph
 */
public final class NormalizedSparkTraining<M extends Model> {
    private final Spark<M> spark;
    private Method method = Method.EXACT;
    private boolean trusted;

    /** What both of Deeplearning4j's classes do. */
    private interface Spark<M extends Model> {
        void fit(JavaRDD<DataSet> data);

        void fitMultiDataSet(JavaRDD<MultiDataSet> data);

        M network();

        TrainingMaster<?, ?> master();
    }

    private record Sequence(SparkDl4jMultiLayer spark) implements Spark<MultiLayerNetwork> {
        @Override
        public void fit(JavaRDD<DataSet> data) {
            spark.fit(data);
        }

        @Override
        public void fitMultiDataSet(JavaRDD<MultiDataSet> data) {
            throw new UnsupportedOperationException("fitMultiDataSet: a MultiLayerNetwork has one input; call fit with an RDD of "
                    + "DataSet");
        }

        @Override
        public MultiLayerNetwork network() {
            return spark.getNetwork();
        }

        @Override
        public TrainingMaster<?, ?> master() {
            return spark.getTrainingMaster();
        }
    }

    private record Graph(SparkComputationGraph spark) implements Spark<ComputationGraph> {
        @Override
        public void fit(JavaRDD<DataSet> data) {
            spark.fit(data);
        }

        @Override
        public void fitMultiDataSet(JavaRDD<MultiDataSet> data) {
            spark.fitMultiDataSet(data);
        }

        @Override
        public ComputationGraph network() {
            return spark.getNetwork();
        }

        @Override
        public TrainingMaster<?, ?> master() {
            return spark.getTrainingMaster();
        }
    }

    private NormalizedSparkTraining(Spark<M> spark) {
        this.spark = spark;
    }

    /**
     * Wraps the training of a MultiLayerNetwork.
     *
     * @param spark network with any TrainingMaster
     * @return the training
     */
    public static NormalizedSparkTraining<MultiLayerNetwork> of(SparkDl4jMultiLayer spark) {
        return new NormalizedSparkTraining<>(new Sequence(spark));
    }

    /**
     * Wraps the training of a ComputationGraph.
     *
     * @param spark network with any TrainingMaster
     * @return the training
     */
    public static NormalizedSparkTraining<ComputationGraph> of(SparkComputationGraph spark) {
        return new NormalizedSparkTraining<>(new Graph(spark));
    }

    /**
     * Selects how statistics are recomputed.
     *
     * @param how EXACT (default) or PAPER
     * @return this training
     */
    public NormalizedSparkTraining<M> method(Method how) {
        method = how;
        return this;
    }

    /**
     * Keeps the statistics that training leaves. With gradient sharing, these are the ones from before training.
     *
     * @return this training
     */
    public NormalizedSparkTraining<M> trustStatistics() {
        trusted = true;
        return this;
    }

    /**
     * Trains for one epoch.
     *
     * @param data data set; each element is a batch
     * @return the trained network
     */
    public M fit(JavaRDD<DataSet> data) {
        return fit(data, 1);
    }

    /**
     * Trains for several epochs. Statistics are recomputed once, after the last one.
     *
     * @param data   data set; each element is a batch
     * @param epochs number of epochs
     * @return the trained network
     */
    public M fit(JavaRDD<DataSet> data, int epochs) {
        for (int epoch = 0; epoch < epochs; epoch++) {
            spark.fit(data);
        }
        if (isRecomputed()) {
            SparkPopulationStatistics.recompute(spark.network(), data, method);
        }
        return spark.network();
    }

    /**
     * Trains a ComputationGraph for one epoch.
     *
     * @param data data set; each element is a batch
     * @return the trained network
     * @throws UnsupportedOperationException for a MultiLayerNetwork
     */
    public M fitMultiDataSet(JavaRDD<MultiDataSet> data) {
        spark.fitMultiDataSet(data);
        if (isRecomputed()) {
            SparkPopulationStatistics.recomputeMultiDataSet(spark.network(), data, method);
        }
        return spark.network();
    }

    private boolean isRecomputed() {
        return !trusted && !(spark.master() instanceof ParameterAveragingTrainingMaster);
    }
}
