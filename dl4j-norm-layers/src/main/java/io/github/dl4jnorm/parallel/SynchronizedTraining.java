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
 * Synchronizes batch statistics between the workers of a {@link ParallelWrapper}, for layers with {@code synchronize(true)}:
 * {@link io.github.dl4jnorm.conf.SyncBatchNormalization}, and batch, mean-only and switchable normalization and batch
 * renormalization that turn the option on.
 *
 * <pre>{@code
 * ParallelWrapper wrapper = SynchronizedTraining.install(new ParallelWrapper.Builder<>(net).workers(4).build());
 * wrapper.fit(batches);
 * }</pre>
 *
 * Batches may have any sizes, and the last round may have fewer batches than workers. If a worker throws, is interrupted or
 * times out, every worker that waits for it throws an {@link IllegalStateException} that names the worker and the layer,
 * and {@code fit} throws. The network can still be used afterwards; its wrapper cannot.
 */
public final class SynchronizedTraining {
    /** Default time that a worker waits for the others. */
    public static final Duration TIMEOUT = Duration.ofMinutes(5);

    private SynchronizedTraining() {
    }

    /**
     * Installs synchronized statistics with the default timeout, {@link #TIMEOUT}.
     *
     * @param wrapper a wrapper that has not trained yet, in any training mode
     * @return the same wrapper
     * @throws IllegalArgumentException if no layer of the network shares statistics, or the wrapper uses custom trainers
     */
    public static ParallelWrapper install(ParallelWrapper wrapper) {
        return install(wrapper, TIMEOUT);
    }

    /**
     * Installs synchronized statistics.
     *
     * @param wrapper a wrapper that has not trained yet, in any training mode
     * @param timeout how long a worker waits for the others at a layer, positive
     * @return the same wrapper
     * @throws IllegalArgumentException if no layer of the network shares statistics, the wrapper uses custom trainers, or
     *                                  the timeout is not positive
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
                    + "(SyncBatchNormalization, or another batch norm with synchronize(true)), got none");
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
