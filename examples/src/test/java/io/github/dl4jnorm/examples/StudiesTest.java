// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.Color;
import java.awt.image.BufferedImage;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Every study, as short as it can be. What they show takes longer: the documentation has it. */
@Tag("full")
class StudiesTest {
    @TempDir
    private Path directory;

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "batch-size --norms layer|3|From batches of 32 to batches of 2, accuracy changes by layer [-+]\\d+\\.\\d points\\.",
        "covariate-shift|5|Mean accuracy under changed lighting: batch norm [\\d.]+ %, group norm [\\d.]+ %.*",
        "domain|5|Mean accuracy on images of other cameras: as trained [\\d.]+ %, statistics of 2 batches [\\d.]+ %.*",
        "sequence|1|Accuracy on sequences of any length and amplitude: layer norm [\\d.]+ %.*",
        "deep-net --depth 3|3|Test accuracy of 3 convolutions with sigmoids: no norm [\\d.]+ %.*",
        "regularization|3|Test accuracy after training on 60 examples: nothing [\\d.]+ %.*",
        "scaling --runs 1|0|Test accuracy with batches of 32: raw [\\d.]+ %, .* first layer [\\d.]+ %, with feature norm .*",
        "label-noise --runs 1|3|Test accuracy with 25 % of labels .*, after 1 and 1 epoch: relu, nothing [\\d.]+ .*",
        "debias --runs 1|3|Test accuracy after 1 batch: decay 0.9 [\\d.]+ %, debiased [\\d.]+ %; .* recomputed [\\d.]+ %\\.",
        "resnet --norms batch|9|9 of 9 norms of batch folded: [\\d.]+ ms instead of [\\d.]+ ms, outputs within .*"})
    void theLastLineSaysWhatItShowed(String study, int convolutions, String expected) {
        List<String> args = new ArrayList<>(List.of("study"));
        args.addAll(List.of(study.split(" ")));
        args.addAll(List.of("--examples", "60", "--epochs", "1"));
        List<String> lines = Output.of(args.toArray(String[]::new)).lines().toList();
        assertThat(lines.get(lines.size() - 1)).matches(expected);
        assertThat(lines.get(lines.size() - 2)).matches(convolutions == 0 ? "raw, feature norm first .*"
                : "convolutions: " + Pattern.quote(Output.convolutions(convolutions)));
    }

    @Test
    void theEncoderIsTrainedAsBothKindsOfGraphs() {
        List<String> lines = Output.of("study", "transformer", "--blocks", "1", "--runs", "1", "--examples", "64", "--epochs",
                "1").lines().toList();
        assertThat(lines.get(lines.size() - 1)).matches("Recall of 6 pairs by 1 encoder blocks after 1 epoch: no norm "
                + "[\\d.]+ %, layer norm [\\d.]+ %, RMS norm [\\d.]+ %, as SameDiff [\\d.]+ % \\(chance: 25 %\\)\\.");
        assertThat(lines).as("a table without SameDiff's lines for each operation").hasSize(6);
        assertThat(lines.get(0)).endsWith("(1 run)");
        StringWriter errors = new StringWriter();
        assertThat(Main.execute(new PrintWriter(errors, true), "study", "transformer", "--blocks", "0")).isEqualTo(2);
        assertThat(errors.toString()).contains("--blocks must be 1 to 12, not 0");
    }

    @Test
    void convolutionsOfStudiesCanBeDeeplearning4jsOwn() {
        assertThat(Output.of("study", "deep-net", "--depth", "2", "--examples", "50", "--epochs", "1", "--no-fast-convolution")
                .lines()).containsOnlyOnce("convolutions: Deeplearning4j (--no-fast-convolution)");
        assertThat(Output.of("study", "scaling", "--help")).as("has no convolutions").doesNotContain("--no-fast-convolution");
    }

    @Test
    void wrongOptionsAreNamed() {
        StringWriter errors = new StringWriter();
        assertThat(Main.execute(new PrintWriter(errors, true), "study", "resnet", "--examples", "10")).isEqualTo(2);
        assertThat(Main.execute(new PrintWriter(errors, true), "study", "deep-net", "--depth", "1")).isEqualTo(2);
        assertThat(Main.execute(new PrintWriter(errors, true), "study", "batch-size", "--report", "/no/such/place/x.html"))
                .isEqualTo(2);
        assertThat(Main.execute(new PrintWriter(errors, true), "study", "batch-size", "--norms", "instance")).isEqualTo(1);
        assertThat(Main.execute(new PrintWriter(errors, true), "study", "debias", "--report", "/no/such/place/x.html"))
                .isEqualTo(2);
        assertThat(Main.execute(new PrintWriter(errors, true), "study", "debias", "--runs", "0")).isEqualTo(2);
        assertThat(Main.execute(new PrintWriter(errors, true), "study", "label-noise", "--noise", "2")).isEqualTo(2);
        assertThat(errors.toString().lines()).hasSize(7).allMatch(line -> line.startsWith("error: "));
    }

    /** A page complete in itself, with a chart for all it promises and colors the page names. */
    @Test
    void theReportIsOneWholePage() throws Exception {
        IdxWriter.write(GeneratedDigits.create(150, 1), directory, "t10k", false);
        Path report = directory.resolve("r.html");
        Path stats = directory.resolve("s.csv");
        Output.of("compare", "--norms", "batch,switchable", "--data", directory.toString(), "--batch", "4", "--epochs", "2",
                "--channels", "2", "--report", report.toString(), "--stats", stats.toString());
        String page = Files.readString(report);
        assertThat(page).startsWith("<!DOCTYPE html>").endsWith("</html>\n").contains("prefers-color-scheme:dark")
                .contains("Training loss", "Test accuracy", "Running statistics", "Mixture weights", "Gradients", "before",
                        "after", "Inside batch", "Inside switchable")
                .doesNotContain("http://www.knowm").doesNotContain("NaN").doesNotContain("rgb(1,0,0)").doesNotContain("<script");
        // Two of all; of three layers: 4 statistics, 3 gradients, 6 distributions for batch, 6 weights besides for the other.
        assertThat(page.split("<figure>", -1)).hasSize(1 + 2 + 6 + 3 + 6 + 6 + 6 + 3 + 6);
        assertThat(page.split("<svg ", -1)).hasSameSizeAs(page.split("</svg>", -1)).hasSameSizeAs(page.split("<figure>", -1));
        assertThat(Files.readAllLines(directory.resolve("s-batch.csv")).get(0)).startsWith("iteration,epoch,layer");
        assertThat(directory.resolve("s-switchable.csv")).isNotEmptyFile();
        assertThat(stats).doesNotExist();
    }

    /** There were "1 epochs", and a dot for each norm instead of a line. */
    @Test
    void oneEpochIsOneEpochAndHasACurveOfAccuracies() throws Exception {
        IdxWriter.write(GeneratedDigits.create(150, 1), directory, "t10k", false);
        Path report = directory.resolve("r.html");
        Output.of("train", "--norm", "layer", "--data", directory.toString(), "--batch", "4", "--epochs", "1", "--channels", "2",
                "--report", report.toString());
        String page = Files.readString(report);
        assertThat(page).contains("; 1 epoch; seed").doesNotContain("1 epochs");
        String chart = page.substring(page.indexOf("<figcaption>Test accuracy"));
        Matcher line = Pattern.compile("<line [^>]*stroke:var\\(--s0\\)").matcher(chart.substring(0, chart.indexOf("</svg>")));
        assertThat(line.results()).as("segments of the line").hasSizeBetween(8, 12);
    }

    /** Of two charts in a row those of the first section were as wide as the page, and so were their letters. */
    @Test
    void chartsAreOfOneWidthInEverySection() throws Exception {
        assertThat(new Page("p").finished()).contains("grid-template-columns:repeat(auto-fill,").doesNotContain("auto-fit");
    }

    /** The picture has the contents on the left, the styles above, eight others, and a band with names on two sides. */
    @Test
    void stylesAreTransferred() throws Exception {
        Path file = directory.resolve("style.png");
        String output = Output.of("study", "style", "--size", "48", "--out", file.toString());
        Matcher line = Pattern.compile("a factor of ([\\d.]+) in the results, on average, and of ([\\d.]+) in the contents")
                .matcher(output);
        assertThat(line.find()).as(output).isTrue();
        assertThat(output.lines()).containsOnlyOnce("convolutions: " + Output.convolutions(3));
        double excess = Double.parseDouble(line.group(1)) - 1;
        assertThat(excess).isBetween(0.0, 0.5 * (Double.parseDouble(line.group(2)) - 1));
        BufferedImage picture = ImageIO.read(file.toFile());
        assertThat(picture.getWidth()).isEqualTo(20 + 5 * 48);
        assertThat(picture.getHeight()).isEqualTo(20 + 3 * 48);
        // A red and white style makes the blue sky red: more of it than of green and blue.
        int red = 0;
        int green = 0;
        for (int x = 0; x < 48; x++) {
            Color sky = new Color(picture.getRGB(20 + 2 * 48 + x, 20 + 48 + 5));
            red += sky.getRed();
            green += sky.getGreen();
        }
        assertThat(red).isGreaterThan(green);
    }

    /** The first batch has weight 1 whatever the decay is; with the bias, it has the weight 1 - decay. */
    @Test
    void debiasedStatisticsOfOneBatchDoNotDependOnTheDecay() throws Exception {
        Path report = directory.resolve("r.html");
        List<String> lines = Output.of("study", "debias", "--runs", "2", "--examples", "130", "--report", report.toString())
                .lines().toList();
        int losses = lines.indexOf(header(lines, "test loss"));
        String[] first = lines.get(losses + 2).split(" +");
        assertThat(first).hasSize(8).startsWith("1");
        assertThat(List.of(first[4], first[6])).containsOnly(first[2]);
        assertThat(List.of(first[1], first[3], first[5], first[2])).doesNotHaveDuplicates();
        assertThat(lines.get(losses + 4)).startsWith("4 ");
        assertThat(Files.readString(report)).contains("Test loss, decay 0.999", "recomputed").doesNotContain("NaN");
    }

    private static String header(List<String> lines, String start) {
        return lines.stream().filter(line -> line.startsWith(start)).findFirst().orElseThrow();
    }

    @Test
    void batchSizesGetAChart() throws Exception {
        Path report = directory.resolve("r.html");
        Output.of("study", "batch-size", "--norms", "group,none", "--examples", "64", "--epochs", "1", "--report",
                report.toString());
        assertThat(Files.readString(report)).contains("Test accuracy by batch size")
                .contains("Training loss, batches of 32", "Test accuracy, batches of 2")
                .containsOnlyOnce("Test accuracy, batches of 8");
    }
}
