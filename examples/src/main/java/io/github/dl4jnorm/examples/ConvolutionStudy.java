// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import picocli.CommandLine.Mixin;

/** Base class of experiments with convolutions. */
abstract class ConvolutionStudy extends Study {
    @Mixin
    private final Convolutions convolutions = new Convolutions();

    /** Creates a study with default options. */
    ConvolutionStudy(int examples, int epochs) {
        super(examples, epochs);
    }

    final Convolutions convolutions() {
        return convolutions;
    }

    @Override
    final String settings() {
        return convolutions + System.lineSeparator();
    }
}
