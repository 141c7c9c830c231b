// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

import io.github.dl4jnorm.norm.NormPlan;
import io.github.dl4jnorm.norm.PositionNorm;
import java.util.List;
import java.util.Locale;

/** The operations. Saved graphs hold the ordinal: new ones go to the end. */
enum NormKind {
    BATCH_NORM("batchNorm"),
    BATCH_NORM_INFERENCE("batchNormInference", Input.MEAN, Input.VAR),
    GROUP_NORM("groupNorm"),
    INSTANCE_NORM("instanceNorm"),
    LAYER_NORM("layerNorm"),
    LAYER_NORM_PER_POSITION("layerNormPerPosition"),
    SWITCHABLE_NORM("switchableNorm", Input.MEAN_WEIGHT, Input.VAR_WEIGHT),
    SWITCHABLE_NORM_INFERENCE("switchableNormInference", Input.MEAN_WEIGHT, Input.VAR_WEIGHT, Input.MEAN, Input.VAR),
    RMS_NORM("rmsNorm"),
    L2_NORMALIZE("l2Normalize"),
    FILTER_RESPONSE_NORM("filterResponseNorm"),
    GLOBAL_RESPONSE_NORM("globalResponseNorm");

    /** What an operation takes, in the order in which it takes it. */
    enum Input {
        X("x"), GAMMA("gamma"), BETA("beta"), MEAN_WEIGHT("meanWeight"), VAR_WEIGHT("varWeight"), MEAN("mean"), VAR("var");

        private final String title;

        Input(String title) {
            this.title = title;
        }

        @Override
        public String toString() {
            return title;
        }
    }

    /** Parts of switchable normalization: instance, layer and batch. */
    static final int PARTS = 3;

    private final String method;
    private final List<Input> extras;

    NormKind(String method, Input... extras) {
        this.method = method;
        this.extras = List.of(extras);
    }

    /** Inputs behind x, gamma and beta. */
    List<Input> extras() {
        return extras;
    }

    boolean isSwitchable() {
        return this == SWITCHABLE_NORM || this == SWITCHABLE_NORM_INFERENCE;
    }

    /** Whether mean and variance of the batch are given. */
    boolean isInference() {
        return extras.contains(Input.MEAN);
    }

    /** Ranks below this have nothing to take statistics over. */
    int minRank() {
        return this == INSTANCE_NORM || this == FILTER_RESPONSE_NORM || this == GLOBAL_RESPONSE_NORM ? 3 : 2;
    }

    NormPlan plan(int rank, int channels, int groups, int weights) {
        return switch (this) {
            case BATCH_NORM, BATCH_NORM_INFERENCE -> NormPlan.batch();
            case GROUP_NORM -> NormPlan.group(groups, rank);
            case INSTANCE_NORM -> NormPlan.instance(channels, false);
            case LAYER_NORM -> NormPlan.layer(rank);
            case LAYER_NORM_PER_POSITION -> NormPlan.position(PositionNorm.Kind.STANDARD);
            case SWITCHABLE_NORM, SWITCHABLE_NORM_INFERENCE ->
                    NormPlan.switchable(channels, rank, weights == PARTS, false);
            case RMS_NORM -> NormPlan.position(PositionNorm.Kind.ROOT_MEAN_SQUARE);
            case L2_NORMALIZE -> NormPlan.position(PositionNorm.Kind.LENGTH);
            case FILTER_RESPONSE_NORM -> NormPlan.filterResponse(channels);
            case GLOBAL_RESPONSE_NORM -> NormPlan.globalResponse();
        };
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
