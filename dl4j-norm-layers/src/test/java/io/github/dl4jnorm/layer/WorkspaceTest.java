// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.layer.GradientCheckTest.Norm;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.deeplearning4j.datasets.iterator.AsyncDataSetIterator;
import org.deeplearning4j.datasets.iterator.utilty.ListDataSetIterator;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.conf.WorkspaceMode;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;

/** Where arrays live, and which thread loads or uses them, changes no number. */
@Tag("vectors-first")
@Tag("long")
class WorkspaceTest {
    private static final int STEPS = 5;

    static Stream<Arguments> cases() {
        return Stream.of(Norm.BATCH, Norm.GROUP_RELU, Norm.INSTANCE_TANH, Norm.LAYER, Norm.SWITCHABLE)
                .flatMap(norm -> Stream.of(Arguments.of(norm, Kind.CNN_FIRST, false), Arguments.of(norm, Kind.CNN_LAST, true),
                                Arguments.of(norm, Kind.RNN_FIRST, true), Arguments.of(norm, Kind.DENSE, false))
                        .filter(arguments -> NormCases.takes(norm, (Kind) arguments.get()[1])));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void workspacesChangeNothing(Norm norm, Kind kind, boolean graph) {
        List<double[]> params = new ArrayList<>();
        List<double[]> outputs = new ArrayList<>();
        for (WorkspaceMode training : List.of(WorkspaceMode.NONE, WorkspaceMode.ENABLED)) {
            for (WorkspaceMode inference : List.of(WorkspaceMode.NONE, WorkspaceMode.ENABLED)) {
                if (graph && training == WorkspaceMode.ENABLED && inference == WorkspaceMode.NONE) {
                    // Deeplearning4j's own graphs leave a closed workspace behind, whatever their layers.
                    continue;
                }
                Nd4j.getRandom().setSeed(41);
                TestNetwork net = TestNetwork.around(graph, TestNetwork.Setup.FLOAT.workspaces(training, inference), kind,
                        norm.layer());
                for (int i = 0; i < STEPS; i++) {
                    net.fit(1, kind);
                    outputs.add(TestNetwork.numbers(net.output(kind.input(3, DataType.FLOAT))));
                }
                params.add(TestNetwork.numbers(net.params()));
            }
        }
        for (int k = 1; k < params.size(); k++) {
            assertThat(params.get(k)).containsExactly(params.get(0));
            for (int i = 0; i < STEPS; i++) {
                assertThat(outputs.get(k * STEPS + i)).containsExactly(outputs.get(i));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void batchesThatAnotherThreadLoadsGiveTheSame(Norm norm, Kind kind, boolean graph) {
        Nd4j.getRandom().setSeed(42);
        List<DataSet> examples = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
            examples.add(new DataSet(kind.input(1, DataType.FLOAT), kind.labels(1, DataType.FLOAT)));
        }
        TestNetwork expected = TestNetwork.around(graph, TestNetwork.Setup.FLOAT, kind, norm.layer());
        for (int i = 0; i < 12; i += 4) {
            DataSet batch = DataSet.merge(examples.subList(i, i + 4));
            expected.fit(batch.getFeatures(), batch.getLabels());
        }
        TestNetwork actual = TestNetwork.around(graph, TestNetwork.Setup.FLOAT, kind, norm.layer());
        ((NeuralNetwork) actual.model()).fit(new AsyncDataSetIterator(new ListDataSetIterator<>(examples, 4), 2));
        assertThat(TestNetwork.numbers(actual.params())).containsExactly(TestNetwork.numbers(expected.params()));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void outputInTrainingModeLeavesNothingBehind(Norm norm, Kind kind, boolean graph) {
        Nd4j.getRandom().setSeed(43);
        TestNetwork net = TestNetwork.around(graph, TestNetwork.Setup.FLOAT, kind, norm.layer());
        net.fit(1, kind);
        double[] before = TestNetwork.numbers(net.params());
        INDArray x = kind.input(3, DataType.FLOAT);
        INDArray y = graph ? net.graph().output(true, x)[0] : net.sequence().output(x, true);
        assertThat(TestNetwork.isFinite(y)).isTrue();
        assertThat(TestNetwork.numbers(net.params())).containsExactly(before);
        net.output(x);
        assertThat(TestNetwork.numbers(net.params())).containsExactly(before);
    }
}
