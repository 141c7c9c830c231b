// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.conf.SyncBatchNormalization;
import io.github.dl4jnorm.keras.NormImports;
import io.github.dl4jnorm.onnx.OnnxNorms;
import io.github.dl4jnorm.parallel.SynchronizedTraining;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import onnx.Onnx;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.parallelism.ParallelWrapper;
import org.deeplearning4j.util.ModelSerializer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.factory.Nd4j;

/** Without what a package needs for itself, all others train, save and load, and the package says what is missing. */
@Tag("once")
@Tag("long")
class OptionalDependenciesTest {
    private static final String TRAINED = "trained, saved and loaded";
    /** The operators that are imported without Deeplearning4j's importer. */
    private static final String TESTED = "TESTED: works";

    /** What a package needs, and what its methods say without it. */
    enum Dependency {
        KERAS("deeplearning4j-modelimport", "Keras import needs the dependency org.deeplearning4j:deeplearning4j-modelimport"),
        ONNX("samediff-import-onnx", "Deeplearning4j's ONNX importer needs the dependency org.nd4j:samediff-import-onnx"),
        RUNTIME("onnxruntime", "Comparing with ONNX Runtime needs the dependency com.microsoft.onnxruntime:onnxruntime"),
        /** What takes a wrapper cannot be called without one: the application fails before. */
        PARALLEL("deeplearning4j-parallel-wrapper", "NoClassDefFoundError: org/deeplearning4j/parallelism/ParallelWrapper");

        private final String artifact;
        private final String message;

        Dependency(String artifact, String message) {
            this.artifact = artifact;
            this.message = message;
        }
    }

    /** An application that may lack them. */
    static final class Application {
        private Application() {
        }

        /**
         * Trains, and calls each package.
         *
         * @param args none
         * @throws IOException if the network cannot be saved
         */
        public static void main(String[] args) throws IOException {
            MultiLayerNetwork net = new MultiLayerNetwork(new NeuralNetConfiguration.Builder().list()
                    .layer(new DenseLayer.Builder().nIn(3).nOut(4).build())
                    .layer(new SyncBatchNormalization.Builder().build())
                    .layer(new OutputLayer.Builder().nOut(2).build()).build());
            net.init();
            net.fit(Nd4j.rand(8, 3), Nd4j.rand(8, 2));
            File saved = File.createTempFile("net", ".zip");
            saved.deleteOnExit();
            ModelSerializer.writeModel(net, saved, true);
            if (MultiLayerNetwork.load(saved, true).equals(net)) {
                System.out.println(TRAINED);
            }
            say("KERAS", () -> NormImports.importKeras(saved.toPath()));
            say("KERAS", NormImports::registerKeras);
            say("ONNX", () -> OnnxNorms.importModel(model(saved, "Acos"), OnnxNorms.Options.allowUntested()));
            say("TESTED", () -> OnnxNorms.importModel(model(saved, "Cos")));
            say("RUNTIME", () -> OnnxNorms.verify(saved.toPath(), OnnxNorms.importModel(model(saved, "Cos"))));
            say("PARALLEL", () -> SynchronizedTraining.install(new ParallelWrapper.Builder<>(net).workers(2).build()));
        }

        private static Path model(File file, String operator) throws IOException {
            Onnx.TypeProto type = Onnx.TypeProto.newBuilder().setTensorType(Onnx.TypeProto.Tensor.newBuilder()
                    .setElemType(Onnx.TensorProto.DataType.FLOAT_VALUE).setShape(Onnx.TensorShapeProto.newBuilder()
                            .addDim(Onnx.TensorShapeProto.Dimension.newBuilder().setDimValue(1)))).build();
            return Files.write(file.toPath(), Onnx.ModelProto.newBuilder()
                    .addOpsetImport(Onnx.OperatorSetIdProto.newBuilder().setVersion(13))
                    .setGraph(Onnx.GraphProto.newBuilder()
                            .addInput(Onnx.ValueInfoProto.newBuilder().setName("x").setType(type))
                            .addNode(Onnx.NodeProto.newBuilder().setOpType(operator).addInput("x").addOutput("y"))
                            .addOutput(Onnx.ValueInfoProto.newBuilder().setName("y").setType(type))).build().toByteArray());
        }

        private interface Call {
            void run() throws Exception;
        }

        private static void say(String name, Call call) {
            String said = "works";
            try {
                call.run();
            } catch (Exception | NoClassDefFoundError e) {
                said = e.toString();
            }
            System.out.println(name + ": " + said);
        }
    }

    private static String output(String without) throws IOException, InterruptedException {
        String classPath = Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(entry -> !Path.of(entry).getFileName().toString().matches("(" + without + ")-\\d.*jar"))
                .collect(Collectors.joining(File.pathSeparator));
        assertThat(classPath).isNotEqualTo(System.getProperty("java.class.path"));
        Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-cp",
                classPath, Application.class.getName()).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(60, TimeUnit.SECONDS) && process.exitValue() == 0).as(output).isTrue();
        return output;
    }

    @ParameterizedTest
    @EnumSource
    @Tag("full")
    void withoutOneAllElseWorks(Dependency missing) throws IOException, InterruptedException {
        String output = output(missing.artifact);
        assertThat(output).contains(TRAINED, TESTED);
        for (Dependency each : Dependency.values()) {
            assertThat(output.lines().filter(line -> line.startsWith(each.name() + ": ")))
                    .isNotEmpty().allSatisfy(line -> {
                        if (each == missing) {
                            assertThat(line).contains(each.message);
                        } else {
                            assertThat(line).doesNotContain(each.message, "NoClassDefFoundError", "needs the dependency");
                        }
                    });
        }
    }

    @Test
    void withoutAnyTheLayersWork() throws IOException, InterruptedException {
        String output = output(Arrays.stream(Dependency.values()).map(each -> each.artifact).collect(Collectors.joining("|"))
                + "|samediff-import-api");
        assertThat(output).contains(TRAINED, TESTED);
        assertThat(Dependency.values()).allSatisfy(each -> assertThat(output).contains(each.message));
    }

    @ParameterizedTest
    @EnumSource
    void thePomSaysThatItIsOptional(Dependency dependency) throws IOException {
        String pom = Files.readString(Path.of("pom.xml"));
        assertThat(pom.split("<artifactId>" + dependency.artifact + "</artifactId>\\s*<optional>true</optional>")).hasSize(2);
        assertThat(pom.split("<artifactId>" + dependency.artifact)).hasSize(2);
    }
}
