// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.layer.NormalizationLayer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.util.ModelSerializer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.api.preprocessor.ImagePreProcessingScaler;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** The commands that change model files. */
class ModelCommandsTest {
    private final StringWriter errors = new StringWriter();

    @TempDir
    private Path directory;

    private Path model;
    private MultiLayerNetwork net;

    @BeforeEach
    void saveAModel() throws IOException {
        net = new MultiLayerNetwork(new NeuralNetConfiguration.Builder().seed(1).list()
                .layer(new ConvolutionLayer.Builder(5, 5).stride(3, 3).nOut(4).activation(Activation.IDENTITY).build())
                .layer(new BatchNormalization.Builder().build())
                .layer(new OutputLayer.Builder(LossFunction.MCXENT).nOut(10).activation(Activation.SOFTMAX).build())
                .setInputType(InputType.convolutional(28, 28, 1)).build());
        net.init();
        net.getParam("1_mean").assign(0.1);
        model = directory.resolve("model.zip");
        ModelSerializer.writeModel(net, model.toFile(), true);
        ModelSerializer.addNormalizerToModel(model.toFile(), new ImagePreProcessingScaler(0, 1));
    }

    private int run(String... args) {
        return Main.execute(new PrintWriter(errors, true), args);
    }

    private Path out(String name) {
        return directory.resolve(name);
    }

    private void assertSameOutput(Model changed) {
        Nd4j.getRandom().setSeed(4);
        INDArray x = Nd4j.rand(DataType.FLOAT, 3, 1, 28, 28);
        INDArray found = changed instanceof MultiLayerNetwork sequence ? sequence.output(x)
                : ((ComputationGraph) changed).outputSingle(x);
        assertThat(found.sub(net.output(x)).amaxNumber().doubleValue()).isLessThan(1e-5);
    }

    @Test
    void convertedAndFoldedModelsGiveTheSameOutputsAndKeepTheirNormalizer() throws IOException {
        assertThat(run("convert", model.toString(), out("ours.zip").toString())).as("%s", errors).isZero();
        ModelFiles.Loaded ours = ModelFiles.read(out("ours.zip"));
        assertThat(((MultiLayerNetwork) ours.net()).getLayer(1)).isInstanceOf(NormalizationLayer.class);
        assertThat(ours.normalizer()).isInstanceOf(ImagePreProcessingScaler.class);
        assertSameOutput(ours.net());
        assertThat(run("fold", out("ours.zip").toString(), out("ours.zip").toString())).as("%s", errors).isZero();
        Model folded = ModelFiles.read(out("ours.zip")).net();
        assertThat(((MultiLayerNetwork) folded).getnLayers()).isEqualTo(2);
        assertSameOutput(folded);
        try (Stream<Path> files = Files.list(directory)) {
            assertThat(files.map(file -> file.getFileName().toString())).containsExactlyInAnyOrder("model.zip", "ours.zip");
        }
    }

    @Test
    void foldSaysWhatBecameOfEveryNormAndThatANetworkHasNone() throws IOException {
        String first = printed(0, "fold", model.toString(), out("folded.zip").toString());
        assertThat(first).contains("layer1: folded into layer0", "1 of 1 norms folded");
        String second = printed(1, "fold", "--masks", "everything", out("folded.zip").toString(), out("again.zip").toString());
        assertThat(second).contains("nothing to fold: the network has no normalization layers");
        assertThat(out("again.zip")).doesNotExist();
        assertThat(run("fold", "--masks", "some", model.toString(), out("other.zip").toString())).isEqualTo(2);
    }

    private String printed(int exitCode, String... args) {
        PrintStream before = System.out;
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        System.setOut(new PrintStream(bytes, true, StandardCharsets.UTF_8));
        try {
            assertThat(run(args)).as("%s", errors).isEqualTo(exitCode);
        } finally {
            System.setOut(before);
        }
        return bytes.toString(StandardCharsets.UTF_8);
    }

    @Test
    void aGraphIsReadAsAGraph() throws IOException {
        ComputationGraphConfiguration conf = new NeuralNetConfiguration.Builder().seed(1).graphBuilder().addInputs("in")
                .addLayer("conv", new ConvolutionLayer.Builder(5, 5).stride(3, 3).nOut(4).activation(Activation.IDENTITY)
                        .build(), "in")
                .addLayer("norm", new BatchNormalization.Builder().build(), "conv")
                .addLayer("out", new OutputLayer.Builder(LossFunction.MCXENT).nOut(10).activation(Activation.SOFTMAX)
                        .build(), "norm")
                .setOutputs("out").setInputTypes(InputType.convolutional(28, 28, 1)).build();
        ComputationGraph graph = new ComputationGraph(conf);
        graph.init();
        graph.setParams(net.params());
        ModelSerializer.writeModel(graph, out("graph.zip").toFile(), false);
        assertThat(run("fold", out("graph.zip").toString(), out("folded.zip").toString())).as("%s", errors).isZero();
        Model folded = ModelFiles.read(out("folded.zip")).net();
        assertThat(folded.numParams()).isEqualTo(net.numParams() - 16);
        assertSameOutput(folded);
    }

