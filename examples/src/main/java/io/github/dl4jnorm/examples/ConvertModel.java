// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import io.github.dl4jnorm.model.Freeze;
import io.github.dl4jnorm.model.NormReplacement;
import io.github.dl4jnorm.model.NormRules;
import java.util.List;
import java.util.Locale;
import org.deeplearning4j.nn.api.Model;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Replaces batch norms. */
@Command(name = "convert", mixinStandardHelpOptions = true, sortOptions = false,
        description = "Replaces batch norms, Deeplearning4j's or this library's, and keeps all that is learned.",
        optionListHeading = "%n",
        footer = {"", "Example: convert model.zip group.zip --to group --groups 4"})
final class ConvertModel extends ModelCommand {
    enum Target {
        BATCH, GROUP, INSTANCE, LAYER, SWITCHABLE;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    @Option(names = "--to", defaultValue = "batch", description = "What batch norms become: ${COMPLETION-CANDIDATES} "
            + "(default: ${DEFAULT-VALUE}, which replaces Deeplearning4j's by this library's).")
    private Target target;

    @Option(names = "--groups", defaultValue = "8", description = "Groups of group normalization "
            + "(default: ${DEFAULT-VALUE}).")
    private int groups;

    @Option(names = "--freeze-statistics", description = "Have further training use the running statistics as they are.")
    private boolean freeze;

    @Override
    void validate() {
        require(groups >= 1, "--groups must be at least 1, not " + groups);
    }

    @Override
    Model change(Model net) {
        NormReplacement.Rule rule = switch (target) {
            case BATCH -> NormRules.batchToBatch();
            case GROUP -> NormRules.batchToGroup(groups);
            case INSTANCE -> NormRules.batchToInstance();
            case LAYER -> NormRules.batchToLayer();
            case SWITCHABLE -> NormRules.batchToSwitchable();
        };
        Model converted = NormReplacement.replace(net, (name, old) -> {
            var norm = rule.replacement(name, old);
            if (norm != null) {
                System.out.printf("%s: %s -> %s%n", name, old.getClass().getSimpleName(), norm.getClass().getSimpleName());
            }
            return norm;
        });
        if (freeze) {
            List<String> frozen = Freeze.freezeStatistics(converted);
            System.out.println("statistics frozen: " + (frozen.isEmpty() ? "none" : String.join(", ", frozen)));
        }
        return converted;
    }
}
