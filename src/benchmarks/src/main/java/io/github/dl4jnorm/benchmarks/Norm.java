// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.GroupNormalization;
import io.github.dl4jnorm.conf.InstanceNormalization;
import io.github.dl4jnorm.conf.LayerNormalization;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.SwitchableNormalization;
import java.util.Locale;
import org.nd4j.linalg.activations.Activation;

/** What is measured. */
enum Norm {
    BATCH, GROUP, INSTANCE, LAYER, SWITCHABLE, BATCH_RELU, ROWS, POSITIONS;

    private static final int GROUPS = 32;

    /** Where there are fewer channels than twice the usual groups, two channels share one. */
    static int groups(int channels) {
        return Math.min(GROUPS, channels / 2);
    }

    NormLayer layer(int channels) {
        return switch (this) {
            case BATCH -> new BatchNormalization.Builder().build();
            case BATCH_RELU -> new BatchNormalization.Builder().activation(Activation.RELU).build();
            case GROUP -> new GroupNormalization.Builder(groups(channels)).build();
            case INSTANCE -> new InstanceNormalization.Builder().build();
            case LAYER, ROWS -> new LayerNormalization.Builder().build();
            case POSITIONS -> new LayerNormalization.Builder().perPosition(true).build();
            case SWITCHABLE -> new SwitchableNormalization.Builder().build();
        };
    }

    boolean isBatch() {
        return this == BATCH || this == BATCH_RELU;
    }

    /** As tables and charts name it. */
    String title() {
        return switch (this) {
            case BATCH_RELU -> "batch + ReLU";
            case ROWS -> "layer";
            case POSITIONS -> "layer, per position";
            default -> toString();
        };
    }

    @Override
    public String toString() {
        return switch (this) {
            case ROWS -> "layer";
            case POSITIONS -> "layer-per-position";
            default -> name().toLowerCase(Locale.ROOT).replace('_', '-');
        };
    }
}
