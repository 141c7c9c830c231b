// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.conf.FilterResponseNormalization;
import io.github.dl4jnorm.conf.GroupNormalization;
import io.github.dl4jnorm.conf.LayerNormLSTM;
import io.github.dl4jnorm.conf.LayerNormalization;
import io.github.dl4jnorm.conf.NormFactory;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.NormParameter;
import io.github.dl4jnorm.conf.RunningStatistics;
import io.github.dl4jnorm.conf.SpectralNormalization;
import io.github.dl4jnorm.conf.WeightNormalization;
import io.github.dl4jnorm.conf.WeightStandardization;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayer;
import org.deeplearning4j.nn.conf.layers.recurrent.Bidirectional;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.activations.impl.ActivationIdentity;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Whatever a layer of this library has learned is in a file for PyTorch, or there is no such file. */
@Tag("once")
@Tag("long")
class PyTorchCompletenessTest {
    private static final InputType TYPE = InputType.convolutional(4, 5, 4);
    /** Enough channels for 32 groups. */
    private static final InputType WIDE = InputType.convolutional(2, 3, 32);

    @TempDir
    private Path directory;

    /** Tau and eps of filter response normalization were left out, without a word. */
    @Test
    void everyParameterThatANormHasIsWrittenAndReadAgain() throws IOException {
        for (String name : NormFactory.names()) {
            List<Layer> block = NormFactory.create(name).around(
                    new DenseLayer.Builder().nOut(4).activation(Activation.RELU).build());
            // Norms of weights are another kind, and unit length learns nothing.
            if (block.get(block.size() - 1) instanceof NormLayer norm && !norm.clone().parameters().isEmpty()) {
                assertEverythingIsKept(name, norm);
            }
        }
        assertEverythingIsKept("frn with learned eps", new FilterResponseNormalization.Builder().learnedEps(true).build());
        assertEverythingIsKept("cumulative", Nets.ours().runningStatistics(RunningStatistics.cumulative()).build());
        assertEverythingIsKept("with variances", Nets.ours().useLogStd(false).build());
    }

    private void assertEverythingIsKept(String name, NormLayer norm) throws IOException {
        NormLayer named = norm.clone();
        named.setLayerName("only");
        named.setActivationFn(new ActivationIdentity());
        MultiLayerNetwork net = Nets.sequence(WIDE, named);
        Random random = new Random(name.hashCode());
        for (NormParameter parameter : named.parameters()) {
            INDArray array = net.getParam("0_" + parameter.name());
            boolean count = parameter.name().equals(NormParameter.BATCHES);
            double[] values = random.doubles(array.length(), 0.2, 3).map(v -> count ? Math.ceil(20 * v) : v).toArray();
            array.assign(Nd4j.createFromArray(values).castTo(array.dataType()).reshape(array.shape()));
        }
        Path path = directory.resolve(name + ".npz");
        PyTorchWeights.write(net, path);
        MultiLayerNetwork other = Nets.sequence(WIDE, named);
        assertThat(PyTorchWeights.read(other, path)).containsExactly("only");
        for (NormParameter parameter : named.parameters()) {
            assertThat(other.getParam("0_" + parameter.name()).castTo(DataType.DOUBLE).reshape(-1).toDoubleVector())
                    .as("%s of %s", parameter.name(), name)
                    .containsExactly(net.getParam("0_" + parameter.name()).castTo(DataType.DOUBLE).reshape(-1).toDoubleVector(),
                            within(1e-6));
        }
    }

