// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import io.github.dl4jnorm.model.FastConvolution;
import java.util.LinkedHashSet;
import java.util.Set;
import org.deeplearning4j.nn.api.Model;
import picocli.CommandLine.Option;

/** Runs the convolutions of networks on oneDNN, unless the option of this class turns it off or oneDNN is missing. */
final class Convolutions {
    private static final String OPTION = "--no-fast-convolution";

    @Option(names = OPTION, description = "Run convolutions on Deeplearning4j's own, much slower code instead of oneDNN.")
    private boolean off;

    private final Set<String> paths = new LinkedHashSet<>();

    /**
     * Enables oneDNN for a network. The first time that oneDNN is missing, prints why.
     *
     * @param net an initialized network
     * @return what runs its convolutions, such as "oneDNN (5 of 5 layers)"
     */
    String enable(Model net) {
        String path = path(net);
        if (paths.add(path) && !off && FastConvolution.missing() != null) {
            System.out.println("convolutions run on Deeplearning4j's own, slower code: " + FastConvolution.missing());
        }
        return path;
    }

    private String path(Model net) {
        if (off) {
            return "Deeplearning4j (" + OPTION + ")";
        }
        if (FastConvolution.missing() != null) {
            return "Deeplearning4j (no oneDNN)";
        }
        FastConvolution.Result result = FastConvolution.enable(net);
        return "oneDNN (" + result.enabled() + " of " + result.outcomes().size() + " layers)";
    }

    /** Gives a copy of a network, which has Deeplearning4j's convolutions at first, the same ones as the network. */
    static <M extends Model> M like(Model net, M copy) {
        if (FastConvolution.count(net) > 0) {
            FastConvolution.enable(copy);
        }
        return copy;
    }

    /** {@return a line that says what ran the convolutions of all networks so far} */
    @Override
    public String toString() {
        return "convolutions: " + String.join(", ", paths);
    }
}
