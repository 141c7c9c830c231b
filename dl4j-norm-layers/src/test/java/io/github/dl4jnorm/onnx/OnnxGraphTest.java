// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import static io.github.dl4jnorm.onnx.OnnxFile.attribute;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Normalizations among other nodes, and what files may leave out. */
@Tag("once")
@Tag("full")
class OnnxGraphTest {
    @TempDir
    private Path directory;

    private static void close(INDArray actual, double[] expected, double tolerance) {
        double[] numbers = OnnxCase.numbers(actual);
        assertThat(numbers).hasSameSizeAs(expected);
        for (int i = 0; i < expected.length; i++) {
            assertThat(numbers[i]).as("[%d]", i).isCloseTo(expected[i], within(tolerance));
        }
    }

    private static List<String> operations(SameDiff sd) {
        return Arrays.stream(sd.ops()).map(each -> each.opName()).toList();
    }

    @Test
    void isOneNodeEachAmongTheImportersOwn() throws IOException {
        INDArray x = OnnxCase.numbers(1, DataType.FLOAT, 0.5, 3, 4, 2, 2);
        INDArray gamma = OnnxCase.numbers(2, DataType.FLOAT, 1, 4);
        INDArray beta = OnnxCase.numbers(3, DataType.FLOAT, 0, 4);
        // The names are those that the graph would give to what it makes itself.
        SameDiff sd = new OnnxFile(21).input("x", DataType.FLOAT, -1, 4, 2, 2)
                .initializer("gamma", gamma, true).initializer("beta", beta, false)
                .node("Relu", List.of("x"), List.of("reshape")).named("concat")
                .node("InstanceNormalization", List.of("reshape", "gamma", "beta"), List.of("mul"))
                .node("Add", List.of("mul", "x"), List.of("add")).named("mul")
                .node("GroupNormalization", List.of("add", "gamma", "beta"), List.of("gather"), attribute("num_groups", 2))
                .node("Sub", List.of("gather", "mul"), List.of("y")).named("gather")
                .output("y", DataType.FLOAT).imported(directory);
        assertThat(operations(sd)).containsExactlyInAnyOrder("relu", "dl4jnorm_instance_norm", "add", "dl4jnorm_group_norm",
                "subtract");
        assertThat(sd.inputs()).containsExactly("x");
        assertThat(sd.isEagerMode()).isFalse();
        double[] g = OnnxCase.numbers(gamma);
        double[] b = OnnxCase.numbers(beta);
        double[] relu = Arrays.stream(OnnxCase.numbers(x)).map(value -> Math.max(0, value)).toArray();
        double[] instance = new OnnxReference(relu, x.shape()).instance(g, b, 1e-5f);
        double[] sum = instance.clone();
        Arrays.setAll(sum, i -> sum[i] + x.dup('c').data().getDouble(i));
        double[] expected = new OnnxReference(sum, x.shape()).group(2, g, b, 1e-5f, false);
        Arrays.setAll(expected, i -> expected[i] - instance[i]);
        close(sd.outputSingle(Map.of("x", x), "y"), expected, 1e-5);
    }

    /** The batch is unknown in the file, as all other sizes may be. */
    @ParameterizedTest
    @CsvSource({"1", "2", "6"})
    void unknownSizes(long n) throws IOException {
        INDArray x = OnnxCase.numbers(1, DataType.FLOAT, 0.5, n, 3, 5);
        INDArray scale = OnnxCase.numbers(2, DataType.FLOAT, 1, 3, 5);
        SameDiff sd = new OnnxFile(17).input("x", DataType.FLOAT, -1, -1, -1).initializer("scale", scale, true)
                .node("LayerNormalization", List.of("x", "scale"), List.of("y", "", "deviation"), attribute("axis", 1))
                .output("y", DataType.FLOAT).output("deviation", DataType.FLOAT).imported(directory);
        OnnxReference reference = new OnnxReference(OnnxCase.numbers(x), x.shape());
        Map<String, INDArray> actual = sd.output(Map.of("x", x), "y", "deviation");
        close(actual.get("y"), reference.layer(1, OnnxCase.numbers(scale), null, 1e-5f), 1e-5);
        var set = reference.over(1, 2);
        close(actual.get("deviation"), reference.first(reference.inverseDeviation(set, 1e-5f), set), 1e-5);
    }

