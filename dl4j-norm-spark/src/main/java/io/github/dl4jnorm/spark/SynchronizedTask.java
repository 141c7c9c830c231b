// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.spark;

import io.github.dl4jnorm.layer.NormalizationLayer;
import io.github.dl4jnorm.model.NormLayers;
import java.io.Serializable;
import java.util.Arrays;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.BarrierTaskContext;
import org.apache.spark.broadcast.Broadcast;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.updater.MultiLayerUpdater;
import org.deeplearning4j.nn.updater.graph.ComputationGraphUpdater;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.MultiDataSet;
import scala.collection.JavaConverters;
import scala.runtime.AbstractFunction1;

/** Trains the network of one partition together with those of the others; one of them returns it. */
final class SynchronizedTask extends AbstractFunction1<scala.collection.Iterator<MultiDataSet>, scala.collection.Iterator<byte[]>>
        implements Serializable {
    private static final long serialVersionUID = 1L;

    private final Broadcast<byte[]> sent;
    private final String secret;
    private final int milliseconds;

    /**
     * The task of every partition.
     *
     * @param sent         the network that all begin with
     * @param secret       what tasks of this stage know
     * @param milliseconds how long one waits for the others
     */
    SynchronizedTask(Broadcast<byte[]> sent, String secret, int milliseconds) {
        this.sent = sent;
        this.secret = secret;
        this.milliseconds = milliseconds;
    }

    @Override
    public scala.collection.Iterator<byte[]> apply(scala.collection.Iterator<MultiDataSet> data) {
        Model net = SentNetwork.read(sent.value());
        try (TaskGroup group = TaskGroup.join(BarrierTaskContext.get(), secret, milliseconds)) {
            shareGradients(net, group);
            NormLayers.sharing(net).forEach(layer -> layer.exchangeStatistics(group::exchange));
            int steps = 0;
            for (Iterator<MultiDataSet> batches = JavaConverters.asJavaIterator(data); batches.hasNext(); steps++) {
                fit(net, batches.next());
            }
            group.standBy();
            Iterator<byte[]> result = isReturned(net, group, steps) ? List.of(SentNetwork.write(net)).iterator()
                    : Collections.emptyIterator();
            return JavaConverters.asScalaIterator(result);
        }
    }

    private static void fit(Model net, MultiDataSet batch) {
        if (net instanceof ComputationGraph graph) {
            graph.fit(batch);
        } else {
            ((MultiLayerNetwork) net).fit(new DataSet(batch.getFeatures(0), batch.getLabels(0), batch.getFeaturesMaskArray(0),
                    batch.getLabelsMaskArray(0)));
        }
    }

    /** Tasks that were without a batch in the last step have parameters of an earlier one. */
    private static boolean isReturned(Model net, TaskGroup group, int steps) {
        double[] own = new double[group.tasks()];
        own[group.task()] = steps;
        double[] all = group.meet(Part.sum("the end of the epoch", own)).numbers();
        double most = Arrays.stream(all).max().orElseThrow();
        boolean isLast = steps == most && most > 0;
        Part average = group.meet(isLast ? Part.sum("the average of the statistics", lasting(net)) : Part.NONE);
        if (isLast) {
            takeUp(net, average.numbers(), Arrays.stream(all).filter(one -> one == most).count());
        }
        return isLast && Arrays.stream(all).limit(group.task()).noneMatch(one -> one == most);
    }

    /** The score and what differs between tasks. */
    private static double[] lasting(Model net) {
        double[] params = keepsOwnStatistics(net) ? Part.read(net.params()) : new double[0];
        double[] numbers = Arrays.copyOf(params, params.length + 1);
        numbers[params.length] = net.score();
        return numbers;
    }

    private static void takeUp(Model net, double[] sums, long tasks) {
        double[] averages = Arrays.stream(sums).map(sum -> sum / tasks).toArray();
        if (averages.length > 1) {
            Part.write(averages, net.params());
        }
        SentNetwork.setScore(net, averages[averages.length - 1]);
    }

    /** Parameters are those of every task, but for statistics that are not shared. */
    private static boolean keepsOwnStatistics(Model net) {
        return Arrays.stream(net instanceof ComputationGraph graph ? graph.getLayers() : ((MultiLayerNetwork) net).getLayers())
                .anyMatch(layer -> layer instanceof NormalizationLayer norm && norm.layerConf().tracksStatistics()
                        && !norm.layerConf().sharesStatistics());
    }

    private static void shareGradients(Model net, TaskGroup group) {
        if (net instanceof ComputationGraph graph) {
            graph.setUpdater(new GraphUpdater(graph, group));
        } else {
            MultiLayerNetwork sequence = (MultiLayerNetwork) net;
            sequence.setUpdater(new SequenceUpdater(sequence, group));
        }
    }

    /** Updates a MultiLayerNetwork with the gradients of all tasks. */
    private static final class SequenceUpdater extends MultiLayerUpdater {
        private final TaskGroup group;

        SequenceUpdater(MultiLayerNetwork net, TaskGroup group) {
            super(net, net.updaterState());
            this.group = group;
        }

        @Override
        public synchronized void update(Gradient gradient, int iteration, int epoch, int examples, LayerWorkspaceMgr workspaces) {
            super.update(gradient, iteration, epoch, group.share(getFlattenedGradientsView(), examples), workspaces);
        }
    }

    /** Updates a ComputationGraph with the gradients of all tasks. */
    private static final class GraphUpdater extends ComputationGraphUpdater {
        private final TaskGroup group;

        GraphUpdater(ComputationGraph net, TaskGroup group) {
            super(net, net.updaterState());
            this.group = group;
        }

        @Override
        public synchronized void update(Gradient gradient, int iteration, int epoch, int examples, LayerWorkspaceMgr workspaces) {
            super.update(gradient, iteration, epoch, group.share(getFlattenedGradientsView(), examples), workspaces);
        }
    }
}
