// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.NormParameter;
import io.github.dl4jnorm.conf.RunningNormLayer;
import io.github.dl4jnorm.norm.NormPlan;
import io.github.dl4jnorm.norm.Parameter;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/** What an operation does, read from the layer that does the same. */
final class Definition {
    /** Parts of switchable normalization: instance, layer and batch. */
    static final int PARTS = 3;
    private static final Set<Parameter> NO_EXTRAS = Set.of(Parameter.GAMMA, Parameter.BETA, Parameter.TAU);
    private static final List<Parameter> STATISTICS = List.of(Parameter.MEAN, Parameter.VAR);
    /** Any number of channels but one. */
    private static final int SOME = 2;

    /** Makes the layer for so many groups and weights. */
    @FunctionalInterface
    interface Layers {
        NormLayer of(int groups, int weights);
    }

    private final Layers layers;
    private final List<Parameter> extras;
    private final Set<Parameter> scalars = EnumSet.noneOf(Parameter.class);
    private final boolean needsLayout;
    private final int minRank;

    /** From layers; given are the statistics that such a layer tracks, if it normalizes with those. */
    Definition(Layers layers, boolean given) {
        this.layers = layers;
        NormLayer layer = layer(SOME, 1, PARTS);
        layer.setScale(true);
        if (layer instanceof RunningNormLayer running) {
            running.setLogStdStored(false);
        }
        extras = new ArrayList<>();
        for (NormParameter parameter : layer.parameters()) {
            Parameter kind = parameter.kind();
            if (kind.isLearned() && !NO_EXTRAS.contains(kind) || given && STATISTICS.contains(kind)) {
                extras.add(kind);
            }
            if (parameter.length() == 1) {
                scalars.add(kind);
            }
        }
        needsLayout = layer.plan(3) instanceof NormPlan.Positions;
        minRank = IntStream.rangeClosed(2, NormChecks.MAX_RANK).filter(rank -> layer.plan(rank) != null).findFirst()
                .orElseThrow();
    }

    /** With the statistics of the input. */
    static Definition of(Supplier<NormLayer> layer) {
        return new Definition((groups, weights) -> layer.get(), false);
    }

    /** With given statistics. */
    static Definition given(Supplier<NormLayer> layer) {
        return new Definition((groups, weights) -> layer.get(), true);
    }

    NormLayer layer(int channels, int groups, int weights) {
        NormLayer layer = layers.of(groups, weights);
        layer.setNOut(channels);
        return layer;
    }

    /** Inputs behind x, gamma and beta. */
    List<Parameter> extras() {
        return extras;
    }

    /** Whether mean and variance of the batch are given. */
    boolean isInference() {
        return extras.contains(Parameter.MEAN) || extras.contains(Parameter.VAR);
    }

    /** How many elements an input behind x has, unless it holds the weights of parts. */
    long length(Parameter input, long channels) {
        return scalars.contains(input) ? 1 : channels;
    }

    /** Whether other libraries have it over the last axis of sequences: then the layout of rank 3 and above has to be said. */
    boolean needsLayout() {
        return needsLayout;
    }

    /** Ranks below this have nothing to take statistics over. */
    int minRank() {
        return minRank;
    }

    NormPlan plan(int rank, int channels, int groups, int weights) {
        return layer(channels, groups, weights).plan(rank);
    }
}
