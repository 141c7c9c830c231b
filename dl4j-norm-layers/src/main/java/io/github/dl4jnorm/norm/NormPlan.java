// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.norm;

import java.util.ArrayList;
import java.util.List;

/** How input of a certain rank is normalized. */
public sealed interface NormPlan {

    /** {@return whether running statistics replace those of the batch at test time} */
    default boolean hasRunning() {
        return false;
    }

    /** {@return whether given statistics make it the same affine map of each channel for every input} */
    default boolean isAffineWhenGiven() {
        return hasRunning();
    }

    /**
     * By statistics of channels, mixed if there are several.
     *
     * @param parts       the statistics that are mixed
     * @param firstWeight index among the weights of the first part, for norms that mix several
     * @param running     index of the part that running statistics replace at test time, or −1
     * @param divisor     what is divided by
     * @param renorm      how elements normalized by the batch are corrected, or null; for plans with a single part
     */
    record Channels(List<Pooling> parts, int firstWeight, int running, Divisor divisor, Renorm renorm) implements NormPlan {
        @Override
        public boolean hasRunning() {
            return running >= 0;
        }

        @Override
        public boolean isAffineWhenGiven() {
            return hasRunning() && parts.size() == 1;
        }

        /**
         * The same with another divisor; for plans with a single part.
         *
         * @param other what is divided by
         * @return the plan
         */
        public Channels by(Divisor other) {
            return new Channels(parts, firstWeight, running, other, renorm);
        }

        /**
         * The same with a correction of what the batch normalizes; for plans with a single part.
         *
         * @param correction the correction
         * @return the plan
         */
        public Channels corrected(Renorm correction) {
            return new Channels(parts, firstWeight, running, divisor, correction);
        }
    }

    /**
     * By statistics of parts of a batch.
     *
     * @param examples most examples of a part
     */
    record Ghost(int examples) implements NormPlan {
        @Override
        public boolean hasRunning() {
            return true;
        }
    }

    /**
     * By statistics of equal parts of a batch, each with gammas and betas of its own: the values of all parts follow each other.
     * At test time there is one part.
     *
     * @param parts how many there are
     */
    record Split(int parts) implements NormPlan {
        @Override
        public boolean hasRunning() {
            return true;
        }
    }

    /**
     * Position by position.
     *
     * @param divisor  what is divided by
     * @param groups   groups of channels at each position
     * @param elements whether every element of an example counts as a channel, so that there is one position
     */
    record Positions(Divisor divisor, int groups, boolean elements) implements NormPlan {
        /**
         * Refuses a divisor whose gradient needs more than what a position's backward pass has.
         *
         * @param divisor  what is divided by
         * @param groups   groups of channels at each position
         * @param elements whether every element of an example counts as a channel
         */
        public Positions {
            if (!divisor.fitsPositions()) {
                throw new IllegalArgumentException("expected a divisor for positions, got " + divisor);
            }
        }
    }

    /**
     * Element by element: a function of a multiple of the input, then gamma and beta.
     *
     * @param curve the function
     */
    record Curved(Curve curve) implements NormPlan {
    }

    /**
     * {@code x·sigmoid(v·x)}, divided by the deviation of x in a group of channels.
     *
     * @param groups groups of channels
     */
    record Gated(int groups) implements NormPlan {
    }

    /**
     * Instance normalization of the first channels, batch normalization of the others.
     *
     * @param first how many channels are the first
     */
    record InstanceAndBatch(int first) implements NormPlan {
        @Override
        public boolean hasRunning() {
            return true;
        }

        @Override
        public boolean isAffineWhenGiven() {
            return false;
        }
    }

    /** Divided by the larger of the deviation over the batch and v·x plus the deviation over the positions of a channel. */
    record LargerDeviation() implements NormPlan {
        @Override
        public boolean hasRunning() {
            return true;
        }

        @Override
        public boolean isAffineWhenGiven() {
            return false;
        }
    }

    /** Channels respond to the norms of all channels. */
    record Responses() implements NormPlan {
    }

    /**
     * Batch normalization.
     *
     * @return the plan for every rank
     */
    static Channels batch() {
        return byChannel(Pooling.BATCH, true);
    }

