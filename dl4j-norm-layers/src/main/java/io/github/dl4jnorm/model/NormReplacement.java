// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import static io.github.dl4jnorm.conf.NormParameter.BETA;
import static io.github.dl4jnorm.conf.NormParameter.GAMMA;
import static io.github.dl4jnorm.conf.NormParameter.LOG10_STDEV;
import static io.github.dl4jnorm.conf.NormParameter.MEAN;
import static io.github.dl4jnorm.conf.NormParameter.VAR;

import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.NormParameter;
import io.github.dl4jnorm.conf.RunningNormLayer;
import io.github.dl4jnorm.layer.NormalizationLayer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.layers.LayerConstraint;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.layers.BaseRecurrentLayer;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.nd4j.linalg.factory.Nd4j;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Puts other norms into a network: this library's batch norm in place of Deeplearning4j's with the same outputs, or
 * group, instance, layer or switchable normalization in place of batch normalization, to be trained further.
 *
 * <p>All other layers keep their parameters, and all that stays keeps the updater's state. The new norm takes over
 * gamma and beta and, where both have them, running statistics; name, updater, constraints and data format too.
 */
public final class NormReplacement {
    private static final Logger LOG = LoggerFactory.getLogger(NormReplacement.class);

    private NormReplacement() {
    }

    /** Decides which norms are replaced by what; see {@link NormRules} for the usual ones. */
    @FunctionalInterface
    public interface Rule {
        /**
         * A norm to put in place of another.
         *
         * @param name name (or index) of the layer
         * @param old  configuration of a norm: a {@link NormLayer} or Deeplearning4j's BatchNormalization
         * @return the new norm, which need not know channels, format or updater, or null to leave the old one
         */
        NormLayer replacement(String name, Layer old);
    }

    /**
     * What became of one norm.
     *
     * @param norm name (or index) of the layer
     * @param from class of the old norm
     * @param to   class of the new norm, null if the rule left the old one
     */
    public record Outcome(String norm, String from, String to) {
        /** {@return whether there is another norm in its place} */
        public boolean replaced() {
            return to != null;
        }

        @Override
        public String toString() {
            return replaced() ? norm + ": " + from + " -> " + to : norm + ": left, the rule has nothing for " + from;
        }
    }

    /**
     * The copy of a network with other norms, and what was done.
     *
     * @param net      the copy
     * @param outcomes every norm a rule was asked about, from input to output
     * @param <M>      type of the network
     */
    public record Result<M extends Model>(M net, List<Outcome> outcomes) {
        /** {@return how many norms were replaced} */
        public long replaced() {
            return outcomes.stream().filter(Outcome::replaced).count();
        }

        /** {@return a line for every norm, and how many were replaced or that there are none} */
        public String summary() {
            StringBuilder lines = new StringBuilder();
            outcomes.forEach(outcome -> lines.append(outcome).append('\n'));
            return lines.append(outcomes.isEmpty() ? "nothing to replace: the network has no normalization layers"
                    : replaced() + " of " + outcomes.size() + " norms replaced").toString();
        }

        /** {@return the {@link #summary()}} */
        @Override
        public String toString() {
            return summary();
        }
    }

    /**
     * Replaces norms. If none is replaced, the copy is that of the same network, and the log has a warning that says why;
     * {@link #replaceWithReport} tells in any case.
     *
     * @param net  network, MultiLayerNetwork or ComputationGraph; it stays as it is
     * @param rule which norms are replaced by what
     * @param <M>  type of the network
     * @return a copy with other norms, without listeners
     * @throws IllegalArgumentException if it is another kind of model
     * @throws org.deeplearning4j.exception.DL4JInvalidConfigException if a new norm does not fit the number of channels
     */
    public static <M extends Model> M replace(M net, Rule rule) {
        Result<M> result = replaceWithReport(net, rule);
        if (result.replaced() == 0) {
            LOG.warn("No norm was replaced: {}", result.summary());
        }
        return result.net();
    }

