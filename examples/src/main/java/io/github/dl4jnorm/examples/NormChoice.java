// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.GroupNormalization;
import io.github.dl4jnorm.conf.InstanceNormalization;
import io.github.dl4jnorm.conf.LayerNormalization;
import io.github.dl4jnorm.conf.SwitchableNormalization;
import java.util.Locale;
import org.deeplearning4j.nn.conf.layers.ActivationLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.nd4j.linalg.activations.Activation;

/** The normalizations to choose from, each together with the ReLU behind it. */
enum NormChoice {
    BATCH {
        @Override
        Layer layer(int channels) {
            return new BatchNormalization.Builder().activation(Activation.RELU).build();
        }
    },
    GROUP {
        @Override
        Layer layer(int channels) {
            return new GroupNormalization.Builder(groups(channels)).activation(Activation.RELU).build();
        }
    },
    INSTANCE {
        @Override
        Layer layer(int channels) {
            return new InstanceNormalization.Builder().activation(Activation.RELU).build();
        }
    },
    LAYER {
        @Override
        Layer layer(int channels) {
            return new LayerNormalization.Builder().activation(Activation.RELU).build();
        }
    },
    SWITCHABLE {
        @Override
        Layer layer(int channels) {
            return new SwitchableNormalization.Builder().activation(Activation.RELU).build();
        }
    },
    NONE {
        @Override
        Layer layer(int channels) {
            return new ActivationLayer.Builder().activation(Activation.RELU).build();
        }
    };

    /** Eight groups, or what divides the channels. */
    static int groups(int channels) {
        int groups = 8;
        while (channels % groups != 0) {
            groups--;
        }
        return groups;
    }

    /** The norm and its ReLU, for input of so many channels. */
    abstract Layer layer(int channels);

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
