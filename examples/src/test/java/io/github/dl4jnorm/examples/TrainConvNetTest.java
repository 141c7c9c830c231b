// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.conf.NormFactory;
import io.github.dl4jnorm.conf.UncenteredNormLayer;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.shade.jackson.databind.JsonNode;
import org.nd4j.shade.jackson.databind.ObjectMapper;

class TrainConvNetTest {
    @TempDir
    private Path directory;

    @BeforeEach
    void writeData() throws IOException {
        IdxWriter.write(GeneratedDigits.create(300, 1), directory, "t10k", true);
    }

    private static int run(StringWriter errors, String... args) {
        return Main.execute(new PrintWriter(errors, true), args);
    }

    @Test
    void comparingWritesOneObjectForEachNorm() throws IOException {
        Path json = directory.resolve("results.json");
        int exit = run(new StringWriter(), "--compare", "--data", directory.toString(), "--batch", "16", "--epochs", "2",
                "--channels", "4", "--json", json.toString());
        assertThat(exit).isZero();
        JsonNode results = new ObjectMapper().readTree(json.toFile());
        List<String> norms = new ArrayList<>();
        results.forEach(result -> norms.add(result.get("norm").asText()));
        assertThat(norms).startsWith("batch", "group", "instance", "layer", "switchable").containsAll(NormFactory.names())
                .endsWith("none");
        for (JsonNode result : results) {
            assertThat(result.get("accuracy").asDouble()).isBetween(0.0, 1.0);
            assertThat(result.get("loss").asDouble()).isPositive().isFinite();
            assertThat(result.get("seconds").asDouble()).isPositive();
            assertThat(result.get("batch").asInt()).isEqualTo(16);
            assertThat(result.get("epochs").asInt()).isEqualTo(2);
            assertThat(result.get("convolutions").asText()).isEqualTo(Output.convolutions(5));
        }
    }

    @Test
    void theTableTheJsonAndTheReportSayWhatRanTheConvolutions() throws IOException {
        Path json = directory.resolve("results.json");
        Path report = directory.resolve("report.html");
        String[] options = {"compare", "--norms", "none,spectral", "--data", directory.toString(), "--epochs", "1",
            "--channels", "2", "--json", json.toString(), "--report", report.toString()};
        assertThat(Output.of(options).lines()).containsOnlyOnce("convolutions: " + Output.convolutions(5));
        assertThat(Files.readString(report)).contains(" convolutions: " + Output.convolutions(5) + ".");
        String off = "Deeplearning4j (--no-fast-convolution)";
        assertThat(Output.of(Stream.concat(Stream.of(options), Stream.of("--no-fast-convolution")).toArray(String[]::new))
                .lines()).containsOnlyOnce("convolutions: " + off).noneMatch(line -> line.contains("oneDNN"));
        assertThat(Files.readString(report)).contains(" convolutions: " + off + ".");
        assertThat(new ObjectMapper().readTree(json.toFile())).hasSize(2)
                .allSatisfy(result -> assertThat(result.get("convolutions").asText()).isEqualTo(off));
    }

    /** The same weights, data and order: what remains is rounding, which grows from step to step. */
    @Test
    void bothConvolutionsTrainTheSameNetwork() throws IOException {
        double[] losses = new double[2];
        for (int i = 0; i < 2; i++) {
            Path json = directory.resolve("results.json");
            List<String> args = new ArrayList<>(List.of("--data", directory.toString(), "--epochs", "1", "--channels", "4",
                    "--json", json.toString()));
            args.addAll(i == 0 ? List.of() : List.of("--no-fast-convolution"));
            assertThat(run(new StringWriter(), args.toArray(String[]::new))).isZero();
            losses[i] = new ObjectMapper().readTree(json.toFile()).get(0).get("loss").asDouble();
        }
        assertThat(losses[0]).isCloseTo(losses[1], within(1e-4 * losses[1]));
    }

    @ParameterizedTest
    @CsvSource({"standardize", "none"})
    void everyScaleTrains(String scale) {
        assertThat(run(new StringWriter(), "--norm", "layer", "--data", directory.toString(), "--epochs", "1",
                "--channels", "2", "--scale", scale)).isZero();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "--norm median|median",
        "--batch 0|--batch must be at least 1, not 0",
        "--batch 500|--batch 500 exceeds the 240 training examples",
        "--epochs 0|--epochs must be at least 1",
        "--test-fraction 1|--test-fraction must be between 0 and 1",
        "--learning-rate -1|--learning-rate must be positive",
        "--dataset mnist|--data and --dataset are mutually exclusive",
        "--json /no/such/place/x.json|--json: directory /no/such/place does not exist"})
    void wrongOptionsAreNamedAndEndWithTwo(String options, String message) {
        StringWriter errors = new StringWriter();
        List<String> args = new ArrayList<>(List.of("--data", directory.toString()));
        args.addAll(List.of(options.split(" ")));
        assertThat(run(errors, args.toArray(new String[0]))).isEqualTo(2);
        assertThat(errors.toString()).contains(message);
    }

    @Test
    void unreadableDataIsOneLineAndEndsWithOne() throws IOException {
        StringWriter errors = new StringWriter();
        assertThat(run(errors, "--data", directory.resolve("nothing").toString())).isEqualTo(1);
        Path empty = Files.createDirectory(directory.resolve("empty"));
        assertThat(run(errors, "--data", empty.toString())).isEqualTo(1);
        assertThat(errors.toString().lines()).hasSize(2)
                .allSatisfy(line -> assertThat(line).startsWith("error: ").containsAnyOf("not a directory", "no IDX files"));
    }

    /** Pixel by pixel they made the noise of the background as strong as the digits, and stayed at 10 %. */
    @ParameterizedTest
    @ValueSource(strings = {"rms", "unit"})
    void imagesAreNormalizedAsAWhole(String name) {
        ConvolutionLayer convolution = new ConvolutionLayer.Builder(3, 3).nIn(1).nOut(4).activation(Activation.RELU).build();
        List<Layer> block = new NormChoice(name).block(4).around(convolution);
        assertThat(((UncenteredNormLayer) block.get(1)).isPerPosition()).isFalse();
    }

    @Test
    void generatedDigitsAreTheSameForTheSameSeed() {
        DataSet digits = GeneratedDigits.create(50, 7);
        assertThat(GeneratedDigits.create(50, 7).getFeatures()).isEqualTo(digits.getFeatures());
        assertThat(GeneratedDigits.create(50, 8).getFeatures()).isNotEqualTo(digits.getFeatures());
        assertThat(digits.getFeatures().minNumber().doubleValue()).isGreaterThanOrEqualTo(0);
        assertThat(digits.getFeatures().maxNumber().doubleValue()).isLessThanOrEqualTo(255).isGreaterThan(150);
        assertThat(digits.getLabels().sum(0).minNumber().intValue()).isPositive();
    }
}
