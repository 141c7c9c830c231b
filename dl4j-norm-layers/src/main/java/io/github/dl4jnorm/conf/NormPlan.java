// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.norm.Pooling;
import java.util.List;

/**
 * How a layer normalizes input of a certain rank: by mixed statistics of channels, or position by position.
 *
 * @param parts       the statistics that are mixed, empty if normalized by position
 * @param firstWeight index in {@code meanWeight} and {@code varWeight} of the first part, for layers that have those
 * @param running     index of the part that running statistics replace at test time, or −1
 * @param groups      groups of channels at each position, 0 if normalized by channel
 */
public record NormPlan(List<Pooling> parts, int firstWeight, int running, int groups) {

    static NormPlan byPosition(int groups) {
        return new NormPlan(List.of(), 0, -1, groups);
    }

    static NormPlan byChannel(Pooling part, boolean running) {
        return new NormPlan(List.of(part), 0, running ? 0 : -1, 0);
    }

    /** @return whether each position has statistics of its own */
    public boolean perPosition() {
        return groups > 0;
    }
}
