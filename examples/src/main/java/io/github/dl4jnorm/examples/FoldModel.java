// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import io.github.dl4jnorm.model.BatchNormFolding;
import io.github.dl4jnorm.model.MaskUse;
import java.io.IOException;
import org.deeplearning4j.nn.api.Model;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Folds the batch norms of a saved model into neighboring layers. */
@Command(name = "fold", mixinStandardHelpOptions = true, sortOptions = false,
        description = "Folds batch norms into dense layers and convolutions for inference.",
        optionListHeading = "%n",
        footer = {"", "Prints the result for every norm. Outputs stay the same up to rounding.",
            "Exits with 1 and writes no file if no norm can be folded."})
final class FoldModel extends ModelCommand {
    @Option(names = "--masks", defaultValue = "SEQUENCES", description = "What the network receives masks for: "
            + "${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}). Norms are kept where zeros at masked positions matter.")
    private MaskUse masks;

    @Override
    Model change(Model net) throws IOException {
        BatchNormFolding.Result<Model> result = BatchNormFolding.fold(net, masks);
        System.out.println(result.summary());
        if (result.folded() == 0) {
            throw nothing("0 norms folded", net);
        }
        return result.net();
    }
}
