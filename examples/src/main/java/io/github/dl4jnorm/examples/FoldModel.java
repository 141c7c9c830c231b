// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import io.github.dl4jnorm.model.BatchNormFolding;
import io.github.dl4jnorm.model.MaskUse;
import java.io.IOException;
import org.deeplearning4j.nn.api.Model;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Folds batch norms into the layers beside them. */
@Command(name = "fold", mixinStandardHelpOptions = true, sortOptions = false,
        description = "Folds batch norms into dense layers and convolutions, for inference.",
        optionListHeading = "%n",
        footer = {"", "Says of every norm what became of it. Outputs stay the same up to rounding.",
            "Without one that can be folded it writes nothing and ends with 1."})
final class FoldModel extends ModelCommand {
    @Option(names = "--masks", defaultValue = "SEQUENCES", description = "What the network is given masks for: "
            + "${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}). A norm whose zeros at masked positions matter is left.")
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