    @Test
    void otherNormsAreChosenByName() throws IOException {
        for (String target : List.of("group", "instance", "layer", "switchable")) {
            assertThat(run("convert", "--to", target, "--groups", "2", model.toString(), out(target).toString()))
                    .as("%s", errors).isZero();
            MultiLayerNetwork converted = (MultiLayerNetwork) ModelFiles.read(out(target)).net();
            assertThat(converted.getLayer(1).conf().getLayer().getClass().getSimpleName().toLowerCase())
                    .startsWith(target);
        }
        assertThat(run("convert", "--freeze-statistics", model.toString(), out("frozen").toString())).isZero();
        assertThat(((MultiLayerNetwork) ModelFiles.read(out("frozen")).net()).getLayerWiseConfigurations().toJson())
                .contains("\"statisticsFrozen\" : true");
    }

    @Test
    void statisticsAreRecomputed() throws IOException {
        IdxWriter.write(GeneratedDigits.create(60, 1), directory, "t10k", true);
        assertThat(run("convert", model.toString(), out("ours.zip").toString())).isZero();
        for (String method : List.of("paper", "exact")) {
            assertThat(run("recompute", "--data", directory.toString(), "--method", method, "--batch", "20",
                    out("ours.zip").toString(), out(method).toString())).as("%s", errors).isZero();
            MultiLayerNetwork recomputed = (MultiLayerNetwork) ModelFiles.read(out(method)).net();
            double[] mean = ((NormalizationLayer) recomputed.getLayer(1)).runningMean();
            assertThat(Arrays.stream(mean)).noneMatch(m -> Math.abs(m - 0.1) < 1e-7);
            assertThat(recomputed.getParam("0_W")).isEqualTo(net.getParam("0_W"));
        }
    }

    /** A copy that looks like a result misleads. */
    @Test
    void aCommandThatWouldChangeNothingSaysSoAndWritesNothing() throws IOException {
        IdxWriter.write(GeneratedDigits.create(60, 1), directory, "t10k", true);
        String group = out("group.zip").toString();
        String same = out("same.zip").toString();
        assertThat(Output.of("convert", "--to", "group", "--groups", "2", model.toString(), group)).contains("1 norms replaced");
        assertThat(run("convert", "--to", "switchable", group, same)).isEqualTo(1);
        assertThat(run("fold", group, same)).isEqualTo(1);
        assertThat(run("recompute", "--data", directory.toString(), group, same)).isEqualTo(1);
        assertThat(errors.toString().lines()).hasSize(3).allSatisfy(line -> assertThat(line).startsWith("error: 0 ")
                .contains("group.zip has 1 GroupNormalization").contains("same.zip is not written"));
        assertThat(Path.of(same)).doesNotExist();
        ModelSerializer.writeModel(withoutNorms(), model.toFile(), true);
        assertThat(run("convert", model.toString(), same)).isEqualTo(1);
        assertThat(errors.toString()).contains("error: 0 norms replaced: " + model + " has no norms");
    }

    private static MultiLayerNetwork withoutNorms() {
        MultiLayerNetwork plain = new MultiLayerNetwork(new NeuralNetConfiguration.Builder().list()
                .layer(new OutputLayer.Builder(LossFunction.MCXENT).nIn(3).nOut(2).activation(Activation.SOFTMAX).build())
                .build());
        plain.init();
        return plain;
    }

    @Test
    void aTrainedNetworkIsSaved() throws IOException {
        IdxWriter.write(GeneratedDigits.create(60, 1), directory, "t10k", true);
        assertThat(run("--data", directory.toString(), "--epochs", "1", "--channels", "2", "--save", out("t.zip").toString()))
                .as("%s", errors).isZero();
        assertThat(ModelFiles.read(out("t.zip")).net().numParams()).isPositive();
        assertThat(run("--compare", "--save", out("t.zip").toString())).isEqualTo(2);
    }

    @Test
    void badFilesAndOptionsAreOneLineAndWriteNothing() throws IOException {
        byte[] whole = Files.readAllBytes(model);
        Files.write(out("cut.zip"), Arrays.copyOf(whole, whole.length / 2));
        Files.write(out("empty.zip"), new byte[0]);
        String result = out("result.zip").toString();
        assertThat(run("fold", out("cut.zip").toString(), result)).isEqualTo(1);
        assertThat(run("fold", out("empty.zip").toString(), result)).isEqualTo(1);
        assertThat(run("fold", out("missing.zip").toString(), result)).isEqualTo(1);
        assertThat(run("convert", "--to", "group", "--groups", "3", model.toString(), result)).isEqualTo(1);
        assertThat(errors.toString().lines()).hasSize(4).allSatisfy(line -> assertThat(line).startsWith("error: "));
        assertThat(errors.toString()).contains("cut.zip is not a complete Deeplearning4j model file")
                .contains("missing.zip is not a file")
                .contains("divisible by groups = 3");
        assertThat(run("convert", "--groups", "0", model.toString(), result)).isEqualTo(2);
        assertThat(run("fold", model.toString(), "/no/such/place/x.zip")).isEqualTo(2);
        assertThat(run("fold", model.toString())).isEqualTo(2);
        assertThat(Path.of(result)).doesNotExist();
    }
}