    /** Scale and bias need not have the shape of what is normalized. */
    @Test
    void spreadsParameters() throws IOException {
        INDArray x = OnnxCase.numbers(1, DataType.FLOAT, 0.5, 2, 3, 4);
        INDArray scale = OnnxCase.numbers(2, DataType.FLOAT, 1, 3, 1);
        INDArray bias = Nd4j.createFromArray(0.25f);
        SameDiff sd = new OnnxFile(17).input("x", DataType.FLOAT, 2, 3, 4).initializer("s", scale, true)
                .initializer("b", bias, true)
                .node("LayerNormalization", List.of("x", "s", "b"), List.of("y"), attribute("axis", -2))
                .output("y", DataType.FLOAT).imported(directory);
        INDArray all = scale.broadcast(3, 4);
        double[] biases = new double[12];
        Arrays.fill(biases, 0.25);
        close(sd.outputSingle(Map.of("x", x), "y"), new OnnxReference(OnnxCase.numbers(x), x.shape())
                .layer(1, OnnxCase.numbers(all), biases, 1e-5f), 1e-5);
    }

    /** Nothing but what is required: attributes have their defaults, the bias an empty name. */
    @Test
    void defaults() throws IOException {
        INDArray x = OnnxCase.numbers(1, DataType.FLOAT, 0.5, 2, 3, 2, 2);
        INDArray scale = OnnxCase.numbers(2, DataType.FLOAT, 1, 2);
        SameDiff sd = new OnnxFile(23).input("x", DataType.FLOAT, 2, 3, 2, 2).input("scale", DataType.FLOAT, 2)
                .initializer("scale", scale, true)
                .node("LayerNormalization", List.of("x", "scale", ""), List.of("layer"))
                .node("RMSNormalization", List.of("x", "scale"), List.of("rms"))
                .node("MeanVarianceNormalization", List.of("x"), List.of("mvn"))
                .node("LpNormalization", List.of("x"), List.of("lp"))
                .output("layer", DataType.FLOAT).output("rms", DataType.FLOAT).output("mvn", DataType.FLOAT)
                .output("lp", DataType.FLOAT).imported(directory);
        OnnxReference reference = new OnnxReference(OnnxCase.numbers(x), x.shape());
        Map<String, INDArray> actual = sd.output(Map.of("x", x), "layer", "rms", "mvn", "lp");
        close(actual.get("layer"), reference.layer(3, OnnxCase.numbers(scale), null, 1e-5f), 1e-5);
        close(actual.get("rms"), reference.rms(3, OnnxCase.numbers(scale), 1e-5f), 1e-5);
        close(actual.get("mvn"), reference.meanVariance(0, 2, 3), 1e-5);
        close(actual.get("lp"), reference.lp(3, 2), 1e-5);
    }

    /** In half precision, arrays as lists of bits and as bytes; statistics are those of float. */
    @Test
    void halfPrecision() throws IOException {
        DataType type = DataType.HALF;
        INDArray x = OnnxCase.numbers(1, DataType.FLOAT, 0.5, 2, 3, 4);
        INDArray scale = Nd4j.createFromArray(0.5f, 1, 1.5f, -2);
        INDArray bias = Nd4j.createFromArray(0, 0.25f, -1, 3);
        SameDiff sd = new OnnxFile(17).input("x", type, 2, 3, 4).initializer("s", scale.castTo(type), true)
                .initializer("b", bias.castTo(type), false)
                .node("LayerNormalization", List.of("x", "s", "b"), List.of("y", "Mean", "InvStdDev"))
                .output("y", type).output("Mean", DataType.FLOAT).output("InvStdDev", DataType.FLOAT).imported(directory);
        Map<String, INDArray> actual = sd.output(Map.of("x", x.castTo(type)), "y", "Mean", "InvStdDev");
        OnnxReference reference = new OnnxReference(OnnxCase.numbers(x.castTo(type)), x.shape());
        close(actual.get("y"), reference.layer(2, OnnxCase.numbers(scale), OnnxCase.numbers(bias), 1e-5f),
                4e-3);
        var set = reference.over(2);
        close(actual.get("Mean"), reference.first(reference.mean(reference.x(), set), set), 1e-5);
        assertThat(actual.get("y").dataType()).isEqualTo(type);
        assertThat(actual.get("Mean").dataType()).isEqualTo(DataType.FLOAT);
    }

