// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.GroupNormalization;
import io.github.dl4jnorm.conf.LayerNormalization;
import io.github.dl4jnorm.conf.NormBuilder;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.SwitchableNormalization;
import java.util.Locale;
import org.nd4j.linalg.activations.Activation;

/** The norms of the networks whose training steps are measured. */
enum StepNorm {
    NONE, BATCH, GROUP, LAYER, SWITCHABLE;

    static final int GROUPS = 8;

    /** This library's layer, with the ReLU as its activation. */
    NormLayer layer(boolean relu) {
        NormBuilder<?, ?> builder = switch (this) {
            case NONE -> throw new IllegalStateException("expected a norm, got none");
            case BATCH -> new BatchNormalization.Builder();
            case GROUP -> new GroupNormalization.Builder(GROUPS);
            case LAYER -> new LayerNormalization.Builder();
            case SWITCHABLE -> new SwitchableNormalization.Builder();
        };
        return builder.activation(relu ? Activation.RELU : Activation.IDENTITY).build();
    }

    /** Whether Deeplearning4j has it. */
    boolean isStock() {
        return this == NONE || this == BATCH;
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