    @Test
    void filterResponseNormsHaveTheNamesOfTheirModulesInPyTorch() throws IOException {
        MultiLayerNetwork net = Nets.sequence(TYPE, new FilterResponseNormalization.Builder().learnedEps(true).name("f").build());
        PyTorchWeights.write(net, directory.resolve("f"));
        try (var files = Files.list(directory.resolve("f"))) {
            assertThat(files.map(file -> file.getFileName().toString()))
                    .containsExactlyInAnyOrder("f.weight.npy", "f.bias.npy", "f.tau.npy", "f.eps.npy");
        }
        Files.delete(directory.resolve("f/f.tau.npy"));
        assertThatThrownBy(() -> PyTorchWeights.read(net, directory.resolve("f"))).isInstanceOf(IOException.class)
                .hasMessageContaining("expected [f.tau] in addition to");
        MultiLayerNetwork plain = Nets.sequence(TYPE, new GroupNormalization.Builder(2).name("f").build());
        assertThatThrownBy(() -> PyTorchWeights.read(plain, directory.resolve("f"))).isInstanceOf(IOException.class)
                .hasMessageContaining("has no parameter for f.eps");
    }

    /** A parameter added to a norm later has to get a name here. */
    @Test
    void aParameterWithoutANameIsAnErrorAndNotLeftOut() {
        assertThatThrownBy(() -> NormArrays.name(new NormParameter("rho", 4, 0))).isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("parameter \"rho\"");
    }

    /** Where channels have seen different numbers of batches, all of them are kept, whatever their number. */
    @Test
    void countsThatDifferAreKept() throws IOException {
        double[] counts = {3, 5, 3, 4, 9, 9, 9, 9};
        byte[] file = Npy.bytes(NormArrays.array(NormArrays.COUNT, counts, DataType.FLOAT));
        assertThat(Npy.integers(file, 8, "count")).containsExactly(counts);
        byte[] same = Npy.bytes(NormArrays.array(NormArrays.COUNT, new double[]{7, 7, 7}, DataType.FLOAT));
        assertThat(Npy.integers(same, 3, "count")).containsExactly(7);
    }

    /** Layers that normalize inside, or their weights, were left out as if they had learned nothing. */
    @Test
    void otherLayersThatNormalizeAreRefusedUnlessTheyAreLeftOutOnPurpose() throws IOException {
        Layer dense = new DenseLayer.Builder().nOut(4).activation(Activation.RELU).build();
        Layer[] others = {new WeightNormalization(dense), new SpectralNormalization(dense), new WeightStandardization(dense),
            new FrozenLayer(new WeightNormalization(dense)), new LayerNormLSTM.Builder().nOut(4).build(),
            new Bidirectional(new LayerNormLSTM.Builder().nOut(4).build())};
        for (Layer other : others) {
            other.setLayerName("other");
            boolean recurrent = other instanceof LayerNormLSTM || other instanceof Bidirectional;
            MultiLayerNetwork net = Nets.sequence(recurrent ? InputType.recurrent(4, 5) : InputType.feedForward(4), other,
                    new LayerNormalization.Builder().name("norm").build());
            Path path = directory.resolve("mixed.npz");
            assertThatThrownBy(() -> PyTorchWeights.write(net, path)).isInstanceOf(IllegalArgumentException.class)
                    .hasMessageMatching("layer \"(other|0)\": expected a norm, got \\w+, which is not exported.*null.*");
            assertThat(path).doesNotExist();
            PyTorchWeights.write(net, path, name -> name.equals("norm") ? "norm" : null);
            assertThat(PyTorchWeights.read(net, path)).containsExactly("norm");
            Files.delete(path);
            Path arrays = directory.resolve("arrays");
            PyTorchWeights.write(net, arrays, name -> name.equals("norm") ? "norm" : null);
            Files.write(arrays.resolve("lost.weight_g.npy"), Npy.bytes(Nd4j.createFromArray(new double[4])));
            assertThatThrownBy(() -> PyTorchWeights.read(net, arrays, name -> name.equals("norm") ? name : "lost"))
                    .isInstanceOf(IOException.class).hasMessageContaining("which is not imported");
            assertThat(PyTorchWeights.read(net, arrays, name -> name.equals("norm") ? name : null)).containsExactly("norm");
        }
        MultiLayerNetwork only = Nets.sequence(InputType.feedForward(4), new WeightNormalization(dense));
        assertThatThrownBy(() -> PyTorchWeights.write(only, directory.resolve("x.npz")))
                .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("only layers that cannot be exchanged");
    }
}
