// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.norm;

import java.util.ArrayList;
import java.util.List;

/**
 * How input of a certain rank is normalized: by mixed statistics of channels, or position by position.
 *
 * @param parts       the statistics that are mixed, empty if normalized by position
 * @param firstWeight index among the weights of the first part, for norms that mix several
 * @param running     index of the part that running statistics replace at test time, or −1
 * @param groups      groups of channels at each position, 0 if normalized by channel
 * @param kind        what to normalize by, null for mean and variance of channels
 * @param dense       whether every element of an example counts as a channel, so that there is one position
 * @param ghost       examples of a ghost batch, or 0 if a batch is normalized as a whole
 */
public record NormPlan(List<Pooling> parts, int firstWeight, int running, int groups, PositionNorm.Kind kind,
                       boolean dense, int ghost) {

    /**
     * Batch normalization.
     *
     * @return the plan for every rank
     */
    public static NormPlan batch() {
        return byChannel(Pooling.BATCH, true);
    }

    /**
     * Batch normalization of parts of a batch.
     *
     * @param examples most examples of a part
     * @return the plan for every rank
     */
    public static NormPlan ghost(int examples) {
        return new NormPlan(List.of(Pooling.BATCH), 0, 0, 0, null, false, examples);
    }

    /**
     * Group normalization.
     *
     * @param groups groups of channels
     * @param rank   rank of the input
     * @return the plan
     */
    public static NormPlan group(int groups, int rank) {
        return rank == 2 ? byPosition(PositionNorm.Kind.STANDARD, groups) : byChannel(Pooling.group(groups), false);
    }

    /**
     * Instance normalization.
     *
     * @param channels C
     * @param running  whether running statistics replace those of the input at test time
     * @return the plan for rank 3 and up
     */
    public static NormPlan instance(int channels, boolean running) {
        return byChannel(Pooling.instance(channels), running);
    }

    /**
     * Layer normalization: over an example at one time step.
     *
     * @param rank rank of the input
     * @return the plan
     */
    public static NormPlan layer(int rank) {
        return rank <= 3 ? position(PositionNorm.Kind.STANDARD) : byChannel(Pooling.LAYER, false);
    }

    /**
     * Normalization over all channels of each position.
     *
     * @param kind what to normalize by
     * @return the plan for every rank
     */
    public static NormPlan position(PositionNorm.Kind kind) {
        return byPosition(kind, 1);
    }

    /**
     * Switchable normalization; rank 2 has no instance part.
     *
     * @param channels     C
     * @param rank         rank of the input
     * @param useBatch     whether batch statistics are a part
     * @param denseWeights whether the weights leave out the instance part, too
     * @return the plan
     */
    public static NormPlan switchable(int channels, int rank, boolean useBatch, boolean denseWeights) {
        List<Pooling> parts = new ArrayList<>();
        if (rank > 2) {
            parts.add(Pooling.instance(channels));
        }
        parts.add(Pooling.LAYER);
        if (useBatch) {
            parts.add(Pooling.BATCH);
        }
        return new NormPlan(parts, rank == 2 && !denseWeights ? 1 : 0, useBatch ? parts.size() - 1 : -1, 0, null, false, 0);
    }

    /**
     * Normalization over all elements of an example, each with a gamma of its own: as a position normalization of dense
     * input.
     *
     * @return the plan for every rank
     */
    public static NormPlan elements() {
        return new NormPlan(List.of(), 0, -1, 1, PositionNorm.Kind.STANDARD, true, 0);
    }

    /**
     * Filter response normalization: every channel of every example by its root mean square.
     *
     * @param channels C
     * @return the plan for rank 3 and up
     */
    public static NormPlan filterResponse(int channels) {
        return new NormPlan(List.of(Pooling.instance(channels)), 0, -1, 0, PositionNorm.Kind.ROOT_MEAN_SQUARE, false, 0);
    }

    /**
     * Global response normalization, which is no mixture of statistics.
     *
     * @return the plan for rank 3 and up
     */
    public static NormPlan globalResponse() {
        return new NormPlan(List.of(), 0, -1, 0, null, false, 0);
    }

    private static NormPlan byPosition(PositionNorm.Kind kind, int groups) {
        return new NormPlan(List.of(), 0, -1, groups, kind, false, 0);
    }

    private static NormPlan byChannel(Pooling part, boolean running) {
        return new NormPlan(List.of(part), 0, running ? 0 : -1, 0, null, false, 0);
    }

    /** @return whether channels respond to the norms of all channels, instead of any other statistic */
    public boolean isGlobalResponse() {
        return parts.isEmpty() && groups == 0;
    }

    /** @return whether each position has statistics of its own */
    public boolean perPosition() {
        return groups > 0;
    }
}
