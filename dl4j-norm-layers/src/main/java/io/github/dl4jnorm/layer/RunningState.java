// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static io.github.dl4jnorm.conf.NormParameter.BATCHES;
import static io.github.dl4jnorm.conf.NormParameter.LOG10_STDEV;
import static io.github.dl4jnorm.conf.NormParameter.MEAN;
import static io.github.dl4jnorm.conf.NormParameter.VAR;

import io.github.dl4jnorm.conf.RunningStatistics;
import io.github.dl4jnorm.norm.ChannelStatistics;
import io.github.dl4jnorm.norm.RunningValues;
import io.github.dl4jnorm.pass.ParameterArrays;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.nd4j.linalg.api.buffer.DataBuffer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Running mean and variance in the parameters of a layer, whichever way these store them. */
final class RunningState implements RunningValues {
    /** Smallest variance whose logarithm is stored, as that of 0 would be −∞: read back it is 0. */
    private static final double TINY = 1e-38;
    private static final double LEAST_LOG = -19;
    private static final double LARGEST_HALF = 65504;
    private static final double LARGEST_FLOAT = Float.MAX_VALUE;
    private static final Logger LOG = LoggerFactory.getLogger(RunningState.class);

    /** Networks whose initial statistics were warned of. */
    private static final List<WeakReference<DataBuffer>> WARNED = new ArrayList<>();

    private final Map<String, INDArray> params;
    /** What the keys of its part of the batch end with. */
    private final String end;
    /** Those of the parts behind the first. */
    private final List<RunningState> others = new ArrayList<>();
    /** Null where only variances are tracked. */
    private final Shadow mean;
    /** Null where only means are tracked. */
    private final Shadow variance;
    private final Shadow batches;
    private boolean warnedOfNonFinite;
    private boolean trusted;

    /** Statistics of the first of so many parts of a batch. */
    RunningState(Map<String, INDArray> params, int parts) {
        this(params, "");
        for (int part = 1; part < parts; part++) {
            others.add(new RunningState(params, String.valueOf(part)));
        }
    }

    private RunningState(Map<String, INDArray> params, String end) {
        this.params = params;
        this.end = end;
        mean = Shadow.of(params.get(MEAN + end));
        variance = Shadow.of(params.get((log() ? LOG10_STDEV : VAR) + end));
        batches = Shadow.of(params.get(BATCHES + end));
    }

    private boolean log() {
        return params.containsKey(LOG10_STDEV + end);
    }

    @Override
    public double[] mean() {
        return mean == null ? new double[variance.read().length] : mean.read();
    }

    @Override
    public double batches() {
        return batches == null ? 0 : Arrays.stream(batches.read()).max().orElse(0);
    }

    @Override
    public double[] variance() {
        if (variance == null) {
            double[] ones = new double[Math.toIntExact(mean.param.length())];
            Arrays.fill(ones, 1);
            return ones;
        }
        double[] stored = variance.read();
        if (log()) {
            for (int c = 0; c < stored.length; c++) {
                stored[c] = stored[c] <= LEAST_LOG ? 0 : Math.pow(10, 2 * stored[c]);
            }
        }
        return stored;
    }

    /** Takes up statistics one after the other, or, where parts of a batch have their own, each with those of its part. */
    void takeUp(List<ChannelStatistics> updates, RunningStatistics policy, Supplier<String> layerId) {
        for (int i = 0; i < updates.size(); i++) {
            (i == 0 || others.isEmpty() ? this : others.get(i - 1)).takeUp(updates.get(i), policy, layerId);
        }
    }

    /** Takes up a batch as the policy says; one with NaN or infinite values changes nothing. */
    void takeUp(ChannelStatistics batch, RunningStatistics policy, Supplier<String> layerId) {
        if (batch.isFinite()) {
            trust();
            update(batch, policy);
        } else if (!warnedOfNonFinite) {
            warnedOfNonFinite = true;
            LOG.warn("{}: skipped a batch with NaN or infinite values; the running statistics are unchanged (logged once)",
                    layerId.get());
        }
    }

    /** What a layer has from its beginning is what it shall use. */
    void trust() {
        trusted = true;
    }

