// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.norm;

import io.github.dl4jnorm.norm.Affine.Coefficients;

/**
 * Statistics shared by the cells of a {@link Pooling}: count, mean and biased variance of each pool.
 *
 * <p>Merged from moments by {@code var = Σ w·var + Σ w·(mean − pooled mean)²} in its pairwise form, so a mean much
 * larger than the deviation costs no digits.
 */
public final class Pool {
    private final Pooling pooling;
    private final int channels;
    /** Channels of an example that share statistics. */
    private final int groupSize;
    /** How many pools are those of one example only; 0 if examples share them. */
    private final int poolsOfExample;
    private final Moments cells;
    private final Moments pooled;
    private final boolean constant;

    private Pool(Pooling pooling, int channels, Moments cells, Moments pooled, boolean constant) {
        this.pooling = pooling;
        this.channels = channels;
        this.groupSize = pooling.groupSize(channels);
        this.poolsOfExample = pooling.groups();
        this.cells = cells;
        this.pooled = pooled;
        this.constant = constant;
    }

    /**
     * Pools the moments of all cells.
     *
     * @param pooling which cells belong together
     * @param cells   moments of every example and channel
     * @return the pooled statistics
     */
    public static Pool of(Pooling pooling, Moments cells) {
        Pool pool = over(pooling, cells);
        for (int n = 0; n < cells.examples(); n++) {
            pool.add(n, 0, cells.channels());
        }
        return pool;
    }

    /**
     * Pools that take up the moments of cells when they are told to, by {@link Norm#complete}.
     *
     * @param pooling which cells belong together
     * @param cells   moments of every example and channel, which need not be known yet
     * @return pools of nothing
     */
    public static Pool over(Pooling pooling, Moments cells) {
        int channels = cells.channels();
        return new Pool(pooling, channels, cells, new Moments(1, pooling.size(cells.examples(), channels)), false);
    }

    /**
     * Statistics that already are one per pool.
     *
     * @param pooling  which cells belong together
     * @param channels C
     * @param pooled   one cell for each pool
     * @return the pooled statistics
     */
    public static Pool ofPooled(Pooling pooling, int channels, Moments pooled) {
        return new Pool(pooling, channels, null, pooled, false);
    }

    /**
     * Given statistics of each channel, through which no gradient flows (running statistics at test time).
     *
     * @param mean     mean of each channel
     * @param variance variance of each channel; a negative one counts as 0
     * @return the pool
     */
    public static Pool constant(double[] mean, double[] variance) {
        Moments given = new Moments(1, mean.length);
        for (int c = 0; c < mean.length; c++) {
            given.merge(c, 1, mean[c], variance[c] < 0 ? 0 : variance[c]);
        }
        return new Pool(Pooling.BATCH, mean.length, null, given, true);
    }

    /**
     * These statistics, or those of the whole batch where each worker has only a part of it.
     *
     * @param exchange what merges the parts, or null if this is the whole batch
     * @return statistics over the whole batch; pools within an example are what they were
     */
    public Pool shared(Exchange exchange) {
        return exchange == null || !pooling.overBatch() ? this : ofPooled(pooling, channels, exchange.merge(pooled));
    }

    /** {@return whether the examples of a batch share these statistics, and they are not constants} */
    boolean spansBatch() {
        return pooling.overBatch() && !constant;
    }

    /** {@return whether these statistics are constants instead of functions of the input} */
    public boolean isConstant() {
        return constant;
    }

    /** {@return groups that the channels of an example fall into} */
    public int groups() {
        return pooling.groupsOf(channels);
    }

    void add(int n, int from, int to) {
        for (int c = from; c < to;) {
            int pool = index(n, c);
            int end = Math.min(to, end(c));
            for (; c < end; c++) {
                int cell = n * channels + c;
                pooled.merge(pool, cells.count(cell), cells.mean(cell), cells.squares(cell));
            }
        }
    }

    /** The means of some channels, the first at index 0. */
    void means(int n, int from, int to, double[] means) {
        for (int c = from; c < to; c++) {
            means[c - from] = pooled.mean(index(n, c));
        }
    }

    /** Sets center and unit of some channels, the first at index 0: one square root for each pool, not for each channel. */
    void standardize(int n, int from, int to, Divisor divisor, double eps, Coefficients into) {
        boolean centered = divisor.isCentered();
        for (int c = from; c < to;) {
            int pool = index(n, c);
            int end = Math.min(to, end(c));
            double center = centered ? pooled.mean(pool) : 0;
            // Where an element is its own mean there is no gradient: with a factor of 0 none comes out of rounding either.
            boolean single = centered && !constant && pooled.count(pool) <= 1;
            double unit = single ? 0
                    : divisor.unit(divisor.square(pooled.count(pool), pooled.mean(pool), pooled.squares(pool)), eps);
            for (; c < end; c++) {
                into.center[c - from] = center;
                into.unit[c - from] = unit;
            }
        }
    }

    /** Adds weighted distances from given means, and weighted variances, to those of some channels, the first at index 0. */
    void mix(int n, int from, int to, double meanWeight, double[] given, double[] means, double varWeight,
             double[] variances) {
        for (int c = from; c < to;) {
            int pool = index(n, c);
            int end = Math.min(to, end(c));
            double mean = pooled.mean(pool);
            double variance = varWeight * pooled.variance(pool);
            for (; c < end; c++) {
                means[c - from] += meanWeight * (mean - given[c - from]);
                variances[c - from] += variance;
            }
        }
    }

    /** Whether a statistic computed from the input is not a finite number: what is divided by, or the mean. */
    boolean overflowed(Divisor divisor) {
        for (int pool = 0; pool < size() && !constant; pool++) {
            double square = square(pool, divisor);
            if (!(square + Math.abs(mean(pool)) <= Double.MAX_VALUE)) {
                return true;
            }
        }
        return false;
    }

    /** The next channel that belongs to another pool than this one. */
    int end(int c) {
        return groupSize == 1 ? c + 1 : c - c % groupSize + groupSize;
    }

    /** The pool of a cell. */
    int index(int n, int c) {
        return n * poolsOfExample + (groupSize == 1 ? c : c / groupSize);
    }

    int size() {
        return pooled.examples() * pooled.channels();
    }

    double count(int index) {
        return pooled.count(index);
    }

    double mean(int index) {
        return pooled.mean(index);
    }

    double variance(int index) {
        return pooled.variance(index);
    }

    /** See {@link Divisor#square}. */
    double square(int index, Divisor divisor) {
        return divisor.square(pooled.count(index), pooled.mean(index), pooled.squares(index));
    }

    /**
     * The statistics of a batch as running statistics take them up: as they are for pools over the batch; for pools
     * within an example the average over the examples (as PyTorch's instance norm has it).
     *
     * @return statistics for each channel
     */
    public ChannelStatistics perChannel() {
        if (pooling.overBatch()) {
            return ChannelStatistics.of(pooled);
        }
        ChannelStatistics.Average average = new ChannelStatistics.Average(channels);
        int examples = size() / pooling.groups();
        for (int n = 0; n < examples; n++) {
            Moments row = new Moments(1, channels);
            for (int c = 0; c < channels; c++) {
                int pool = index(n, c);
                row.merge(c, count(pool), mean(pool), pooled.squares(pool));
            }
            average.add(ChannelStatistics.of(row));
        }
        return average.result();
    }
}
