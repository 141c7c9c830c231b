// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.conf.GroupNormalization;
import io.github.dl4jnorm.conf.InstanceNormalization;
import io.github.dl4jnorm.conf.LayerNormalization;
import io.github.dl4jnorm.conf.RunningStatistics;
import io.github.dl4jnorm.conf.SwitchableNormalization;
import io.github.dl4jnorm.layer.NormalizationLayer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.transferlearning.TransferLearning;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Weights survive the way through NumPy's files, and bad files change nothing. */
@Tag("once")
class PyTorchWeightsTest {
    private static final InputType TYPE = InputType.convolutional(4, 5, 4);

    @TempDir
    private Path directory;

    private static Layer[] norms() {
        return new Layer[]{Nets.ours().name("bn1").build(), Nets.ours().useLogStd(false).name("bn2").build(),
            new GroupNormalization.Builder(2).name("gn").build(),
            new LayerNormalization.Builder().scale(false).name("ln").build(),
            new InstanceNormalization.Builder().affine(false).trackRunningStats(true).name("in").build(),
            new SwitchableNormalization.Builder().name("sn").build(), Nets.ours().lockGammaBeta(true).name("bn3").build()};
    }

    private static MultiLayerNetwork network(DataType type) {
        var list = Nets.base().dataType(type).list();
        for (Layer layer : norms()) {
            list.layer(layer);
        }
        MultiLayerNetwork net = new MultiLayerNetwork(list.setInputType(TYPE).build());
        net.init();
        return net;
    }

    @ParameterizedTest
    @EnumSource(value = DataType.class, names = {"FLOAT", "DOUBLE", "HALF"})
    void whatIsWrittenIsReadAgain(DataType type) throws IOException {
        MultiLayerNetwork net = network(type);
        Nets.spread(net);
        INDArray x = Nd4j.rand(type, 2, 4, 4, 5);
        for (String name : List.of("norms.npz", "norms.safetensors", "norms")) {
            PyTorchWeights.write(net, directory.resolve(name));
            MultiLayerNetwork other = network(type);
            assertThat(PyTorchWeights.read(other, directory.resolve(name)))
                    .containsExactly("bn1", "bn2", "gn", "ln", "in", "sn", "bn3");
            assertThat(other.output(x).sub(net.output(x)).amaxNumber().doubleValue())
                    .isLessThan(type == DataType.HALF ? 1e-2 : type == DataType.FLOAT ? 1e-5 : 1e-12);
        }
        Map<String, INDArray> arrays = new LinkedHashMap<>();
        try (var files = Files.list(directory.resolve("norms"))) {
            files.forEach(file -> arrays.put(file.getFileName().toString(), Nd4j.createFromNpyFile(file.toFile())));
        }
        assertThat(arrays).hasSize(4 + 4 + 2 + 1 + 2 + 6 + 2);
        assertThat(arrays.get("bn1.running_var.npy").toDoubleVector())
                .containsExactly(((NormalizationLayer) net.getLayer(0)).runningVariance(), within(1e-6));
        assertThat(arrays.get("gn.weight.npy").dataType()).isEqualTo(type == DataType.DOUBLE ? type : DataType.FLOAT);
    }

