// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.norm.NormPlan;
import io.github.dl4jnorm.norm.Parameter;
import io.github.dl4jnorm.norm.Values;
import java.util.Arrays;
import lombok.Data;
import org.nd4j.shade.jackson.annotation.JsonInclude;

/**
 * Normalizes each channel with a mean and variance that training never changes, as Keras's Normalization, Rescaling and
 * LayerScale do:
 *
 * <pre>
 *   y = act(gamma·(x − mean)/max(√var, leastDeviation) + beta)
 *   y = act(x·max(√var, leastDeviation) + mean)                    inverse
 *   y = act(factor·x + offset)                                     rescale
 *   y = act(gamma·x + beta)                                        statistics(false)
 * </pre>
 *
 * {@link io.github.dl4jnorm.model.PopulationStatistics#adapt} computes mean and variance from a data set;
 * {@code NormalizationLayer.setRunningStatistics} sets known ones. Until then they are 0 and 1. By default there is no gamma and
 * no beta; {@code scale(true)} and {@code center(true)} add learned ones. eps has no effect unless it is set.
 */
@Data
public class FeatureNormalization extends RunningNormLayer {
    private static final long serialVersionUID = 1L;

    /** Least standard deviation to divide by. */
    private double leastDeviation = 1e-7;
    /** Whether the layer undoes the normalization. */
    private boolean inverse;
    /** Whether the layer has a mean and variance; without, they are 0 and 1. */
    private boolean statistics = true;
    /** Constant factor, one for all channels or one for each; null if the layer does not rescale. */
    @JsonInclude(JsonInclude.Include.NON_NULL)
    private double[] factor;
    /** Constant offset, one for all channels or one for each; null if the layer does not rescale. */
    @JsonInclude(JsonInclude.Include.NON_NULL)
    private double[] offset;

    /** Creates a layer with mean and variance, without gamma and beta. */
    public FeatureNormalization() {
        super(RunningStatistics.cumulative());
        setEps(0);
        setScale(false);
        setCenter(false);
    }

    @Override
    public NormPlan plan(int rank) {
        return rank < 2 || rank > 5 ? null : NormPlan.batch();
    }

    @Override
    public boolean tracksStatistics() {
        return statistics;
    }

    /** Returns false: only {@code PopulationStatistics.adapt} sets them. */
    @Override
    public boolean updatesStatistics() {
        return false;
    }

    /**
     * Returns true: training never changes the statistics, and {@code Freeze.unfreeze} has no effect.
     *
     * @return true
     */
    @Override
    public boolean isStatisticsFrozen() {
        return true;
    }

    @Override
    public boolean usesBatch(boolean training) {
        return false;
    }

    @Override
    protected boolean countsBatches() {
        return false;
    }

    @Override
    public void given(Values values) {
        int channels = Math.toIntExact(nOut);
        double[] mean = statistics ? values.get(Parameter.MEAN) : filled(channels, 0);
        double[] deviation = statistics ? values.get(Parameter.VAR).clone() : filled(channels, 1);
        for (int c = 0; c < channels; c++) {
            deviation[c] = Math.max(Math.sqrt(deviation[c]), leastDeviation);
        }
        if (factor != null) {
            values.set(Parameter.GAMMA, each(factor, channels)).set(Parameter.BETA, each(offset, channels));
        } else if (inverse) {
            values.set(Parameter.GAMMA, deviation).set(Parameter.BETA, mean);
            mean = filled(channels, 0);
            deviation = filled(channels, 1);
        }
        values.set(Parameter.MEAN, mean).set(Parameter.VAR, Arrays.stream(deviation).map(d -> d * d).toArray());
    }

    private static double[] filled(int channels, double value) {
        double[] same = new double[channels];
        Arrays.fill(same, value);
        return same;
    }

    private static double[] each(double[] given, int channels) {
        return given.length == 1 ? filled(channels, given[0]) : given;
    }

    @Override
    protected void validateOptions() {
        super.validateOptions();
        if (!(leastDeviation > 0) || Double.isInfinite(leastDeviation)) {
            throw invalid("leastDeviation > 0", "leastDeviation " + leastDeviation);
        }
        if ((factor == null) != (offset == null)) {
            throw invalid("factor and offset together", "one of them");
        }
        if (inverse && (isScale() || isCenter())) {
            throw invalid("scale false and center false with inverse", "scale " + isScale() + " and center " + isCenter());
        }
        if (factor != null) {
            if (statistics || isScale() || isCenter()) {
                throw invalid("statistics, scale and center false with a constant factor", "statistics " + statistics + ", scale "
                        + isScale() + " and center " + isCenter());
            }
            if (!Arrays.stream(factor).allMatch(Double::isFinite) || !Arrays.stream(offset).allMatch(Double::isFinite)) {
                throw invalid("finite factors and offsets", Arrays.toString(factor) + " and " + Arrays.toString(offset));
            }
        }
    }

    @Override
    protected void validateChannels() {
        super.validateChannels();
        requireChannels("factors", factor);
        requireChannels("offsets", offset);
    }

    private void requireChannels(String what, double[] given) {
        if (given != null && given.length != 1 && given.length != nOut) {
            throw invalid("1 or " + nOut + " " + what + ", the number of channels", given.length + " " + what);
        }
    }

    /** Builds a {@link FeatureNormalization}. */
    public static class Builder extends NormBuilder<Builder, FeatureNormalization> {
        /** Creates a builder with mean and variance, without gamma and beta. */
        public Builder() {
            super(new FeatureNormalization());
        }

        /**
         * Sets the least standard deviation to divide by, which replaces that of constant channels.
         *
         * @param leastDeviation greater than 0; default 1e-7, as in Keras
         * @return this builder
         */
        public Builder leastDeviation(double leastDeviation) {
            layer.leastDeviation = leastDeviation;
            return this;
        }

        /**
         * Sets whether the layer undoes the normalization, as for outputs: multiplies by the standard deviation and adds the
         * mean.
         *
         * @param inverse default false; true requires {@code affine(false)}, which is the default
         * @return this builder
         */
        public Builder inverse(boolean inverse) {
            layer.inverse = inverse;
            return this;
        }

        /**
         * Sets whether the layer has a mean and variance.
         *
         * @param statistics default true; false with {@code scale(true)} multiplies each channel by a learned gamma
         * @return this builder
         */
        public Builder statistics(boolean statistics) {
            layer.statistics = statistics;
            return this;
        }

        /**
         * Makes the layer compute {@code factor·x + offset}, without statistics.
         *
         * @param factor such as {@code 1 / 127.5}
         * @param offset such as {@code -1}
         * @return this builder
         */
        public Builder rescale(double factor, double offset) {
            return rescale(new double[]{factor}, new double[]{offset});
        }

        /**
         * Makes the layer compute {@code factor·x + offset}, channel by channel, without statistics.
         *
         * @param factor one for all channels, or one for each
         * @param offset one for all channels, or one for each
         * @return this builder
         */
        public Builder rescale(double[] factor, double[] offset) {
            layer.factor = factor.clone();
            layer.offset = offset.clone();
            return statistics(false);
        }
    }
}
