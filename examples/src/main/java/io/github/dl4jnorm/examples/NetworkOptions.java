// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import picocli.CommandLine.Mixin;

/** Defines the options shared by commands that train a network of layers. */
final class NetworkOptions extends TrainingOptions {
    @Mixin
    private final Convolutions convolutions = new Convolutions();

    Convolutions convolutions() {
        return convolutions;
    }
}