    /** Warns of use at test time while the statistics are still those a new layer has; once for all norms of a network. */
    void warnIfNeverSet(Supplier<String> layerId) {
        if (!trusted && Arrays.stream(mean()).allMatch(m -> m == 0) && Arrays.stream(variance()).allMatch(v -> v == 1)
                && batches() == 0 && isFirst(root(params.values().iterator().next().data()))) {
            LOG.warn("{}: test mode uses initial statistics (mean 0, variance 1), because the network saw no batch in training; "
                    + "train first, or call PopulationStatistics.recompute (adapt for FeatureNormalization); logged once per "
                    + "network", layerId.get());
        }
        trusted = true;
    }

    /** The parameters of a network are views of one buffer. */
    private static DataBuffer root(DataBuffer data) {
        return data.originalDataBuffer() == null ? data : data.originalDataBuffer();
    }

    private static boolean isFirst(DataBuffer network) {
        synchronized (WARNED) {
            WARNED.removeIf(warned -> warned.get() == null);
            return WARNED.stream().noneMatch(warned -> warned.get() == network) && WARNED.add(new WeakReference<>(network));
        }
    }

    void update(ChannelStatistics batch, RunningStatistics policy) {
        double[] newMean = mean();
        double[] newVariance = variance();
        double[] counts = batches == null ? new double[1] : batches.read();
        policy.takeUp(batch, counts, newMean, newVariance);
        set(newMean, newVariance);
        if (batches != null) {
            batches.write(counts);
        }
    }

    /**
     * Sets statistics from outside, which the layer shall use.
     *
     * @throws IllegalArgumentException if there is not one finite value for each channel, or a variance is negative
     */
    void replace(double[] newMean, double[] newVariance, String layerId) {
        int channels = mean().length;
        boolean valid = newMean.length == channels && newVariance.length == channels
                && Arrays.stream(newMean).allMatch(Double::isFinite)
                && Arrays.stream(newVariance).allMatch(v -> v >= 0 && Double.isFinite(v));
        if (!valid) {
            throw new IllegalArgumentException(layerId + ": expected " + channels + " finite means and as many finite, "
                    + "non-negative variances, got " + Arrays.toString(newMean) + " and " + Arrays.toString(newVariance));
        }
        set(newMean, newVariance);
        trust();
    }

    void set(double[] newMean, double[] newVariance) {
        if (mean != null) {
            mean.write(newMean);
        }
        if (variance == null) {
            return;
        }
        double[] stored = newVariance.clone();
        if (log()) {
            for (int c = 0; c < stored.length; c++) {
                stored[c] = 0.5 * Math.log10(Math.max(stored[c], TINY));
            }
        }
        variance.write(stored);
    }

    /**
     * A parameter and, in HALF, what it was before rounding: an average that moves by less than half a unit in the last
     * place would otherwise never move. Where the parameter was changed from outside, the parameter counts.
     */
    private static final class Shadow {
        private final INDArray param;
        private double[] exact;
        private double[] rounded;

        private Shadow(INDArray param) {
            this.param = param;
        }

        static Shadow of(INDArray param) {
            return param == null ? null : new Shadow(param);
        }

        double[] read() {
            double[] values = ParameterArrays.read(param);
            for (int i = 0; exact != null && i < values.length; i++) {
                values[i] = values[i] == rounded[i] ? exact[i] : values[i];
            }
            return values;
        }

        /** What is beyond the range of the parameter's type becomes its largest number: an average can leave that again. */
        void write(double[] values) {
            DataType type = param.dataType();
            double largest = type == DataType.HALF ? LARGEST_HALF : type == DataType.FLOAT ? LARGEST_FLOAT : Double.MAX_VALUE;
            double[] clipped = values.clone();
            for (int i = 0; i < clipped.length; i++) {
                clipped[i] = Math.max(-largest, Math.min(largest, clipped[i]));
            }
            ParameterArrays.write(clipped, param);
            if (type == DataType.HALF) {
                exact = values.clone();
                rounded = ParameterArrays.read(param);
            }
        }
    }
}
