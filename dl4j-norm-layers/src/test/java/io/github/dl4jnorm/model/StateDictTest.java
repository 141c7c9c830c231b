// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jnorm.conf.LayerNormLSTM;
import io.github.dl4jnorm.conf.LayerNormalization;
import io.github.dl4jnorm.conf.RunningStatistics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.graph.PreprocessorVertex;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.CenterLossOutputLayer;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.EmbeddingLayer;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.preprocessor.CnnToFeedForwardPreProcessor;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Whole networks of PyTorch give their outputs here, and what is written has PyTorch's names, shapes and numbers. */
@Tag("once")
class StateDictTest {
    @TempDir
    private Path directory;

    static Stream<Arguments> ways() {
        return Stream.of(TorchNetworks.values()).flatMap(network -> IntStream.range(0, network.ways)
                .mapToObj(way -> Arguments.of(network, way)));
    }

    private static UnaryOperator<String> modules(TorchNetworks network, Model net) {
        return PyTorchWeights.inOrder(net, network.modules);
    }

    private static Map<String, INDArray> content(Path path) throws IOException {
        Map<String, INDArray> content = new LinkedHashMap<>();
        try (Safetensors file = new Safetensors(path)) {
            SafetensorsHeader header = SafetensorsTest.header(path);
            for (String name : file.names()) {
                SafetensorsHeader.Tensor tensor = header.tensors().get(name);
                long[] shape = tensor.shape().stream().mapToLong(Number::longValue).toArray();
                content.put(name, tensor.isReal() ? file.values(name, shape)
                        : Nd4j.createFromArray(file.integers(name, 1)).reshape('c', shape));
            }
        }
        return content;
    }

    private static INDArray output(TorchNetworks network, Model net, boolean last) throws IOException {
        INDArray x = switch (network) {
            case IMAGE -> network.inOut("x", 2, 3, 6, 8);
            case SEQUENCE -> network.inOut("x", 2, 5);
            case DENSE -> network.inOut("x", 3, 4);
            case TRANSPOSED -> network.inOut("x", 2, 2, 4, 4);
            case VOLUME -> network.inOut("x", 2, 2, 2, 4, 4);
            case FLAT -> network.inOut("x", 2, 2, 2, 3, 4);
            case WAVE -> network.inOut("x", 2, 3, 7);
        };
        INDArray given = !last ? x : x.rank() == 4 ? x.permute(0, 2, 3, 1).dup('c') : x.permute(0, 2, 3, 4, 1).dup('c');
        INDArray y = Nets.output(net, given);
        return !last || y.rank() == 2 ? y : y.rank() == 4 ? y.permute(0, 3, 1, 2) : y.permute(0, 4, 1, 2, 3);
    }

    @ParameterizedTest
    @MethodSource("ways")
    void outputsAreThoseOfPyTorch(TorchNetworks network, int way) throws IOException {
        Model net = network.build(way);
        UnaryOperator<String> modules = modules(network, net);
        assertThat(PyTorchWeights.loadStateDict(net, network.file(), modules)).hasSize(network.modules.size());
        boolean last = way == 1 && network != TorchNetworks.SEQUENCE;
        INDArray y = output(network, net, last);
        INDArray expected = network.inOut("y", y.shape());
        assertThat(y.sub(expected).amaxNumber().doubleValue()).isLessThan(1e-5 * expected.amaxNumber().doubleValue());
    }

