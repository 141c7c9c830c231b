// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import io.github.dl4jnorm.examples.Charts.Series;
import io.github.dl4jnorm.examples.Charts.Style;
import io.github.dl4jnorm.examples.Page.Key;
import io.github.dl4jnorm.model.Histogram;
import io.github.dl4jnorm.model.NormSample;
import io.github.dl4jnorm.model.NormStatsListener;
import io.github.dl4jnorm.model.WholeFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/** What came of trainings, as a page of charts. */
final class Report {
    private static final double LOG_2 = Math.log(2);

    private final Page page = new Page("Trained with normalization");
    private final List<Training.Result> results;

    private Report(List<Training.Result> results) {
        this.results = results;
    }

    /**
     * Writes the page.
     *
     * @param file    where to
     * @param about   one sentence about data and network
     * @param results at least one
     */
    static void write(Path file, String about, List<Training.Result> results) throws IOException {
        String page = new Report(results).page(about);
        WholeFile.write(file, part -> Files.writeString(part, page));
    }

    private String page(String about) throws IOException {
        page.text(about);
        table();
        curves();
        batchSizes();
        for (int i = 0; i < results.size(); i++) {
            NormStatsListener stats = results.get(i).history().stats();
            if (stats != null && !stats.layers().isEmpty()) {
                norm(results.get(i), stats, i == 0);
            }
        }
        return page.finished();
    }

    private void table() {
        List<List<String>> rows = new ArrayList<>();
        for (Training.Result result : results) {
            rows.add(List.of(result.norm(), format("%.2f %%", 100 * result.accuracy()), format("%.4f", result.loss()),
                    String.valueOf(result.batch()), format("%.1f", result.seconds())));
        }
        page.table(List.of("norm", "test accuracy", "training loss", "batch", "seconds"), rows);
    }

    private static String format(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }

    private String label(Training.Result result) {
        boolean several = results.stream().mapToInt(Training.Result::batch).distinct().count() > 1;
        return several ? result.norm() + ", batch " + result.batch() : result.norm();
    }

    private void curves() throws IOException {
        List<String> norms = results.stream().map(Training.Result::norm).distinct().toList();
        Map<Integer, List<Training.Result>> byBatch = new LinkedHashMap<>();
        results.stream().filter(result -> result.history().losses()[0].length > 0 && result.history().isFinite())
                .forEach(result -> byBatch.computeIfAbsent(result.batch(), batch -> new ArrayList<>()).add(result));
        if (byBatch.isEmpty()) {
            return;
        }
        page.section("Loss and accuracy", "Each point of the training loss averages a few steps. Accuracy is measured on all "
                + "test examples after every epoch, and on at most " + Training.SAMPLE + " of them in between.");
        page.openCharts();
        for (Map.Entry<Integer, List<Training.Result>> some : byBatch.entrySet()) {
            List<Series> losses = new ArrayList<>();
            List<Series> accuracies = new ArrayList<>();
            List<Key> keys = new ArrayList<>();
            for (Training.Result result : some.getValue()) {
                int color = norms.indexOf(result.norm());
                History history = result.history();
                keys.add(new Key(color, result.norm()));
                losses.add(new Series(color, history.losses()[0], positive(history.losses()[1]), Style.LINE));
                accuracies.add(new Series(color, history.accuracies()[0], percent(history.accuracies()[1]), Style.LINE));
            }
            String batches = byBatch.size() > 1 ? ", batches of " + some.getKey() : "";
            page.chart("Training loss" + batches, Charts.svg(Charts.STEP, "loss", true, losses), keys);
            page.chart("Test accuracy" + batches, Charts.svg(Charts.STEP, "%", false, accuracies), keys);
        }
        page.closeCharts();
    }

    /** A loss of 0 has no logarithm. */
    private static double[] positive(double[] values) {
        return Arrays.stream(values).map(value -> Math.max(value, 1e-6)).toArray();
    }

    private static double[] percent(double[] shares) {
        return Arrays.stream(shares).map(share -> 100 * share).toArray();
    }

    private void batchSizes() throws IOException {
        Map<String, TreeMap<Integer, Double>> byNorm = new LinkedHashMap<>();
        results.forEach(result -> byNorm.computeIfAbsent(result.norm(), norm -> new TreeMap<>())
                .put(result.batch(), 100 * result.accuracy()));
        byNorm.values().removeIf(accuracies -> accuracies.size() < 2);
        if (byNorm.isEmpty()) {
            return;
        }
        List<Series> series = new ArrayList<>();
        List<Key> keys = new ArrayList<>();
        byNorm.forEach((norm, accuracies) -> {
            keys.add(new Key(keys.size(), norm));
            series.add(new Series(series.size(), accuracies.keySet().stream().mapToDouble(b -> Math.log(b) / LOG_2).toArray(),
                    accuracies.values().stream().mapToDouble(a -> a).toArray(), Style.POINTS));
        });
        page.section("Batch size", "Small batches make batch statistics noisy. Statistics of a single example do not depend on "
                + "the batch size.");
        page.openCharts();
        page.chart("Test accuracy by batch size", Charts.svg("examples in a batch", "%", false, series,
                Report::powerOfTwo), keys);
        page.closeCharts();
    }

    /** The power with that exponent to the base of 2, or nothing if the exponent is not whole. */
    static String powerOfTwo(double exponent) {
        return Math.abs(exponent - Math.rint(exponent)) < 1e-9 ? format("%.0f", Math.pow(2, exponent)) : "";
    }

