// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import io.github.dl4jnorm.model.FastConvolution;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;

/** A training step of Deeplearning4j. */
final class StepSubject implements Subject {
    private static final long SEED = 42;

    final ComputationGraph network;
    final DataSet batch;

    /**
     * Makes the network and a batch.
     *
     * @param ours whether the norms are this library's; otherwise Deeplearning4j's
     * @param fast whether the convolutions run on oneDNN
     * @throws IllegalStateException if one of the convolutions cannot
     */
    StepSubject(Step step, boolean ours, boolean fast) {
        Nd4j.getRandom().setSeed(SEED);
        network = GraphBuilder.build(step.network(), step.norm(), ours);
        batch = new DataSet(Nd4j.randn(DataType.FLOAT, step.examples(), NetworkBuilder.COLORS, NetworkBuilder.IMAGE,
                NetworkBuilder.IMAGE), labels(step));
        if (fast) {
            enable(network);
        }
    }

    private static void enable(ComputationGraph network) {
        FastConvolution.Result result = FastConvolution.enable(network);
        if (result.enabled() == 0 || result.enabled() < result.outcomes().size()) {
            throw new IllegalStateException("expected all convolutions to run on oneDNN, got: " + result);
        }
    }

    private static INDArray labels(Step step) {
        if (step.network() == Network.UNET) {
            return Nd4j.rand(DataType.FLOAT, step.examples(), 1, NetworkBuilder.IMAGE, NetworkBuilder.IMAGE).gt(0.5)
                    .castTo(DataType.FLOAT);
        }
        INDArray labels = Nd4j.zeros(DataType.FLOAT, step.examples(), NetworkBuilder.CLASSES);
        for (int i = 0; i < step.examples(); i++) {
            labels.putScalar(i, i % NetworkBuilder.CLASSES, 1);
        }
        return labels;
    }

    /** Trains one step; the loss is the one before. */
    @Override
    public Float run(int variant) {
        network.fit(batch);
        return (float) network.score();
    }
}
