// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import io.github.dl4jnorm.model.NormStatsCsv;
import io.github.dl4jnorm.model.NormStatsListener;
import io.github.dl4jnorm.model.WholeFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.shade.jackson.databind.ObjectMapper;
import picocli.CommandLine;

/** Trains the network of the example with one norm or several, and says what came of it. */
final class Comparison {
    private static final int STOPPED = 130;
    /** Up to so many elements of the largest activation, one native thread trains faster than two that share the arrays. */
    private static final long SMALL = 500_000;

    private final NetworkOptions options;
    private final OutputOptions output;
    private final List<Training.Result> results = new ArrayList<>();
    private String about;

    Comparison(NetworkOptions options, OutputOptions output) {
        this.options = options;
        this.output = output;
    }

    /** Trains with each of several norms. */
    int run(List<NormChoice> norms) throws IOException {
        output.check(options);
        ImageData images = load();
        boolean stopped = false;
        try (Interruption interruption = new Interruption()) {
            for (int i = 0; i < norms.size() && !stopped; i++) {
                stopped = !train(norms.get(i), null, images, training(images).stoppedBy(interruption::requested));
            }
            finish();
        }
        return stopped ? STOPPED : CommandLine.ExitCode.OK;
    }

    /**
     * Trains with one norm.
     *
     * @param norm    the norm
     * @param resumed network to go on with, or null for a new one
     * @param lossSum sum of the losses of the epoch it is in
     * @param saver   called after every epoch and when training is stopped
     * @return exit code
     */
    int run(NormChoice norm, MultiLayerNetwork resumed, double lossSum, Training.Saver saver) throws IOException {
        output.check(options);
        ImageData images = load();
        boolean finished;
        try (Interruption interruption = new Interruption()) {
            finished = train(norm, resumed, images, training(images).from(lossSum).savedBy(saver)
                    .stoppedBy(interruption::requested));
            finish();
        }
        return finished ? CommandLine.ExitCode.OK : STOPPED;
    }

    private Training training(ImageData images) {
        return new Training(images, options.batch(), options.epochs(), options.seed()).with(options.convolutions());
    }

    private ImageData load() throws IOException {
        ImageData images = options.load();
        long pixels = images.inputType().getHeight() * images.inputType().getWidth();
        if (pixels * options.batch() * options.channels() <= SMALL) {
            Study.oneThread();
        }
        about = String.format(Locale.ROOT, "Three blocks of convolution, norm and ReLU with %d and %d channels; %d training and "
                + "%d test examples of %s; %s; seed %d.", options.channels(), 2 * options.channels(),
                images.train().numExamples(), images.test().numExamples(), images.name(), epochs(options.epochs()),
                options.seed());
        return images;
    }

    /** So many epochs, in words. */
    static String epochs(int count) {
        return count == 1 ? "1 epoch" : count + " epochs";
    }

    /** @return whether it came to its end */
    private boolean train(NormChoice norm, MultiLayerNetwork resumed, ImageData images, Training training)
            throws IOException {
        MultiLayerNetwork net = resumed != null ? resumed : ConvNet.create(norm, images.inputType(), images.classes(),
                options.channels(), options.learningRate(), training.iterations(), options.seed());
        if (output.report() != null) {
            training.charted();
        }
        if (output.watches()) {
            training.watchedBy(new NormStatsListener());
        }
        Training.Result result = training.run(norm, net);
        if (result == null) {
            return false;
        }
        results.add(result);
        if (norm.equals(NormChoice.BATCH)) {
            StatisticsTable.print(net, images.train());
        }
        return true;
    }

    private void finish() throws IOException {
        System.out.printf("%n%-22s %10s %10s %10s%n", "norm", "accuracy", "loss", "seconds");
        for (Training.Result result : results) {
            System.out.printf("%-22s %8.2f %% %10.4f %10.1f%n", result.norm(), 100 * result.accuracy(), result.loss(),
                    result.seconds());
        }
        if (!results.isEmpty()) {
            System.out.println(options.convolutions());
        }
        if (output.json() != null) {
            writeJson();
        }
        for (Training.Result result : results) {
            Path stats = output.stats(result.norm(), results.size() > 1);
            if (stats != null) {
                NormStatsCsv.write(result.history().stats(), stats);
            }
        }
        if (output.report() != null && !results.isEmpty()) {
            Report.write(output.report(), about + " " + options.convolutions() + ".", results);
            System.out.println("the charts are in " + output.report());
        }
    }

    private void writeJson() throws IOException {
        List<Map<String, Object>> rows = new ArrayList<>();
        for (Training.Result result : results) {
            Map<String, Object> row = new LinkedHashMap<>();
            row.put("norm", result.norm());
            row.put("accuracy", result.accuracy());
            row.put("loss", result.loss());
            row.put("seconds", result.seconds());
            row.put("batch", result.batch());
            row.put("epochs", result.epochs());
            row.put("convolutions", result.convolutions());
            rows.add(row);
        }
        WholeFile.write(output.json(), part ->
                new ObjectMapper().writerWithDefaultPrettyPrinter().writeValue(part.toFile(), rows));
    }
}
