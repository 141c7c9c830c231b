// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.parallel;

import io.github.dl4jnorm.layer.NormalizationLayer;
import io.github.dl4jnorm.model.NormLayers;
import java.util.Collection;
import java.util.List;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.WorkspaceMode;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.solvers.accumulation.GradientsAccumulator;
import org.deeplearning4j.parallelism.ParallelWrapper;
import org.deeplearning4j.parallelism.trainer.DefaultTrainer;
import org.nd4j.linalg.dataset.api.DataSet;
import org.nd4j.linalg.dataset.api.MultiDataSet;

/** A worker of a {@link ParallelWrapper} that tells its group when it takes part in a round. */
final class SynchronizedTrainer extends DefaultTrainer {
    private final WorkerGroup group;
    private final GradientsAccumulator accumulator;
    private volatile Collection<NormalizationLayer> layers = List.of();

    SynchronizedTrainer(WorkerGroup group, String uuid, int worker, Model model, boolean useMultiDataSets,
                        ParallelWrapper wrapper, WorkspaceMode workspaces, int averaging) {
        this.group = group;
        this.uuid = uuid + "_thread_" + worker;
        threadId = worker;
        originalModel = model;
        useMDS = useMultiDataSets;
        parallelWrapper = wrapper;
        workspaceMode = workspaces;
        averagingFrequency = averaging;
        accumulator = wrapper.getGradientsAccumulator();
        setName("SynchronizedTrainer thread " + worker);
        setDaemon(true);
        // Else this thread and the worker's may each make queues of their own.
        setupIfNeccessary();
    }

    @Override
    public boolean averagingRequired() {
        return accumulator == null;
    }

    /** Who interrupts the thread that hands out batches has no worker waited for, even if it has no copy yet. */
    @Override
    public Model getModel() {
        return replicatedModel == null ? originalModel : replicatedModel;
    }

    @Override
    protected void postInit() {
        super.postInit();
        if (accumulator != null) {
            if (replicatedModel instanceof MultiLayerNetwork net) {
                net.setGradientsAccumulator(accumulator);
            } else {
                ((ComputationGraph) replicatedModel).setGradientsAccumulator(accumulator);
            }
            accumulator.touch();
        }
        layers = NormLayers.sharing(replicatedModel);
        layers.forEach(layer -> layer.exchangeStatistics(name -> group.exchange(threadId, name)));
        group.ready();
    }

    @Override
    public void feedDataSet(DataSet dataSet, long etlTime) {
        group.enter(threadId);
        super.feedDataSet(dataSet, etlTime);
        leaveIfNotFed();
    }

    @Override
    public void feedMultiDataSet(MultiDataSet dataSet, long etlTime) {
        group.enter(threadId);
        super.feedMultiDataSet(dataSet, etlTime);
        leaveIfNotFed();
    }

    /** An interrupted thread drops the batch without a word. If the worker is done already, it has left, too. */
    private void leaveIfNotFed() {
        if (Thread.currentThread().isInterrupted() && running.get() == 0) {
            group.leave(threadId);
        }
    }

    /** Called when every worker that gets a batch in this round has it. */
    @Override
    public void waitTillRunning() {
        group.close();
        super.waitTillRunning();
    }

    @Override
    protected void fit(DataSet dataSet) {
        super.fit(dataSet);
        group.leave(threadId);
    }

    @Override
    protected void fit(MultiDataSet dataSet) {
        super.fit(dataSet);
        group.leave(threadId);
    }

    @Override
    public void run() {
        try {
            super.run();
        } catch (RuntimeException | Error e) {
            if (thrownException == null) {
                // The wrapper looks for this one only, and would wait forever.
                thrownException = new IllegalStateException("worker " + threadId + " failed", e);
            }
            group.fail(threadId, thrownException);
            throw e;
        }
    }

    @Override
    public void shutdown() {
        super.shutdown();
        layers.forEach(layer -> layer.exchangeStatistics(null));
    }
}
