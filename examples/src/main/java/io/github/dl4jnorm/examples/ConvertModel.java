// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import io.github.dl4jnorm.model.Freeze;
import io.github.dl4jnorm.model.NormReplacement;
import io.github.dl4jnorm.model.NormRules;
import java.io.IOException;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.deeplearning4j.nn.api.Model;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Replaces the batch norms of a saved model. */
@Command(name = "convert", mixinStandardHelpOptions = true, sortOptions = false,
        description = "Replaces batch norms of Deeplearning4j or this library and keeps all learned parameters.",
        optionListHeading = "%n",
        footer = {"", "Exits with 1 and writes no file if there is no norm to replace or freeze.",
            "Example: convert model.zip group.zip --to group --groups 4"})
final class ConvertModel extends ModelCommand {
    enum Target {
        BATCH, GROUP, INSTANCE, LAYER, SWITCHABLE;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    @Option(names = "--to", defaultValue = "batch", description = "Replacement for batch norms: ${COMPLETION-CANDIDATES} "
            + "(default: ${DEFAULT-VALUE}, which replaces Deeplearning4j's with this library's).")
    private Target target;

    @Option(names = "--groups", defaultValue = "8", description = "Number of groups of group normalization "
            + "(default: ${DEFAULT-VALUE}).")
    private int groups;

    @Option(names = "--freeze-statistics", description = "Freeze running statistics for further training.")
    private boolean freeze;

    @Override
    void validate() {
        require(groups >= 1, "--groups must be at least 1, not " + groups);
    }

    @Override
    Model change(Model net) throws IOException {
        NormReplacement.Rule rule = switch (target) {
            case BATCH -> NormRules.batchToBatch();
            case GROUP -> NormRules.batchToGroup(groups);
            case INSTANCE -> NormRules.batchToInstance();
            case LAYER -> NormRules.batchToLayer();
            case SWITCHABLE -> NormRules.batchToSwitchable();
        };
        Set<String> replaced = new LinkedHashSet<>();
        Model converted = NormReplacement.replace(net, (name, old) -> {
            var norm = rule.replacement(name, old);
            if (norm != null && replaced.add(name)) {
                System.out.printf("%s: %s -> %s%n", name, old.getClass().getSimpleName(), norm.getClass().getSimpleName());
            }
            return norm;
        });
        System.out.printf("%d norms replaced%n", replaced.size());
        List<String> frozen = freeze ? Freeze.freezeStatistics(converted) : List.of();
        if (replaced.isEmpty() && frozen.isEmpty()) {
            throw nothing("0 norms replaced", net);
        }
        if (freeze) {
            System.out.println("statistics frozen: " + (frozen.isEmpty() ? "none" : String.join(", ", frozen)));
        }
        return converted;
    }
}
