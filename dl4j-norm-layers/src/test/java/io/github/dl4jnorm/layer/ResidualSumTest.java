// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jnorm.conf.LayerNormalization;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.ResidualSum;
import io.github.dl4jnorm.conf.RmsNormalization;
import io.github.dl4jnorm.layer.SaveAndLoadTest.Way;
import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.deeplearning4j.exception.DL4JInvalidConfigException;
import org.deeplearning4j.exception.DL4JInvalidInputException;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.deeplearning4j.gradientcheck.GradientCheckUtil;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.WorkspaceMode;
import org.deeplearning4j.nn.conf.graph.ElementWiseVertex;
import org.deeplearning4j.nn.conf.graph.GraphVertex;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.MultiDataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.NoOp;
import org.nd4j.linalg.learning.config.Sgd;

/** A residual sum and the norm behind it, as in a block of a transformer, against Deeplearning4j's addition. */
@Tag("long")
@Tag("vectors-first")
class ResidualSumTest {
    private static final int N = 3;

    private static NormLayer norm(boolean rms, Activation activation) {
        return rms ? new RmsNormalization.Builder().activation(activation).build()
                : new LayerNormalization.Builder().activation(activation).build();
    }

    /** The sum goes through a norm and, as it is, to the next sum. */
    private static ComputationGraph graph(Kind kind, GraphVertex sum, NormLayer norm, DataType type, IUpdater updater,
                                          WorkspaceMode mode) {
        ComputationGraph graph = new ComputationGraph(new NeuralNetConfiguration.Builder().seed(5).dataType(type)
                .updater(updater).trainingWorkspaceMode(mode).inferenceWorkspaceMode(mode).graphBuilder().addInputs("in")
                .setInputTypes(kind.inputType())
                .addLayer("before", kind.before(), "in")
                .addLayer("block", kind.before(), "before")
                .addVertex("sum", sum, "block", "before")
                .addLayer("norm", norm, "sum")
                .addLayer("next", kind.before(), "norm")
                .addVertex("out sum", sum.clone(), "next", "sum")
                .addLayer("out", kind.output(), "out sum").setOutputs("out").build());
        graph.init();
        return graph;
    }

    static Stream<Arguments> cases() {
        return Stream.of(Kind.DENSE, Kind.RNN_FIRST, Kind.RNN_LAST).flatMap(kind -> Stream.of(DataType.FLOAT, DataType.DOUBLE,
                DataType.HALF).flatMap(type -> Stream.of(false, true).map(rms -> Arguments.of(kind, type, rms))));
    }

    private static MultiDataSet data(Kind kind, DataType type, boolean masked) {
        Nd4j.getRandom().setSeed(8);
        INDArray mask = masked ? Nd4j.createFromArray(new float[][]{{1, 1, 1, 0}, {1, 1, 0, 0}, {1, 1, 1, 1}}) : null;
        INDArray[] masks = mask == null ? null : new INDArray[]{mask};
        return new MultiDataSet(new INDArray[]{kind.input(N, type)}, new INDArray[]{kind.labels(N, type)}, masks, masks);
    }

    @Test
    void trainingIsThatWithAnAdditionOfDeeplearning4j() {
        compare(Kind.RNN_FIRST, DataType.FLOAT, false);
    }

    @Tag("full")
    @ParameterizedTest
    @MethodSource("cases")
    void trainingIsThatWithAnAdditionOfDeeplearning4jForAllKinds(Kind kind, DataType type, boolean rms) {
        compare(kind, type, rms);
    }

    private static void compare(Kind kind, DataType type, boolean rms) {
        for (WorkspaceMode mode : new WorkspaceMode[]{WorkspaceMode.ENABLED, WorkspaceMode.NONE}) {
            for (Activation activation : new Activation[]{Activation.IDENTITY, Activation.RELU, Activation.TANH}) {
                MultiDataSet data = data(kind, type, kind.rnn() && activation != Activation.RELU);
                ComputationGraph expected = graph(kind, new ElementWiseVertex(ElementWiseVertex.Op.Add), norm(rms, activation),
                        type, new Sgd(0.1), mode);
                ComputationGraph actual = graph(kind, new ResidualSum(), norm(rms, activation), type, new Sgd(0.1), mode);
                for (int step = 0; step < 2; step++) {
                    expected.fit(data);
                    actual.fit(data);
                }
                assertThat(TestNetwork.numbers(actual.params())).as("%s %s", mode, activation)
                        .isEqualTo(TestNetwork.numbers(expected.params()));
                assertThat(actual.outputSingle(data.getFeatures(0))).isEqualTo(expected.outputSingle(data.getFeatures(0)));
                assertThat(actual.feedForward(data.getFeatures(0), false)).isEqualTo(
                        expected.feedForward(data.getFeatures(0), false));
            }
        }
    }

