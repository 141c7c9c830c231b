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
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.layers.LayerConstraint;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.layers.BaseRecurrentLayer;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.factory.Nd4j;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Replaces the norms of a network: Deeplearning4j's batch norm with this library's (same outputs), or batch normalization
 * with group, instance, layer or switchable normalization for further training.
 *
 * <p>Other layers keep their parameters, and everything that is kept retains its updater state. The new norm inherits
 * gamma, beta, name, updater, constraints and data format, and running statistics if both norms have them. Where their
 * gammaOffset differs, gamma changes so that {@code gammaOffset + gamma} is the same.
 */
public final class NormReplacement {
    private static final Logger LOG = LoggerFactory.getLogger(NormReplacement.class);

    private NormReplacement() {
    }

    /** Decides which norms are replaced and with what. {@link NormRules} has the common rules. */
    @FunctionalInterface
    public interface Rule {
        /**
         * Returns the replacement of a norm.
         *
         * @param name name (or index) of the layer
         * @param old  configuration of the norm: a {@link NormLayer} or Deeplearning4j's BatchNormalization
         * @return the new norm, or null to keep the old one; number of channels, data format and updater may be left unset
         */
        NormLayer replacement(String name, Layer old);
    }

    /**
     * Describes what happened to one norm.
     *
     * @param norm name (or index) of the layer
     * @param from class of the old norm
     * @param to   class of the new norm, or null if the rule kept the old one
     */
    public record Outcome(String norm, String from, String to) {
        /** {@return whether the norm was replaced} */
        public boolean replaced() {
            return to != null;
        }

        @Override
        public String toString() {
            return replaced() ? norm + ": " + from + " -> " + to
                    : norm + ": kept because the rule has no replacement for " + from;
        }
    }

    /**
     * Holds the copy of a network with replaced norms and a report.
     *
     * @param net      the copy
     * @param outcomes every norm the rule was asked about, from input to output
     * @param <M>      type of the network
     */
    public record Result<M extends Model>(M net, List<Outcome> outcomes) {
        /** {@return the number of replaced norms} */
        public long replaced() {
            return outcomes.stream().filter(Outcome::replaced).count();
        }

        /** {@return one line for every norm and the number of replaced norms, or a note that there are no norms} */
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
     * Replaces norms in a copy of a network. If nothing was replaced, the copy equals the original and a warning is logged
     * that says why; use {@link #replaceWithReport} to get a report in every case.
     *
     * @param net  MultiLayerNetwork or ComputationGraph; it is not modified
     * @param rule which norms are replaced and with what
     * @param <M>  type of the network
     * @return a copy with the new norms, without listeners
     * @throws IllegalArgumentException if the model is of another kind
     * @throws org.deeplearning4j.exception.DL4JInvalidConfigException if a new norm does not fit the number of channels
     */
    public static <M extends Model> M replace(M net, Rule rule) {
        Result<M> result = replaceWithReport(net, rule);
        if (result.replaced() == 0) {
            LOG.warn("No norms were replaced: {}", result.summary());
        }
        return result.net();
    }

    /**
     * Replaces norms in a copy of a network and reports what happened to each.
     *
     * @param net  MultiLayerNetwork or ComputationGraph; it is not modified
     * @param rule which norms are replaced and with what
     * @param <M>  type of the network
     * @return a copy with the new norms, without listeners, and a report
     * @throws IllegalArgumentException if the model is of another kind
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
        Layer old = part.layer();
        if (part.param(GAMMA) != null && BatchNormMap.gammaOffset(old) != norm.getGammaOffset()) {
            part.setParam(GAMMA, part.param(GAMMA).add(BatchNormMap.gammaOffset(old) - norm.getGammaOffset()));
        }
        Map.of(GAMMA, BatchNormMap.fixedGamma(old) - norm.getGammaOffset(),
                BETA, BatchNormMap.fixedBeta(old)).forEach((name, fixed) -> {
            if (names.contains(name) && part.param(name) == null) {
                part.setParam(name, Nd4j.valueArrayOf(new long[]{lengths.get(name)}, fixed, DataType.DOUBLE));
            }
        });
        String form = names.contains(VAR) ? VAR : LOG10_STDEV;
        boolean known = Stream.of(MEAN, VAR, LOG10_STDEV).anyMatch(name -> part.param(name) != null);
        if (known && (names.contains(MEAN) || names.contains(form)) && part.param(form) == null) {
            double[] variance = variance(part);
            // Where no mean is tracked it is 0.
            part.setStatistics(part.param(MEAN) == null ? new double[variance.length]
                    : BatchNormMap.doubles(part.param(MEAN)), variance);
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
}