    private void norm(Training.Result result, NormStatsListener stats, boolean open) throws IOException {
        page.openDetails("Inside " + label(result), open);
        running(stats);
        weights(stats);
        gradients(stats);
        activations(stats);
        page.closeDetails();
    }

    private void running(NormStatsListener stats) throws IOException {
        List<String> layers = stats.layers().stream().filter(layer -> stats.samples(layer).get(0).runningMean() != null
                && stats.samples(layer).get(0).batchMean() != null).toList();
        if (layers.isEmpty()) {
            return;
        }
        page.subsection("Running statistics", "One channel of each layer. Mean and variance differ from batch to batch. The "
                + "running ones start at 0 and 1, follow at the rate set by decay or momentum, and lag behind while the network "
                + "still changes. The norm uses them at test time.");
        page.openCharts();
        List<Key> keys = List.of(new Key(1, "batch", true), new Key(0, "running"));
        for (String layer : layers) {
            List<NormSample> samples = stats.samples(layer);
            int channel = samples.get(0).channels()[0];
            page.chart(layer + ", channel " + channel + ": mean", Charts.svg(Charts.STEP, "mean", false, List.of(
                    series(1, samples, sample -> sample.batchMean()[0], Style.FAINT),
                    series(0, samples, sample -> sample.runningMean()[0], Style.LINE))), keys);
            page.chart(layer + ", channel " + channel + ": variance", Charts.svg(Charts.STEP, "variance", false, List.of(
                    series(1, samples, sample -> sample.batchVariance()[0], Style.FAINT),
                    series(0, samples, sample -> sample.runningVariance()[0], Style.LINE))), keys);
        }
        page.closeCharts();
    }

    private static Series series(int color, List<NormSample> samples, ToDoubleFunction<NormSample> value, Style style) {
        return new Series(color, samples.stream().mapToDouble(NormSample::iteration).toArray(),
                samples.stream().mapToDouble(value).toArray(), style);
    }

    private void weights(NormStatsListener stats) throws IOException {
        List<String> layers = stats.layers().stream().filter(layer -> stats.samples(layer).get(0).meanWeights() != null).toList();
        if (layers.isEmpty()) {
            return;
        }
        page.subsection("Mixture weights", "Shares of instance, layer and batch statistics in the mean and variance of each "
                + "layer. All shares are equal at the start.");
        page.openCharts();
        for (String layer : layers) {
            List<NormSample> samples = stats.samples(layer);
            List<String> parts = List.copyOf(samples.get(0).meanWeights().keySet());
            List<Key> keys = IntStream.range(0, parts.size()).mapToObj(k -> new Key(k, parts.get(k))).toList();
            page.chart(layer + ": mean", Charts.svg(Charts.STEP, "share", false, IntStream.range(0, parts.size())
                    .mapToObj(k -> series(k, samples, sample -> sample.meanWeights().get(parts.get(k)), Style.LINE))
                    .toList()), keys);
            page.chart(layer + ": variance", Charts.svg(Charts.STEP, "share", false, IntStream.range(0, parts.size())
                    .mapToObj(k -> series(k, samples, sample -> sample.varianceWeights().get(parts.get(k)), Style.LINE))
                    .toList()), keys);
        }
        page.closeCharts();
    }

    private void gradients(NormStatsListener stats) throws IOException {
        page.subsection("Gradients", "L2 norm of the gradient at the output and at the input of each norm.");
        page.openCharts();
        for (String layer : stats.layers()) {
            List<NormSample> samples = stats.samples(layer);
            page.chart(layer, Charts.svg(Charts.STEP, "length", true, List.of(
                    series(0, samples, sample -> Math.max(sample.outputGradient(), 1e-12), Style.LINE),
                    series(1, samples, sample -> Math.max(sample.inputGradient(), 1e-12), Style.LINE))),
                    List.of(new Key(0, "output"), new Key(1, "input")));
        }
        page.closeCharts();
    }

    private void activations(NormStatsListener stats) throws IOException {
        page.subsection("Activations", "Histograms of the input and output of each norm at its last sample. Normalized values "
                + "are not limited to (-1, 1): they have mean 0 and variance 1 before gamma scales and beta shifts them. "
                + "A ReLU after the norm shows as a column at 0.");
        page.openCharts();
        for (String layer : stats.layers()) {
            NormStatsListener.Distributions last = stats.last(layer);
            page.chart(layer + ", step " + last.iteration() + ": before", bars(1, last.before()), List.of(new Key(1, "input")));
            page.chart(layer + ", step " + last.iteration() + ": after", bars(0, last.after()), List.of(new Key(0, "output")));
        }
        page.closeCharts();
    }

    private static String bars(int color, Histogram histogram) throws IOException {
        int bins = histogram.counts().length;
        double width = (histogram.high() - histogram.low()) / bins;
        // A step goes from its point to the next one: a bin begins at its lower end, and the last one needs an end.
        return Charts.svg("value", "count", false, List.of(new Series(color,
                IntStream.rangeClosed(0, bins).mapToDouble(i -> histogram.low() + i * width).toArray(),
                IntStream.rangeClosed(0, bins).mapToDouble(i -> i < bins ? histogram.counts()[i] : 0).toArray(), Style.AREA)));
    }
}
