// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.github.dl4jnorm.Budget;
import io.github.dl4jnorm.conf.AdaptiveInstanceNormalization;
import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.ConditionalNormalization;
import io.github.dl4jnorm.conf.LayerNormLSTM;
import io.github.dl4jnorm.conf.LayerNormalization;
import io.github.dl4jnorm.conf.MomentShortcut;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.kernel.Kernels;
import io.github.dl4jnorm.ops.NDNorm;
import io.github.dl4jnorm.ops.SDNorm;
import io.github.dl4jnorm.pass.NormalizedWeight;
import io.github.dl4jnorm.pass.SpectralWeight;
import io.github.dl4jnorm.pass.WeightPass;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.graph.vertex.GraphVertex;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * How many operations of ND4J layers, weights and SameDiff nodes take with the kernels for every backend, whose own budgets are
 * in {@code Nd4jBudgetTest}. Upper bounds with nothing to spare.
 */
class LayerBudgetTest {
    private static final LayerWorkspaceMgr NONE = LayerWorkspaceMgr.noWorkspaces();

    @BeforeEach
    void onEveryBackend() {
        assumeThat(Kernels.get().onHost()).as("the kernels in use read memory").isFalse();
    }

    private static INDArray random(long... shape) {
        return Nd4j.randn(DataType.FLOAT, shape);
    }

    private static Budget budget(INDArray x, Runnable pass) {
        return Budget.of(x.length(), List.of(x), pass);
    }

    /** The kernels', and one for each parameter, gradient and running statistic; the output is one of the temporaries. */
    static Stream<Arguments> layers() {
        return Stream.of(
                Arguments.of(new BatchNormalization.Builder().build(), new long[]{4, 8, 6, 6}, new Budget(9, 0, 2),
                        new Budget(16, 0, 2)),
                Arguments.of(new LayerNormalization.Builder().build(), new long[]{32, 64}, new Budget(10, 0, 1),
                        new Budget(13, 0, 2)));
    }

    @ParameterizedTest
    @MethodSource("layers")
    void layersKeepWithinTheirBudgets(NormLayer norm, long[] shape, Budget forward, Budget backward) {
        LayerUnderTest layer = new LayerUnderTest(norm, shape[1], DataType.FLOAT);
        INDArray x = random(shape);
        INDArray dy = random(shape);
        assertThat(budget(x, () -> layer.forward(x, true))).as("forward").isEqualTo(forward);
        assertThat(budget(dy, () -> layer.backward(dy))).as("backward").isEqualTo(backward);
    }

    /** Outputs and gradients of both inputs are among the temporaries. */
    static Stream<Arguments> vertices() {
        long[] x = {4, 8, 6, 6};
        return Stream.of(
                Arguments.of(new AdaptiveInstanceNormalization.Builder().build(), x, x, new Budget(12, 0, 3),
                        new Budget(11, 0, 3)),
                Arguments.of(new ConditionalNormalization.Builder().build(), x, new long[]{4, 16}, new Budget(8, 0, 2),
                        new Budget(9, 0, 2)),
                Arguments.of(new ConditionalNormalization.Builder().build(), x, new long[]{4, 16, 6, 6}, new Budget(11, 2, 4),
                        new Budget(17, 2, 6)),
                Arguments.of(new MomentShortcut(), x, x, new Budget(11, 3, 3), new Budget(19, 6, 6)));
    }

    @ParameterizedTest
    @MethodSource("vertices")
    void verticesKeepWithinTheirBudgets(org.deeplearning4j.nn.conf.graph.GraphVertex conf, long[] shape, long[] other,
                                        Budget forward, Budget backward) {
        GraphVertex vertex = conf.instantiate(null, "vertex", 0, null, false, DataType.FLOAT);
        INDArray x = random(shape);
        vertex.setInputs(x, random(other));
        Budget found = budget(x, () -> vertex.doForward(true, NONE));
        vertex.setEpsilon(random(shape));
        assertThat(List.of(found, budget(x, () -> vertex.doBackward(false, NONE)))).containsExactly(forward, backward);
    }