    /** Says with which class of pass the norm ran. */
    private static String pass(Model graph) {
        try {
            Field saved = NormalizationLayer.class.getDeclaredField("saved");
            saved.setAccessible(true);
            return saved.get(((ComputationGraph) graph).getLayer("norm")).getClass().getSimpleName();
        } catch (ReflectiveOperationException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void trainingNormalizesTheSumInTheSamePass() {
        for (WorkspaceMode mode : new WorkspaceMode[]{WorkspaceMode.ENABLED, WorkspaceMode.NONE}) {
            ComputationGraph graph = graph(Kind.RNN_FIRST, new ResidualSum(), norm(false, Activation.RELU), DataType.FLOAT,
                    new Sgd(0.1), mode);
            MultiDataSet data = data(Kind.RNN_FIRST, DataType.FLOAT, true);
            List<String> passes = new ArrayList<>();
            graph.setListeners(new BaseTrainingListener() {
                @Override
                public void onForwardPass(Model model, Map<String, INDArray> activations) {
                    passes.add(pass(model));
                }
            });
            graph.fit(data);
            assertThat(passes).as("%s", mode).containsExactly("SumPass");
        }
    }

    @Tag("full")
    @Test
    void gradientsAreRight() {
        DataType before = Nd4j.defaultFloatingPointType();
        Nd4j.setDefaultDataTypes(DataType.DOUBLE, DataType.DOUBLE);
        try {
            for (boolean rms : new boolean[]{false, true}) {
                ComputationGraph graph = graph(Kind.RNN_LAST, new ResidualSum(), norm(rms, Activation.IDENTITY), DataType.DOUBLE,
                        new NoOp(), WorkspaceMode.ENABLED);
                MultiDataSet data = data(Kind.RNN_LAST, DataType.DOUBLE, false);
                assertThat(GradientCheckUtil.checkGradients(new GradientCheckUtil.GraphConfig().net(graph)
                        .inputs(data.getFeatures()).labels(data.getLabels()))).isTrue();
            }
        } finally {
            Nd4j.setDefaultDataTypes(before, before);
        }
    }

    @Test
    void copiesAreTheSame() throws Exception {
        ComputationGraph graph = graph(Kind.RNN_FIRST, new ResidualSum(), norm(true, Activation.IDENTITY), DataType.FLOAT,
                new Sgd(0.1), WorkspaceMode.ENABLED);
        MultiDataSet data = data(Kind.RNN_FIRST, DataType.FLOAT, false);
        graph.fit(data);
        ComputationGraphConfiguration conf = graph.getConfiguration();
        assertThat(ComputationGraphConfiguration.fromJson(conf.toJson())).isEqualTo(conf);
        assertThat(ComputationGraphConfiguration.fromJson(conf.toJson()).getVertices().get("sum"))
                .isInstanceOf(ResidualSum.class).hasSameHashCodeAs(new ResidualSum());
        assertThat(conf.toJson()).doesNotContain("\"op\"");
        assertThat(ComputationGraphConfiguration.fromJson(conf.toJson().replace("ResidualSum\"",
                "ResidualSum\", \"op\" : \"Add\""))).as("as the first version wrote it").isEqualTo(conf);
        for (Way way : List.of(Way.MODEL_SERIALIZER, Way.CLONE)) {
            ComputationGraph copy = (ComputationGraph) way.copy(graph);
            assertThat(copy.outputSingle(data.getFeatures(0))).isEqualTo(graph.outputSingle(data.getFeatures(0)));
            copy.fit(data);
        }
    }

    @Test
    void whatDoesNotFitIsRefused() {
        ComputationGraph graph = graph(Kind.DENSE, new ResidualSum(), norm(true, Activation.IDENTITY), DataType.FLOAT,
                new Sgd(0.1), WorkspaceMode.NONE);
        ResidualSumVertex sum = (ResidualSumVertex) graph.getVertex("sum");
        sum.setInputs(new INDArray[]{Nd4j.ones(DataType.FLOAT, 2, 4), Nd4j.ones(DataType.FLOAT, 1, 4)});
        assertThatThrownBy(() -> sum.doForward(true, LayerWorkspaceMgr.noWorkspaces()))
                .isInstanceOf(DL4JInvalidInputException.class).hasMessage("ResidualSum vertex \"sum\": expected two inputs of "
                        + "the same shape, got [[2, 4], [1, 4]]");
        assertThatThrownBy(() -> new ResidualSum().setOp(ElementWiseVertex.Op.Max))
                .isInstanceOf(DL4JInvalidConfigException.class).hasMessageContaining("expected the operation Add, got Max");
    }
}
