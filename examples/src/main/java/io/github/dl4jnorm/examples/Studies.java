// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Groups the experiments; each shows one effect. */
@Command(name = "study", mixinStandardHelpOptions = true, synopsisSubcommandLabel = "STUDY",
        description = "Runs an experiment of about two minutes or less. The last line of its output is the conclusion.",
        optionListHeading = "%n",
        footer = {"", "Example: study batch-size"},
        subcommands = {BatchSizeStudy.class, CovariateShift.class, DomainShift.class, SequenceLayerNorm.class, DeepNet.class,
            Regularization.class, FeatureScaling.class, ResNetNorms.class, StyleTransfer.class, TransformerEncoder.class,
            Debiasing.class, LabelNoise.class})
final class Studies implements Runnable {
    @Spec
    private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "study: expected one of "
                + String.join(", ", spec.subcommands().keySet()));
    }
}
