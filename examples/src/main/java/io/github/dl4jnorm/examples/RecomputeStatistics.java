// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import io.github.dl4jnorm.model.PopulationStatistics;
import io.github.dl4jnorm.norm.ChannelStatistics;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.dataset.ViewIterator;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Recomputes the running statistics of a saved model over training images. */
@Command(name = "recompute", mixinStandardHelpOptions = true, sortOptions = false,
        description = "Recomputes running statistics over the training images.",
        optionListHeading = "%n",
        footer = {"", "Use the data, seed and scaling of the training.", "Example: recompute model.zip exact.zip --batch 500"})
final class RecomputeStatistics extends ModelCommand {
    enum Method {
        PAPER, EXACT;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    @Option(names = "--data", paramLabel = "DIR", description = "Directory with IDX files, plain or gzip (default: "
            + "the synthetic digits of training).")
    private Path data;

    @Option(names = "--test-fraction", defaultValue = "0.2", description = "Fraction of a single pair held out for testing, "
            + "as in training (default: ${DEFAULT-VALUE}).")
    private double testFraction;

    @Option(names = "--seed", defaultValue = "42", description = "Random seed of the data, as in training "
            + "(default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(names = "--scale", defaultValue = "minmax", description = "Input scaling, as in training: "
            + "${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
    private ImageData.Scale scale;

    @Option(names = "--batch", defaultValue = "200", description = "Batch size (default: ${DEFAULT-VALUE}).")
    private int batch;

    @Option(names = "--method", defaultValue = "exact", description = "How batches are combined: ${COMPLETION-CANDIDATES} "
            + "(default: ${DEFAULT-VALUE}).")
    private Method method;

    @Mixin
    private final Convolutions convolutions = new Convolutions();

    @Override
    void validate() {
        require(batch >= 1, "--batch must be at least 1, not " + batch);
        require(testFraction > 0 && testFraction < 1, "--test-fraction must be between 0 and 1, not " + testFraction);
    }

    @Override
    Model change(Model net) throws IOException {
        ImageData images = (data == null ? ImageData.generated(seed) : ImageData.idx(data, testFraction, seed)).scaled(scale);
        DataSetIterator batches = new ViewIterator(images.train(), Math.min(batch, images.train().numExamples()));
        convolutions.enable(net);
        PopulationStatistics.Method how = PopulationStatistics.Method.valueOf(method.name());
        Map<String, ChannelStatistics> found = net instanceof MultiLayerNetwork sequence
                ? PopulationStatistics.recompute(sequence, batches, how)
                : PopulationStatistics.recompute((ComputationGraph) net, batches, how);
        found.forEach((name, statistics) -> System.out.printf("%s: %d channels%n", name, statistics.channels()));
        if (found.isEmpty()) {
            throw nothing("0 statistics recomputed", net);
        }
        System.out.printf("statistics of %d layers recomputed over %d examples of %s%n", found.size(),
                images.train().numExamples(), images.name());
        return net;
    }
}