    /**
     * Batch normalization of parts of a batch.
     *
     * @param examples most examples of a part
     * @return the plan for every rank
     */
    static NormPlan ghost(int examples) {
        return new Ghost(examples);
    }

    /**
     * Group normalization.
     *
     * @param groups groups of channels
     * @param rank   rank of the input
     * @return the plan
     */
    static NormPlan group(int groups, int rank) {
        return rank == 2 ? new Positions(Divisor.DEVIATION, groups, false) : channelGroups(groups);
    }

    /**
     * Group normalization of input that has positions.
     *
     * @param groups groups of channels
     * @return the plan for rank 3 and up
     */
    static Channels channelGroups(int groups) {
        return byChannel(Pooling.group(groups), false);
    }

    /**
     * Instance normalization.
     *
     * @param channels C
     * @param running  whether running statistics replace those of the input at test time
     * @return the plan for rank 3 and up
     */
    static Channels instance(int channels, boolean running) {
        return byChannel(Pooling.instance(channels), running);
    }

    /**
     * Layer normalization: over an example at one time step.
     *
     * @param rank rank of the input
     * @return the plan
     */
    static NormPlan layer(int rank) {
        return example(Divisor.DEVIATION, rank);
    }

    /**
     * Normalization over an example at one time step: over the channels of dense input and of each step of a sequence, over
     * channels and positions of images and volumes.
     *
     * @param divisor what is divided by
     * @param rank    rank of the input
     * @return the plan
     */
    static NormPlan example(Divisor divisor, int rank) {
        return rank <= 3 ? position(divisor) : new Channels(List.of(Pooling.LAYER), 0, -1, divisor, null);
    }

    /**
     * Normalization over all channels of each position.
     *
     * @param divisor what is divided by
     * @return the plan for every rank
     */
    static NormPlan position(Divisor divisor) {
        return new Positions(divisor, 1, false);
    }

    /**
     * Normalization over all elements of an example, each with a gamma of its own: as a position normalization of dense
     * input.
     *
     * @return the plan for every rank
     */
    static NormPlan elements() {
        return new Positions(Divisor.DEVIATION, 1, true);
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
    static Channels switchable(int channels, int rank, boolean useBatch, boolean denseWeights) {
        List<Pooling> parts = new ArrayList<>();
        if (rank > 2) {
            parts.add(Pooling.instance(channels));
        }
        parts.add(Pooling.LAYER);
        if (useBatch) {
            parts.add(Pooling.BATCH);
        }
        return new Channels(parts, rank == 2 && !denseWeights ? 1 : 0, useBatch ? parts.size() - 1 : -1, Divisor.DEVIATION,
                null);
    }

    /**
     * Filter response normalization: every channel of every example by its root mean square.
     *
     * @param channels C
     * @return the plan for rank 3 and up
     */
    static NormPlan filterResponse(int channels) {
        return new Channels(List.of(Pooling.instance(channels)), 0, -1, Divisor.ROOT_MEAN_SQUARE, null);
    }

    /**
     * Every channel by its root mean square over all examples.
     *
     * @return the plan for every rank
     */
    static NormPlan rootMeanSquareOverBatch() {
        return new Channels(List.of(Pooling.BATCH), 0, -1, Divisor.ROOT_MEAN_SQUARE, null);
    }

    /**
     * No normalization: only gamma and beta.
     *
     * @return the plan for every rank
     */
    static NormPlan affine() {
        return byChannel(Pooling.BATCH, false).by(Divisor.ONE);
    }

    /**
     * No normalization: only a gamma and a beta of each channel of each example.
     *
     * @param channels C
     * @return the plan for every rank
     */
    static NormPlan affineOfExamples(int channels) {
        return instance(channels, false).by(Divisor.ONE);
    }

    /**
     * Global response normalization, which is no mixture of statistics.
     *
     * @return the plan for rank 3 and up
     */
    static NormPlan globalResponse() {
        return new Responses();
    }

    private static Channels byChannel(Pooling part, boolean running) {
        return new Channels(List.of(part), 0, running ? 0 : -1, Divisor.DEVIATION, null);
    }
}
