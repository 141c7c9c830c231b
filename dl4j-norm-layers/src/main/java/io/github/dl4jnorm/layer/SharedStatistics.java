// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.norm.Exchange;
import java.util.function.Supplier;

/** Which layers exchange statistics with those of other workers. */
final class SharedStatistics {
    /** What runs a worker of ParallelWrapper, by name: Deeplearning4j has it in a jar that need not be there. */
    private static final String WORKER = "org.deeplearning4j.parallelism.trainer.DefaultTrainer";

    private SharedStatistics() {
    }

    /** The exchange of a layer, or null if there are no other workers. */
    static Exchange exchange(NormLayer conf, String layerId, Exchange.Source workers) {
        if (workers == null) {
            return null;
        }
        if (!conf.sharesStatistics()) {
            throw new IllegalStateException(layerId + " does not share statistics between workers");
        }
        return workers.of(layerId);
    }

    /** The exchange itself, unless a layer that shares statistics has none although there are other workers. */
    static Exchange checked(Exchange exchange, NormLayer conf, Supplier<String> layerId) {
        if (exchange == null && conf.sharesStatistics() && isCalledByWorker()) {
            throw new IllegalStateException(layerId.get() + ": expected a ParallelWrapper that was passed to "
                    + "SynchronizedTraining.install, got one that was not");
        }
        return exchange;
    }

    /** Workers run on threads of an executor: only what called tells them from others. */
    private static boolean isCalledByWorker() {
        return StackWalker.getInstance().walk(frames -> frames.anyMatch(frame -> frame.getClassName().equals(WORKER)));
    }
}