    @Test
    void constantInputGivesBiasAndZeros() throws IOException {
        INDArray x = Nd4j.valueArrayOf(new long[]{2, 3, 2, 2}, 1e6f, DataType.FLOAT);
        SameDiff sd = new OnnxFile(13).input("x", DataType.FLOAT, 2, 3, 2, 2).input("zero", DataType.FLOAT, 2, 3)
                .node("MeanVarianceNormalization", List.of("x"), List.of("mvn"))
                .node("LpNormalization", List.of("zero"), List.of("l1"), attribute("p", 1))
                .node("LpNormalization", List.of("zero"), List.of("l2"))
                .output("mvn", DataType.FLOAT).output("l1", DataType.FLOAT).output("l2", DataType.FLOAT).imported(directory);
        Map<String, INDArray> actual = sd.output(Map.of("x", x, "zero", Nd4j.zeros(DataType.FLOAT, 2, 3)), "mvn", "l1", "l2");
        actual.values().forEach(each -> assertThat(OnnxCase.numbers(each)).containsOnly(0));
    }

    /** Files of old have the statistics of the batch among five outputs. */
    @Test
    void fiveOutputsOfBatchNormalization() throws IOException {
        INDArray x = OnnxCase.numbers(1, DataType.FLOAT, 0.5, 3, 2, 4);
        INDArray two = Nd4j.createFromArray(1f, 2);
        SameDiff sd = new OnnxFile(9).input("x", DataType.FLOAT, -1, 2, 4).initializer("p", two, true)
                .node("BatchNormalization", List.of("x", "p", "p", "p", "p"), List.of("y", "mean", "var", "saved", "saved_var"))
                .output("y", DataType.FLOAT).output("var", DataType.FLOAT).output("saved", DataType.FLOAT).imported(directory);
        OnnxReference reference = new OnnxReference(OnnxCase.numbers(x), x.shape());
        double[] p = {1, 2};
        double[] mean = reference.byChannel(reference.mean(reference.x(), reference.channels()));
        double[] variance = reference.byChannel(reference.variance(reference.channels()));
        Map<String, INDArray> actual = sd.output(Map.of("x", x), "y", "var", "saved");
        close(actual.get("y"), reference.batch(p, p, mean, variance, 1e-5f), 1e-5);
        close(actual.get("saved"), mean, 1e-5);
        close(actual.get("var"), new double[]{0.9 + 0.1 * variance[0], 1.8 + 0.1 * variance[1]}, 1e-5);
    }

    /** Imported graphs train and are saved as any other. */
    @Test
    void trainsAndIsSaved() throws IOException {
        INDArray x = OnnxCase.numbers(1, DataType.DOUBLE, 0.5, 3, 2, 4);
        INDArray scale = OnnxCase.numbers(2, DataType.DOUBLE, 1, 2);
        SameDiff sd = new OnnxFile(18).input("x", DataType.DOUBLE, -1, 2, 4).initializer("s", scale, true)
                .node("GroupNormalization", List.of("x", "s", "s"), List.of("y"), attribute("num_groups", 2))
                .node("Mul", List.of("y", "y"), List.of("z")).output("z", DataType.DOUBLE).imported(directory);
        sd.convertToVariable(sd.getVariable("s"));
        SDVariable loss = sd.getVariable("z").sum("loss");
        loss.markAsLoss();
        double[] gradient = OnnxCase.numbers(sd.calculateGradients(Map.of("x", x), "s").get("s"));
        for (int i = 0; i < gradient.length; i++) {
            double step = 1e-6;
            double[] sides = new double[2];
            for (int side = 0; side < 2; side++) {
                INDArray moved = scale.dup();
                moved.putScalar(i, scale.getDouble(i) + (side == 0 ? step : -step));
                sd.getVariable("s").setArray(moved);
                sides[side] = sd.outputSingle(Map.of("x", x), "loss").getDouble(0);
            }
            assertThat(gradient[i]).isCloseTo((sides[0] - sides[1]) / (2 * step), within(1e-5));
        }
        sd.getVariable("s").setArray(scale);
        File saved = directory.resolve("graph.fb").toFile();
        sd.save(saved, false);
        assertThat(SameDiff.load(saved, false).outputSingle(Map.of("x", x), "z"))
                .isEqualTo(sd.outputSingle(Map.of("x", x), "z"));
    }
}
