// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.parallel;

import io.github.dl4jnorm.model.NormLayers;
import java.time.Duration;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.WorkspaceMode;
import org.deeplearning4j.parallelism.ParallelWrapper;
import org.deeplearning4j.parallelism.factory.DefaultTrainerContext;
import org.deeplearning4j.parallelism.factory.SymmetricTrainerContext;
import org.deeplearning4j.parallelism.factory.TrainerContext;
import org.deeplearning4j.parallelism.trainer.Trainer;

/**
 * Lets the workers of a {@link ParallelWrapper} share the statistics of their batches in every layer that asks for it:
 * {@link io.github.dl4jnorm.conf.SyncBatchNormalization}, and
 * {@link io.github.dl4jnorm.conf.SwitchableNormalization} with {@code synchronize(true)}.
 *
 * <pre>{@code
 * ParallelWrapper wrapper = SynchronizedTraining.install(new ParallelWrapper.Builder<>(net).workers(4).build());
 * wrapper.fit(batches);
 * }</pre>
 *
 * A round has as many parts as there are batches left for it, of any sizes. If a worker throws, is interrupted or does
 * not come in time, every worker that waits for it throws an {@link IllegalStateException} that names it and the layer,
 * and {@code fit} throws; the network itself can be used on, but its wrapper cannot.
 */
public final class SynchronizedTraining {
    /** How long a worker waits for the others unless told otherwise. */
    public static final Duration TIMEOUT = Duration.ofMinutes(5);

    private SynchronizedTraining() {
    }

    /**
     * Installs the exchange of statistics, with the timeout {@link #TIMEOUT}.
     *
     * @param wrapper a wrapper that has not trained yet, in any training mode
     * @return the same
     * @throws IllegalArgumentException if the network has no layer that shares statistics, or the wrapper has trainers of
     *                                  another kind than Deeplearning4j's
     */
    public static ParallelWrapper install(ParallelWrapper wrapper) {
        return install(wrapper, TIMEOUT);
    }

    /**
     * Installs the exchange of statistics.
     *
     * @param wrapper a wrapper that has not trained yet, in any training mode
     * @param timeout how long a worker waits for the others at a layer, positive
     * @return the same
     * @throws IllegalArgumentException if the network has no layer that shares statistics, the wrapper has trainers of
     *                                  another kind than Deeplearning4j's, or the timeout is not positive
     */
    public static ParallelWrapper install(ParallelWrapper wrapper, Duration timeout) {
        TrainerContext context = wrapper.getTrainerContext();
        if (context.getClass() != DefaultTrainerContext.class && context.getClass() != SymmetricTrainerContext.class) {
            throw new IllegalArgumentException("Expected a wrapper with DefaultTrainerContext or SymmetricTrainerContext, "
                    + "got one with " + context.getClass().getName());
        }
        if (timeout.isNegative() || timeout.isZero()) {
            throw new IllegalArgumentException("Expected a positive timeout, got " + timeout);
        }
        if (NormLayers.sharing(wrapper.getModel()).isEmpty()) {
            throw new IllegalArgumentException("Expected a network with a layer that shares statistics "
                    + "(SyncBatchNormalization, or SwitchableNormalization with synchronize(true)), got none");
        }
        wrapper.setTrainerContext(new Context(timeout));
        return wrapper;
    }

    /** Makes the trainers of a wrapper, and a new group for each of its calls of fit. */
    private static final class Context implements TrainerContext {
        private final Duration timeout;
        private WorkerGroup group;

        Context(Duration timeout) {
            this.timeout = timeout;
        }

        @Override
        public void init(Model model, Object... args) {
            group = null;
        }

        @Override
        public Trainer create(String uuid, int threadId, Model model, int rootDevice, boolean useMDS,
                              ParallelWrapper wrapper, WorkspaceMode mode, int averagingFrequency) {
            if (group == null) {
                group = new WorkerGroup(wrapper.getWorkers(), timeout);
            }
            return new SynchronizedTrainer(group, uuid, threadId, model, useMDS, wrapper, mode, averagingFrequency);
        }

        @Override
        public void finalizeRound(Model originalModel, Model... models) {
            // The wrapper averages by itself.
        }

        @Override
        public void finalizeTraining(Model originalModel, Model... models) {
            // The first worker trains the original.
        }
    }
}