    static Stream<Arguments> weights() {
        INDArray gain = Nd4j.ones(DataType.FLOAT, 8);
        return Stream.of(
                Arguments.of("weight norm", NormalizedWeight.byLength(gain, 1e-8), new Budget(8, 0, 1), new Budget(9, 0, 1)),
                Arguments.of("standardization", NormalizedWeight.standardized(1e-8), new Budget(7, 0, 1), new Budget(8, 0, 1)),
                Arguments.of("spectral", new SpectralWeight(gain, Nd4j.ones(DataType.FLOAT, 27), 1, 1, 1e-8),
                        new Budget(15, 0, 3), new Budget(10, 2, 1)));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("weights")
    void weightsKeepWithinTheirBudgets(String name, WeightPass pass, Budget forward, Budget backward) {
        INDArray v = random(1, 8, 27);
        INDArray dw = random(1, 8, 27);
        INDArray w = v.ulike();
        INDArray dv = v.ulike();
        INDArray ofGain = Nd4j.zeros(DataType.FLOAT, 8);
        assertThat(Budget.of(v.length(), List.of(v, w), () -> pass.forward(v, true, w))).as("forward").isEqualTo(forward);
        assertThat(Budget.of(v.length(), List.of(v, dw, dv), () -> pass.backward(v, dw, List.of(ofGain), dv))).as("backward")
                .isEqualTo(backward);
    }

    /** One step more of a sequence: two norms and the gates; the backward pass starts with a forward pass that keeps them. */
    @Test
    void aStepOfTheRecurrentNormKeepsWithinItsBudget() {
        assertThat(recurrent(6, true).minus(recurrent(5, true))).as("forward").isEqualTo(new Budget(31, 6, 0));
        assertThat(recurrent(6, false).minus(recurrent(5, false))).as("backward").isEqualTo(new Budget(82, 18, 0));
    }

    private static Budget recurrent(int steps, boolean forward) {
        NeuralNetConfiguration conf = new NeuralNetConfiguration.Builder().dataType(DataType.FLOAT)
                .layer(new LayerNormLSTM.Builder().nIn(4).nOut(8).build()).build();
        long count = conf.getLayer().initializer().numParams(conf);
        LayerNormLSTMLayer layer = (LayerNormLSTMLayer) conf.getLayer().instantiate(conf, null, 0,
                Nd4j.create(DataType.FLOAT, 1, count), true, DataType.FLOAT);
        layer.setBackpropGradientsViewArray(Nd4j.create(DataType.FLOAT, 1, count));
        INDArray x = random(2, 4, steps);
        INDArray dy = random(2, 8, steps);
        layer.setInput(x, NONE);
        // Of temporaries, which steps share, none is counted.
        Budget found = Budget.of(Long.MAX_VALUE, List.of(), () -> layer.activate(true, NONE));
        layer.setInput(x, NONE);
        return forward ? found : Budget.of(Long.MAX_VALUE, List.of(), () -> layer.backpropGradient(dy, NONE));
    }

    /** The same as the layer, and what carries the Java code through the native executioner. */
    @Test
    void aNodeOfSameDiffKeepsWithinItsBudget() {
        INDArray x = random(4, 8, 6, 6);
        SameDiff sd = SameDiff.create();
        SDVariable in = sd.placeHolder("x", DataType.FLOAT, 4, 8, 6, 6);
        SDVariable out = new SDNorm(sd).groupNorm(in, sd.constant(Nd4j.ones(DataType.FLOAT, 8)),
                sd.constant(Nd4j.zeros(DataType.FLOAT, 8)), 2, 1e-5);
        sd.output(Map.of("x", x), out.name());
        assertThat(budget(x, () -> sd.output(Map.of("x", x), out.name()))).isEqualTo(new Budget(11, 1, 2));
        assertThat(budget(x, () -> new NDNorm().groupNorm(x, null, null, 2, 1e-5))).isEqualTo(new Budget(8, 0, 2));
    }

    @Test
    void aResidualAndItsNormKeepWithinTheirBudget() {
        INDArray x = random(32, 64);
        INDArray residual = random(32, 64);
        assertThat(budget(x, () -> new NDNorm().addLayerNorm(x, residual, null, null, 1e-5))).isEqualTo(new Budget(7, 1, 1));
    }
}