    /** The bytes that {@code numpy.save} writes, by the description of its format. */
    private static byte[] npy(String descr, String shape, double... values) {
        boolean wide = descr.endsWith("8");
        String dict = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': (" + shape + "), }";
        int padded = (10 + dict.length() + 1 + 63) / 64 * 64;
        ByteBuffer buffer = ByteBuffer.allocate(padded + values.length * (wide ? 8 : 4)).order(ByteOrder.LITTLE_ENDIAN);
        buffer.put(new byte[]{(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0}).putShort((short) (padded - 10));
        buffer.put((dict + " ".repeat(padded - 11 - dict.length()) + "\n").getBytes(StandardCharsets.ISO_8859_1));
        for (double value : values) {
            if (wide) {
                buffer.putDouble(value);
            } else {
                buffer.putFloat((float) value);
            }
        }
        return buffer.array();
    }

    private Path npz(Map<String, byte[]> arrays) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
            for (Map.Entry<String, byte[]> array : arrays.entrySet()) {
                zip.putNextEntry(new ZipEntry(array.getKey() + ".npy"));
                zip.write(array.getValue());
            }
        }
        return Files.write(directory.resolve("given.npz"), bytes.toByteArray());
    }

    private static Map<String, byte[]> batchNorm(String module) {
        Map<String, byte[]> arrays = new LinkedHashMap<>();
        arrays.put(module + ".weight", npy("<f4", "4,", 1, 2, 3, 4));
        arrays.put(module + ".bias", npy("<f8", "4,", 5, 6, 7, 8));
        arrays.put(module + ".running_mean", npy("<f4", "1, 4, 1, 1", 0, 1, -1, 2));
        arrays.put(module + ".running_var", npy("<f4", "4,", 1, 4, 9, 16));
        return arrays;
    }

    private static MultiLayerNetwork batchNormed() {
        MultiLayerNetwork net = Nets.sequence(TYPE, Nets.ours().name("first").build(), Nets.ours().name("second").build());
        Nets.spread(net);
        return net;
    }

    @Test
    void arraysAsNumpyWritesThemAreReadByTheNamesOfModules() throws IOException {
        MultiLayerNetwork net = batchNormed();
        Map<String, byte[]> arrays = batchNorm("layer1.0.bn1");
        arrays.put("layer1.0.conv1.weight", npy("<f4", "2, 2", 1, 2, 3, 4));
        assertThat(PyTorchWeights.read(net, npz(arrays), name -> name.equals("first") ? "layer1.0.bn1" : name))
                .containsExactly("first");
        NormalizationLayer layer = (NormalizationLayer) net.getLayer(0);
        assertThat(layer.getParam("gamma").toDoubleVector()).containsExactly(1, 2, 3, 4);
        assertThat(layer.getParam("beta").toDoubleVector()).containsExactly(5, 6, 7, 8);
        assertThat(layer.runningMean()).containsExactly(0, 1, -1, 2);
        assertThat(layer.runningVariance()).containsExactly(new double[]{1, 4, 9, 16},
                within(1e-5));
    }

    /** An average over all batches goes on where it was; PyTorch keeps their number as an integer without a shape. */
    @Test
    void numberOfBatches() throws IOException {
        Layer[] counting = {Nets.ours().runningStatistics(RunningStatistics.cumulative()).name("first").build(),
            Nets.ours().name("second").build()};
        MultiLayerNetwork net = Nets.sequence(TYPE, counting);
        Map<String, byte[]> arrays = batchNorm("first");
        PyTorchWeights.read(net, npz(arrays));
        assertThat(net.getParam("0_batches").getDouble(0)).isZero();
        arrays.put("first.num_batches_tracked", npy("<i8", "", Double.longBitsToDouble(41)));
        arrays.putAll(batchNorm("second"));
        arrays.put("second.num_batches_tracked", npy("<i8", "", Double.longBitsToDouble(7)));
        PyTorchWeights.read(net, npz(arrays));
        assertThat(net.getParam("0_batches").getDouble(0)).isEqualTo(41);
        PyTorchWeights.write(net, directory.resolve("counted"));
        INDArray written = Nd4j.createFromNpyFile(directory.resolve("counted/first.num_batches_tracked.npy").toFile());
        assertThat(written.dataType()).isEqualTo(DataType.LONG);
        assertThat(written.getLong(0)).isEqualTo(41);
        assertThat(directory.resolve("counted/second.num_batches_tracked.npy")).doesNotExist();
        MultiLayerNetwork other = Nets.sequence(TYPE, counting);
        PyTorchWeights.read(other, directory.resolve("counted"));
        assertThat(other.params()).isEqualTo(net.params());
        arrays.put("first.num_batches_tracked", npy("<i8", "", Double.longBitsToDouble(-1)));
        assertThatThrownBy(() -> PyTorchWeights.read(net, npz(arrays))).isInstanceOf(IOException.class)
                .hasMessageContaining("num_batches_tracked: expected non-negative numbers, got -1.0");
        arrays.put("first.num_batches_tracked", npy("<f4", "", 3));
        assertThatThrownBy(() -> PyTorchWeights.read(net, npz(arrays))).isInstanceOf(IOException.class)
                .hasMessageContaining("num_batches_tracked: expected int64, got <f4 of shape ()");
        assertThat(net.getParam("0_batches").getDouble(0)).isEqualTo(41);
    }

    @Test
    void frozenLayersAndGraphsAreWrittenAndReadToo() throws IOException {
        MultiLayerNetwork frozen = new TransferLearning.Builder(batchNormed()).setFeatureExtractor(0).build();
        PyTorchWeights.write(frozen, directory.resolve("a.npz"));
        Model graph = Nets.graph(TYPE, Nets.ours().build(), Nets.ours().build());
        PyTorchWeights.read(graph, directory.resolve("a.npz"), name -> name.equals("l0") ? "first" : "second");
        assertThat(graph.params()).isEqualTo(frozen.params());
    }

    @Test
    void badArraysAreNamedAndChangeNothing() throws IOException {
        assertRefused("first.weight: expected 4 elements, got <f4 of shape (3,)", "first.weight", npy("<f4", "3,", 1, 2, 3));
        assertRefused("first.bias: expected a .npy file", "first.bias", new byte[200]);
        assertRefused("first.bias: the file is truncated", "first.bias", Arrays.copyOf(npy("<f4", "4,", 1, 2, 3, 4), 40));
        assertRefused("first.bias: expected 144 bytes according to its header, got 140", "first.bias",
                Arrays.copyOf(npy("<f4", "4,", 1, 2, 3, 4), 140));
        assertRefused("expected 144 bytes according to its header, got more", "first.bias", npy("<f4", "4,", 1, 2, 3, 4, 5));
        assertRefused("expected float16, float32 or float64, got <c8", "first.weight", npy("<c8", "4,", 1, 2, 3, 4));
        assertRefused("got <i8", "first.weight", npy("<i8", "4,", 1, 2, 3, 4));
        assertRefused("got <f4 of shape (99999999999999999, 99999999999999999)", "first.weight",
                npy("<f4", "99999999999999999, 99999999999999999", 1, 2, 3, 4));
        assertRefused("got <f4 of shape (99999999999999999999999999,)", "first.weight",
                npy("<f4", "99999999999999999999999999,", 1));
        assertRefused("expected a plain array of numbers, got the header", "first.weight", npy("<f4", "4, -1", 1, 2, 3, 4));
        assertRefused("expected numbers within the range of FLOAT, got 1.0E300", "first.weight",
                npy("<f8", "4,", 1, 2, 3, 1e300));
        assertRefused("expected numbers within the range of FLOAT, got 1.0E39", "first.running_mean",
                npy("<f8", "4,", 1, 2, 3, 1e39));
        assertRefused("first.running_var: expected non-negative numbers, got -1.0", "first.running_var",
                npy("<f4", "4,", 1, 2, -1, 3));
        assertRefused("first.weight: expected finite numbers, got NaN", "first.weight",
                npy("<f4", "4,", 1, 2, Double.NaN, 3));
        assertRefused("[first.running_mean] in addition to [weight, bias, running_var], got none", "first.running_mean", null);
    }

    @Test
    void whatAHalfCannotHoldIsRefusedBeforeAnythingIsChanged() throws IOException {
        MultiLayerNetwork net = network(DataType.HALF);
        Nets.spread(net);
        PyTorchWeights.write(net, directory.resolve("norms"));
        INDArray before = net.params().dup();
        // Behind others, which would have been changed. A logarithm, as in bn3, can be that of a larger variance.
        for (String name : List.of("bn3.running_mean", "bn2.running_var", "sn.weight")) {
            Path file = directory.resolve("norms").resolve(name + ".npy");
            byte[] good = Files.readAllBytes(file);
            Files.write(file, npy("<f4", "4,", 1, 2, 3, 70_000));
            assertThatThrownBy(() -> PyTorchWeights.read(net, directory.resolve("norms"))).isInstanceOf(IOException.class)
                    .hasMessageContaining(name + ": expected numbers within the range of HALF, got 70000.0");
            assertThat(net.params()).isEqualTo(before);
            Files.write(file, good);
        }
        assertThat(PyTorchWeights.read(net, directory.resolve("norms"))).hasSize(7);
    }

    /** A running mean beyond the range of HALF is known to the layer, but not to a file that can be read again. */
    @Test
    void statisticsBeyondTheRangeOfHalfAreWrittenAsTheParameterHoldsThem() throws IOException {
        MultiLayerNetwork net = network(DataType.HALF);
        NormalizationLayer layer = (NormalizationLayer) net.getLayer(4);
        layer.setRunningStatistics(new double[]{1e5, 2, -1e6, 0}, new double[]{1e9, 1, 0, 4});
        PyTorchWeights.write(net, directory.resolve("norms"));
        MultiLayerNetwork other = network(DataType.HALF);
        PyTorchWeights.read(other, directory.resolve("norms"));
        assertThat(other.params()).isEqualTo(net.params());
    }

    private void assertRefused(String message, String name, byte[] bytes) throws IOException {
        // The second layer is read before the first one is changed.
        Map<String, byte[]> arrays = batchNorm("first");
        arrays.putAll(batchNorm("second"));
        MultiLayerNetwork net = batchNormed();
        INDArray before = net.params().dup();
        arrays.put(name, bytes);
        arrays.values().removeIf(java.util.Objects::isNull);
        Path swapped = npz(arrays);
        assertThatThrownBy(() -> PyTorchWeights.read(net, swapped, layer -> layer.equals("first") ? "second" : "first"))
                .isInstanceOf(IOException.class).hasMessageContaining(message);
        assertThat(net.params()).isEqualTo(before);
    }

    @Test
    void badArchivesAndNetworksAreRefused() throws IOException {
        MultiLayerNetwork net = batchNormed();
        byte[] whole = Files.readAllBytes(npz(batchNorm("first")));
        Path cut = Files.write(directory.resolve("cut.npz"), Arrays.copyOf(whole, whole.length - 30));
        assertThatThrownBy(() -> PyTorchWeights.read(net, cut)).isInstanceOf(IOException.class)
                .hasMessageContaining("cut.npz is not a complete .npz archive");
        assertThatThrownBy(() -> PyTorchWeights.read(net, npz(batchNorm("other")))).isInstanceOf(IOException.class)
                .hasMessageContaining("[first, second] such as first.weight, got none");
        Map<String, byte[]> arrays = batchNorm("only");
        MultiLayerNetwork group = Nets.sequence(TYPE, new GroupNormalization.Builder(2).name("only").build());
        assertThatThrownBy(() -> PyTorchWeights.read(group, npz(arrays))).isInstanceOf(IOException.class)
                .hasMessageContaining("has no parameter for only.running_mean");
        MultiLayerNetwork stock = Nets.sequence(TYPE, Nets.stock().build());
        assertThatThrownBy(() -> PyTorchWeights.write(stock, directory.resolve("x.npz")))
                .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("NormReplacement");
        assertThat(directory.resolve("x.npz")).doesNotExist();
    }
}
