// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

import io.github.dl4jnorm.norm.Divisor;
import io.github.dl4jnorm.norm.NormPlan;
import io.github.dl4jnorm.norm.Parameter;
import java.util.List;
import java.util.Locale;

/** The operations. Saved graphs hold the ordinal: new ones go to the end. */
enum NormKind {
    BATCH_NORM("batchNorm", 2, (rank, channels, groups, weights) -> NormPlan.batch()),
    BATCH_NORM_INFERENCE("batchNormInference", 2, (rank, channels, groups, weights) -> NormPlan.batch(),
            Parameter.MEAN, Parameter.VAR),
    GROUP_NORM("groupNorm", 2, (rank, channels, groups, weights) -> NormPlan.group(groups, rank)),
    INSTANCE_NORM("instanceNorm", 3, (rank, channels, groups, weights) -> NormPlan.instance(channels, false)),
    LAYER_NORM("layerNorm", 2, (rank, channels, groups, weights) -> NormPlan.layer(rank)),
    LAYER_NORM_PER_POSITION("layerNormPerPosition", 2,
            (rank, channels, groups, weights) -> NormPlan.position(Divisor.DEVIATION)),
    SWITCHABLE_NORM("switchableNorm", 2, NormKind::switchable, Parameter.MEAN_WEIGHT, Parameter.VAR_WEIGHT),
    SWITCHABLE_NORM_INFERENCE("switchableNormInference", 2, NormKind::switchable,
            Parameter.MEAN_WEIGHT, Parameter.VAR_WEIGHT, Parameter.MEAN, Parameter.VAR),
    RMS_NORM("rmsNorm", 2, (rank, channels, groups, weights) -> NormPlan.position(Divisor.ROOT_MEAN_SQUARE)),
    L2_NORMALIZE("l2Normalize", 2, (rank, channels, groups, weights) -> NormPlan.position(Divisor.LENGTH)),
    FILTER_RESPONSE_NORM("filterResponseNorm", 3, (rank, channels, groups, weights) -> NormPlan.filterResponse(channels)),
    GLOBAL_RESPONSE_NORM("globalResponseNorm", 3, (rank, channels, groups, weights) -> NormPlan.globalResponse()),
    SCALE_NORM("scaleNorm", 2, (rank, channels, groups, weights) -> NormPlan.position(Divisor.LENGTH)),
    MEAN_ONLY_BATCH_NORM("meanOnlyBatchNorm", 2, (rank, channels, groups, weights) -> NormPlan.batch().by(Divisor.NOTHING)),
    MEAN_ONLY_BATCH_NORM_INFERENCE("meanOnlyBatchNormInference", 2,
            (rank, channels, groups, weights) -> NormPlan.batch().by(Divisor.NOTHING), Parameter.MEAN);

    /** Parts of switchable normalization: instance, layer and batch. */
    static final int PARTS = 3;

    /** Says how an operation normalizes input of a rank. */
    @FunctionalInterface
    interface Plans {
        NormPlan of(int rank, int channels, int groups, int weights);
    }

    private final String method;
    private final int minRank;
    private final Plans plans;
    private final List<Parameter> extras;

    NormKind(String method, int minRank, Plans plans, Parameter... extras) {
        this.method = method;
        this.minRank = minRank;
        this.plans = plans;
        this.extras = List.of(extras);
    }

    private static NormPlan switchable(int rank, int channels, int groups, int weights) {
        return NormPlan.switchable(channels, rank, weights == PARTS, false);
    }

    /** Inputs behind x, gamma and beta. */
    List<Parameter> extras() {
        return extras;
    }

    /** Whether mean and variance of the batch are given. */
    boolean isInference() {
        return extras.contains(Parameter.MEAN);
    }

    /** How many elements gamma has. */
    long gammas(long channels) {
        return this == SCALE_NORM ? 1 : channels;
    }

    /** Whether other libraries have it over the last axis: then the layout of rank 3 and above has to be said. */
    boolean needsLayout() {
        return this == LAYER_NORM || plans.of(4, 1, 1, 0) instanceof NormPlan.Positions;
    }

    /** Ranks below this have nothing to take statistics over. */
    int minRank() {
        return minRank;
    }

    NormPlan plan(int rank, int channels, int groups, int weights) {
        return plans.of(rank, channels, groups, weights);
    }

    /** Name of the operation in a graph. */
    String opName() {
        return "dl4jnorm_" + name().toLowerCase(Locale.ROOT);
    }

    /** Name of the method that makes it. */
    @Override
    public String toString() {
        return method;
    }
}