    /**
     * Replaces norms and says what became of each.
     *
     * @param net  network, MultiLayerNetwork or ComputationGraph; it stays as it is
     * @param rule which norms are replaced by what
     * @param <M>  type of the network
     * @return a copy with other norms, without listeners, and a report
     * @throws IllegalArgumentException if it is another kind of model
     * @throws org.deeplearning4j.exception.DL4JInvalidConfigException if a new norm does not fit the number of channels
     */
    public static <M extends Model> Result<M> replaceWithReport(M net, Rule rule) {
        Draft<M> draft = Draft.of(net);
        List<Outcome> outcomes = new ArrayList<>();
        for (Part part : draft.parts()) {
            Layer old = part.layer();
            if (old instanceof NormLayer || BatchNormMap.isStock(old)) {
                NormLayer given = rule.replacement(part.name(), old);
                outcomes.add(new Outcome(part.name(), old.getClass().getSimpleName(),
                        given == null ? null : given.getClass().getSimpleName()));
                if (given != null) {
                    // A rule may give the same one for several layers.
                    NormLayer norm = given.clone();
                    configure(norm, (FeedForwardLayer) old, draft.before(part));
                    norm.setDataType(draft.dataType());
                    carryOver(part, norm);
                    part.setLayer(norm);
                }
            }
        }
        return new Result<>(draft.build(), List.copyOf(outcomes));
    }

    /** What a layer takes from the network's configuration when that is built, and what only the old layer knows. */
    private static void configure(NormLayer norm, FeedForwardLayer old, Part before) {
        norm.setLayerName(old.getLayerName());
        norm.setNIn(old.getNOut());
        if (!norm.isChannelsLastFixed()) {
            norm.setChannelsLast(old instanceof NormLayer own ? own.isChannelsLast() : stockChannelsLast(old, before));
            norm.setChannelsLastFixed(old instanceof NormLayer own && own.isChannelsLastFixed());
        }
        if (norm.getIUpdater() == null) {
            norm.setIUpdater(old.getIUpdater());
            norm.setBiasUpdater(old.getBiasUpdater());
        }
        norm.setGradientNormalization(old.getGradientNormalization());
        norm.setGradientNormalizationThreshold(old.getGradientNormalizationThreshold());
        norm.setWeightInitFn(old.getWeightInitFn());
        norm.setBiasInit(old.getBiasInit());
        norm.setGainInit(old.getGainInit());
        if (norm.getConstraints() == null) {
            norm.setConstraints(ofGammaAndBeta(old.getConstraints()));
        }
    }

    /** Deeplearning4j's knows the format of images alone. */
    private static boolean stockChannelsLast(Layer old, Part before) {
        LinearLayer linear = LinearLayer.of(before);
        if (linear != null && linear.isOneOrThreeDimensional()) {
            return linear.isChannelsLast();
        }
        if (before != null && before.layer() instanceof BaseRecurrentLayer recurrent) {
            return recurrent.getRnnDataFormat() == RNNFormat.NWC;
        }
        return BatchNormMap.channelsLast(old);
    }

    /** Deeplearning4j's constraints on all parameters include statistics. */
    private static List<LayerConstraint> ofGammaAndBeta(List<LayerConstraint> constraints) {
        List<LayerConstraint> kept = new ArrayList<>();
        for (LayerConstraint constraint : constraints == null ? List.<LayerConstraint>of() : constraints) {
            Set<String> params = new HashSet<>(constraint.getParams());
            params.retainAll(Set.of(GAMMA, BETA));
            if (!params.isEmpty()) {
                LayerConstraint bound = constraint.clone();
                bound.setParams(params);
                kept.add(bound);
            }
        }
        return kept.isEmpty() ? null : kept;
    }

    /** Makes of the old layer's parameters those of the new one that can be known. */
    private static void carryOver(Part part, NormLayer norm) {
        Map<String, Long> lengths = norm.parameters().stream()
                .collect(Collectors.toMap(NormParameter::name, NormParameter::length));
        Set<String> names = lengths.keySet();
        if (names.contains(GAMMA) && part.param(GAMMA) == null) {
            set(part, GAMMA, same(BatchNormMap.fixedGamma(part.layer()), norm.getNOut()));
        }
        if (names.contains(BETA) && part.param(BETA) == null) {
            set(part, BETA, same(BatchNormMap.fixedBeta(part.layer()), norm.getNOut()));
        }
        String form = names.contains(VAR) ? VAR : LOG10_STDEV;
        if (names.contains(MEAN) && part.param(MEAN) != null && part.param(form) == null) {
            part.setStatistics(BatchNormMap.doubles(part.param(MEAN)), variance(part));
        }
        for (String name : part.paramNames()) {
            if (part.param(name).length() != lengths.getOrDefault(name, -1L)) {
                part.dropParam(name);
            }
        }
    }

    private static double[] variance(Part part) {
        return part.layer() instanceof RunningNormLayer ? ((NormalizationLayer) part.source()).runningVariance()
                : BatchNormMap.stockVariance(part);
    }

    private static double[] same(double value, long length) {
        double[] values = new double[Math.toIntExact(length)];
        Arrays.fill(values, value);
        return values;
    }

    private static void set(Part part, String name, double[] values) {
        part.setParam(name, Nd4j.createFromArray(values));
    }
}
