// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.RunningNormLayer;
import io.github.dl4jnorm.norm.Exchange;

/** Which layers exchange statistics with those of other workers. */
final class SharedStatistics {
    /** How ParallelWrapper names the threads of its workers. */
    private static final String WORKER_THREAD = "ParallelWrapper training thread";

    private SharedStatistics() {
    }

    private static boolean shares(NormLayer conf) {
        return conf instanceof RunningNormLayer running && running.sharesStatistics();
    }

    /** The exchange of a layer, or null if there are no other workers. */
    static Exchange exchange(NormLayer conf, String layerId, Exchange.Source workers) {
        if (workers == null) {
            return null;
        }
        if (!shares(conf)) {
            throw new IllegalStateException(layerId + " does not share statistics between workers");
        }
        return workers.of(layerId);
    }

    /** The exchange itself, unless a layer that shares statistics has none although there are other workers. */
    static Exchange checked(Exchange exchange, NormLayer conf, String layerId) {
        if (exchange == null && shares(conf) && Thread.currentThread().getName().startsWith(WORKER_THREAD)) {
            throw new IllegalStateException(layerId + ": expected a ParallelWrapper that was passed to "
                    + "SynchronizedTraining.install, got one that was not");
        }
        return exchange;
    }
}