    @ParameterizedTest
    @MethodSource("ways")
    void whatIsWrittenIsWhatPyTorchWrote(TorchNetworks network, int way) throws IOException {
        Model net = network.build(way);
        UnaryOperator<String> modules = modules(network, net);
        PyTorchWeights.loadStateDict(net, network.file(), modules);
        Path file = directory.resolve("net.safetensors");
        PyTorchWeights.saveStateDict(net, file, modules);
        Map<String, INDArray> written = content(file);
        Map<String, INDArray> expected = content(network.file());
        assertThat(written.keySet()).isEqualTo(expected.keySet());
        expected.forEach((name, array) -> {
            INDArray found = written.get(name);
            assertThat(found.shape()).as(name).isEqualTo(array.shape());
            if (name.contains("bias_ih")) {
                // Deeplearning4j has one bias.
                String other = name.replace("_ih", "_hh");
                assertThat(found.add(written.get(other))).as(name).isEqualTo(array.add(expected.get(other)));
            } else if (!name.contains("bias_hh") && !name.endsWith(NormArrays.COUNT)) {
                assertThat(found.sub(array).amaxNumber().doubleValue()).as(name)
                        .isLessThanOrEqualTo(name.endsWith("running_var") ? 1e-6 : 0);
            }
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"net.npz", "arrays"})
    void filesOfNumpyServeAsWell(String name) throws IOException {
        Model net = image();
        PyTorchWeights.saveStateDict(net, directory.resolve(name));
        Model again = image();
        again.params().assign(1);
        PyTorchWeights.loadStateDict(again, directory.resolve(name));
        assertThat(again.params().sub(net.params()).amaxNumber().doubleValue()).isLessThan(1e-6);
    }

    private static Model image() {
        return TorchNetworks.IMAGE.build(0);
    }

    /** A file like that of IMAGE with something else. */
    private Path changed(String name, INDArray other) throws IOException {
        Map<String, INDArray> tensors = content(TorchNetworks.IMAGE.file());
        tensors.replaceAll((key, array) -> key.endsWith(NormArrays.COUNT) ? array.castTo(DataType.LONG) : array);
        if (other == null) {
            assertThat(tensors.remove(name)).isNotNull();
        } else {
            tensors.put(name, other);
        }
        Path file = directory.resolve("changed.safetensors");
        Safetensors.write(file, tensors);
        return file;
    }

    private static void assertRefused(Model net, Path file, UnaryOperator<String> modules, String... messages) {
        INDArray before = net.params().dup();
        assertThatThrownBy(() -> PyTorchWeights.loadStateDict(net, file, modules))
                .isInstanceOf(IOException.class).hasMessageStartingWith(file + " does not fit the network:\n  ")
                .hasMessageContainingAll(messages);
        assertThat(net.params()).isEqualTo(before);
    }

    @Test
    void whatDoesNotFitIsRefusedBeforeAnythingIsChanged() throws IOException {
        Model net = image();
        UnaryOperator<String> modules = modules(TorchNetworks.IMAGE, net);
        assertRefused(net, changed("features.4.bias", null), modules,
                "layer \"layer4\": expected features.4.bias of shape (6,), got none");
        assertRefused(net, changed("features.5.running_var", null), modules,
                "layer \"layer5\": expected features.5.running_var of shape (6,), got none");
        assertRefused(net, changed("features.0.bias", Nd4j.ones(DataType.FLOAT, 4)), modules,
                "features.0.bias: no layer has this tensor");
        assertRefused(net, changed("features.4.weight", Nd4j.ones(DataType.FLOAT, 4, 6, 2, 3)), modules, "layer \"layer4\": ",
                "features.4.weight: expected shape (6, 4, 2, 3), got F32 of shape (4, 6, 2, 3)");
        assertRefused(net, changed("classifier.2.bias", Nd4j.ones(DataType.FLOAT, 4)), modules,
                "classifier.2.bias: expected 3 elements, got F32 of shape (4,)");
        assertRefused(net, changed("classifier.2.bias", Nd4j.createFromArray(1, Double.NaN, 2)), modules,
                "classifier.2.bias: expected finite numbers within the range of FLOAT, got others");
        assertRefused(net, changed("classifier.2.bias", Nd4j.createFromArray(1, 1e300, 2)), modules,
                "classifier.2.bias: expected finite numbers within the range of FLOAT, got others");
        assertRefused(net, changed("classifier.2.bias", Nd4j.createFromArray(1L, 2L, 3L)), modules,
                "classifier.2.bias: expected F16, BF16, F32 or F64, got I64 of shape (3,)");
        assertRefused(net, changed("features.1.num_batches_tracked", null).resolveSibling("changed.safetensors"),
                name -> name.equals("layer0") ? "first" : modules.apply(name),
                "expected first.weight of shape (4, 3, 3, 3), got none",
                "features.0.weight: no layer has this tensor");
        Model stock = TorchNetworks.IMAGE.build(1);
        UnaryOperator<String> same = modules(TorchNetworks.IMAGE, stock);
        for (String norm : List.of("features.1", "features.5")) {
            assertRefused(stock, changed(norm + ".running_var", Nd4j.createFromArray(1f, -1, 1, 1, 1, 1)
                    .reshape(norm.equals("features.1") ? new long[]{2, 3} : new long[]{6})), same, norm + ".running_var");
        }
        assertRefused(stock, changed("features.5.running_var", Nd4j.createFromArray(1f, -1, 1, 1, 1, 1)), same,
                "features.5.running_var: expected non-negative numbers, got -1.0");
    }

    @Test
    void allProblemsAreListedAtOnce() throws IOException {
        Model net = image();
        assertThatThrownBy(() -> PyTorchWeights.loadStateDict(net, TorchNetworks.IMAGE.file())).isInstanceOf(IOException.class)
                .satisfies(e -> assertThat(e.getMessage().lines()).hasSize(1 + 15 + 17));
        List<Layer> many = new ArrayList<>();
        for (int i = 0; i < 30; i++) {
            many.add(new DenseLayer.Builder().nOut(4).build());
        }
        MultiLayerNetwork deep = Nets.sequence(InputType.feedForward(4), many.toArray(Layer[]::new));
        assertThatThrownBy(() -> PyTorchWeights.loadStateDict(deep, TorchNetworks.WAVE.file()))
                .hasMessageContaining("layer \"layer24\": expected layer24.bias").hasMessageEndingWith("and 18 more");
    }

    @Test
    void layersWithoutACounterpartAreRefusedUnlessTheyAreSkipped() throws IOException {
        Layer[] others = {new LayerNormLSTM.Builder().nOut(4).build(),
            new DenseLayer.Builder().nOut(4).hasLayerNorm(true).build(),
            new EmbeddingLayer.Builder().nIn(4).nOut(4).hasBias(true).build(),
            new CenterLossOutputLayer.Builder().nOut(4).build()};
        for (Layer other : others) {
            boolean recurrent = other instanceof LayerNormLSTM;
            MultiLayerNetwork net = Nets.sequence(recurrent ? InputType.recurrent(4, 5) : InputType.feedForward(4),
                    recurrent ? new LSTM.Builder().nOut(4).build() : new DenseLayer.Builder().nOut(4).build(), other);
            Path file = directory.resolve("net.safetensors");
            Files.deleteIfExists(file);
            assertThatThrownBy(() -> PyTorchWeights.saveStateDict(net, file)).isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("layer \"layer1\": expected a layer that can be exchanged with PyTorch, got "
                            + other.getClass().getSimpleName() + " with the parameters [");
            assertThat(file).doesNotExist();
            UnaryOperator<String> some = name -> name.equals("layer1") ? null : name;
            PyTorchWeights.saveStateDict(net, file, some);
            assertRefused(net, file, UnaryOperator.identity(), "layer \"layer1\": expected a layer that can be exchanged");
            assertThat(PyTorchWeights.loadStateDict(net, file, some)).containsExactly("layer0");
        }
    }

    @Test
    void namesAreThoseOfTheLayersUnlessTheyAreMapped() throws IOException {
        MultiLayerNetwork net = Nets.sequence(InputType.feedForward(4), new DenseLayer.Builder().nOut(3).name("fc").build(),
                Nets.ours().runningStatistics(RunningStatistics.cumulative()).name("bn").build());
        net.getParam("1_batches").assign(5);
        Path file = directory.resolve("net.safetensors");
        PyTorchWeights.saveStateDict(net, file);
        assertThat(content(file)).containsOnlyKeys("fc.weight", "fc.bias", "bn.weight", "bn.bias", "bn.running_mean",
                "bn.running_var", "bn.num_batches_tracked");
        assertThat(content(file).get("bn.num_batches_tracked").getDouble(0)).isEqualTo(5);
        Model other = Nets.sequence(InputType.feedForward(4), new DenseLayer.Builder().nOut(3).name("fc").build(),
                Nets.ours().runningStatistics(RunningStatistics.cumulative()).name("bn").build());
        assertThat(PyTorchWeights.loadStateDict(other, file)).containsExactly("fc", "bn");
        assertThat(other.params()).isEqualTo(net.params());
        // As for another head: what the file has for it is ignored, and the layer keeps its parameters.
        assertThat(PyTorchWeights.loadStateDict(other, file, name -> name.equals("bn") ? null : name,
                name -> name.startsWith("bn."))).containsExactly("fc");
        PyTorchWeights.saveStateDict(net, file, name -> name.equals("fc") ? "" : null);
        assertThat(content(file)).containsOnlyKeys("weight", "bias");
        assertThatThrownBy(() -> PyTorchWeights.saveStateDict(net, file, name -> "x"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("layer \"bn\": expected a module of its own, got that of another layer, with x.weight");
        assertThatThrownBy(() -> PyTorchWeights.saveStateDict(net, file, name -> null))
                .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("expected layers with parameters, got none");
        assertThatThrownBy(() -> PyTorchWeights.inOrder(net, List.of("fc"))).isInstanceOf(IllegalArgumentException.class)
                .hasMessage("expected a module for each of the 2 layers [fc, bn], got the 1 modules [fc]");
    }

    @Test
    void layersWithTheNamesOfModulesNeedNoMapping() throws IOException {
        MultiLayerNetwork net = (MultiLayerNetwork) TorchNetworks.DENSE.build(0);
        var graph = Nets.base().graphBuilder().addInputs("in").setInputTypes(InputType.feedForward(4));
        String before = "in";
        for (int i = 0; i < net.getnLayers(); i++) {
            String name = TorchNetworks.DENSE.modules.get(i);
            graph.addLayer(name, net.getLayerWiseConfigurations().getConf(i).getLayer().clone(), before);
            before = name;
        }
        Model named = Nets.graph(graph.setOutputs(before));
        assertThat(PyTorchWeights.loadStateDict(named, TorchNetworks.DENSE.file()))
                .containsExactlyElementsOf(TorchNetworks.DENSE.modules);
        PyTorchWeights.loadStateDict(net, TorchNetworks.DENSE.file(), modules(TorchNetworks.DENSE, net));
        assertThat(named.params()).isEqualTo(net.params());
    }

    /** The order of the elements would be another one in PyTorch, for a layer that cannot undo it. */
    @Test
    void channelsLastInputIsFlattenedForDenseLayersAlone() {
        var processor = new CnnToFeedForwardPreProcessor(2, 2, 4, CNN2DFormat.NHWC);
        InputType type = InputType.convolutional(2, 2, 4, CNN2DFormat.NHWC);
        MultiLayerNetwork norm = new MultiLayerNetwork(Nets.base().list(Nets.ours().build(),
                new DenseLayer.Builder().nOut(2).build()).inputPreProcessor(0, processor).setInputType(type).build());
        norm.init();
        Model vertex = Nets.graph(Nets.base().graphBuilder().addInputs("in").setInputTypes(type)
                .addVertex("flat", new PreprocessorVertex(processor), "in")
                .addLayer("fc", new DenseLayer.Builder().nOut(2).build(), "flat").setOutputs("fc"));
        for (Model net : List.of(norm, vertex)) {
            assertThatThrownBy(() -> PyTorchWeights.saveStateDict(net, directory.resolve("net.safetensors")))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("expected a dense layer where channels-last input is flattened, got ");
        }
    }

    /** PyTorch's layer norm of images has the shape of an image, channels first. */
    @Test
    void elementwiseLayerNorms() throws IOException {
        Layer norm = new LayerNormalization.Builder().elementwiseAffine(true).name("ln").build();
        MultiLayerNetwork net = Nets.sequence(InputType.convolutional(2, 3, 4), norm);
        INDArray weight = Nd4j.arange(24).castTo(DataType.FLOAT).reshape('c', 4, 2, 3);
        Path file = directory.resolve("net.safetensors");
        Safetensors.write(file, Map.of("ln.weight", weight, "ln.bias", weight.neg()));
        PyTorchWeights.loadStateDict(net, file);
        assertThat(net.getParam("0_gamma").toFloatVector()).containsExactly(weight.reshape(24).toFloatVector());
        PyTorchWeights.saveStateDict(net, file);
        assertThat(content(file).get("ln.weight")).isEqualTo(weight.reshape(24));
        MultiLayerNetwork last = Nets.sequence(InputType.convolutional(2, 3, 4, CNN2DFormat.NHWC), norm.clone());
        assertRefused(last, file, UnaryOperator.identity(), "layer \"ln\": expected channels-first for elementwiseAffine");
    }

    /** A tensor is held in the type of the network. */
    @ParameterizedTest
    @EnumSource(value = DataType.class, names = {"DOUBLE", "HALF"})
    void otherTypesAreRounded(DataType type) throws IOException {
        Layer dense = new DenseLayer.Builder().nOut(3).name("fc").build();
        MultiLayerNetwork net = Nets.sequence(Nets.base().dataType(type), InputType.feedForward(4), dense, Nets.ours().build());
        Path file = directory.resolve("net.safetensors");
        PyTorchWeights.saveStateDict(net, file);
        assertThat(content(file).get("fc.weight").dataType()).isEqualTo(type == DataType.HALF ? DataType.FLOAT : type);
        MultiLayerNetwork other = Nets.sequence(Nets.base().seed(9).dataType(type), InputType.feedForward(4), dense.clone(),
                Nets.ours().build());
        PyTorchWeights.loadStateDict(other, file);
        assertThat(other.params().sub(net.params()).amaxNumber().doubleValue()).isLessThan(type == DataType.HALF ? 1e-2 : 1e-14);
        Safetensors.write(file, Map.of("weight", Nd4j.ones(3, 4), "bias", Nd4j.createFromArray(1f, 70_000f, 3)));
        UnaryOperator<String> root = name -> name.equals("fc") ? "" : null;
        if (type == DataType.HALF) {
            assertRefused(other, file, root, "bias: expected finite numbers within the range of HALF");
        } else {
            assertThat(PyTorchWeights.loadStateDict(other, file, root)).containsExactly("fc");
        }
    }
}
