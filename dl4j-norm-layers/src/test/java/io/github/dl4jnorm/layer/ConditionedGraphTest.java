// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.conf.AdaptiveInstanceNormalization;
import io.github.dl4jnorm.conf.ConditionalNormalization;
import io.github.dl4jnorm.conf.ConditionedNorm;
import java.util.Random;
import java.util.stream.Stream;
import org.deeplearning4j.gradientcheck.GradientCheckUtil;
import org.deeplearning4j.nn.conf.CacheMode;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.memory.MemoryUseMode;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.MultiDataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.NoOp;
import org.nd4j.linalg.learning.config.Sgd;

/** Conditioned norms in graphs: checked, trained, saved, masked. */
@Tag("once")
@Tag("long")
@Tag("vectors-first")
class ConditionedGraphTest {
    private static final int N = 3;

    private static ConditionedNorm norm(boolean vector) {
        return vector ? new ConditionalNormalization.Builder().groups(2).gammaOffset(1).eps(1e-3).build()
                : new AdaptiveInstanceNormalization.Builder().eps(1e-3).build();
    }

    static Stream<Arguments> cases() {
        return Stream.of(Kind.RNN_FIRST, Kind.CNN_FIRST, Kind.CNN_LAST, Kind.CNN3D_FIRST)
                .flatMap(kind -> Stream.of(false, true).map(vector -> Arguments.of(kind, vector)));
    }

    private static INDArray[] inputs(Kind kind, boolean vector, DataType type) {
        Nd4j.getRandom().setSeed(41);
        return new INDArray[]{kind.input(N, type), ConditionedGraph.condition(kind, vector, N, new Random(42), type)};
    }

    @ParameterizedTest(name = "{0} vector {1}")
    @MethodSource("cases")
    void gradientsOfAWholeGraphAreRight(Kind kind, boolean vector) {
        DataType before = Nd4j.defaultFloatingPointType();
        Nd4j.setDefaultDataTypes(DataType.DOUBLE, DataType.DOUBLE);
        try {
            ConditionedGraph graph = new ConditionedGraph(kind, norm(vector), DataType.DOUBLE, new NoOp());
            assertThat(GradientCheckUtil.checkGradients(new GradientCheckUtil.GraphConfig().net(graph.graph)
                    .inputs(inputs(kind, vector, DataType.DOUBLE)).labels(new INDArray[]{Kind.oneHot(N)}))).isTrue();
        } finally {
            Nd4j.setDefaultDataTypes(before, before);
        }
    }

    @ParameterizedTest
    @EnumSource(value = DataType.class, names = {"FLOAT", "DOUBLE", "HALF"})
    void graphsTrain(DataType type) {
        for (boolean vector : new boolean[]{false, true}) {
            ConditionedGraph graph = new ConditionedGraph(Kind.CNN_FIRST, norm(vector), type, new Sgd(0.02));
            INDArray[] inputs = inputs(Kind.CNN_FIRST, vector, type);
            MultiDataSet data = new MultiDataSet(inputs, new INDArray[]{Kind.oneHot(N).castTo(type)});
            double first = graph.graph.score(data);
            for (int i = 0; i < 30; i++) {
                graph.graph.fit(data);
            }
            assertThat(graph.graph.score(data)).as("loss, vector %s", vector).isLessThan(0.9 * first);
            assertThat(TestNetwork.isFinite(graph.graph.params())).isTrue();
        }
    }

    @ParameterizedTest(name = "{0} vector {1}")
    @MethodSource("cases")
    void copiesAreTheSame(Kind kind, boolean vector) throws Exception {
        ConditionedGraph original = new ConditionedGraph(kind, norm(vector), DataType.FLOAT, new Adam(0.01));
        INDArray[] inputs = inputs(kind, vector, DataType.FLOAT);
        original.graph.fit(new MultiDataSet(inputs, new INDArray[]{Kind.oneHot(N).castTo(DataType.FLOAT)}));
        double[] expected = TestNetwork.numbers(original.graph.outputSingle(inputs));
        ComputationGraphConfiguration conf = original.graph.getConfiguration();
        assertThat(ComputationGraphConfiguration.fromJson(conf.toJson())).isEqualTo(conf);
        assertThat(ComputationGraphConfiguration.fromYaml(conf.toYaml())).isEqualTo(conf);
        ConditionedNorm vertex = (ConditionedNorm) conf.getVertices().get("norm");
        assertThat(vertex.isChannelsLast()).isEqualTo(kind.channelsLast);
        assertThat(vertex.clone()).isEqualTo(vertex).hasSameHashCodeAs(vertex).isNotEqualTo(norm(!vector));
        for (SaveAndLoadTest.Way way : new SaveAndLoadTest.Way[]{SaveAndLoadTest.Way.MODEL_SERIALIZER,
                SaveAndLoadTest.Way.CLONE}) {
            ComputationGraph copy = (ComputationGraph) way.copy(original.graph);
            assertThat(TestNetwork.numbers(copy.outputSingle(inputs))).as("%s", way).isEqualTo(expected);
        }
        assertThat(original.graph.summary()).contains("norm", "ConditionedVertex");
        assertThat(vertex.getMemoryReport(kind.inputType(), kind.inputType()).getTotalMemoryBytes(N,
                MemoryUseMode.TRAINING, CacheMode.NONE)).isPositive();
    }

    /** Whatever stands behind the end of a sequence, and only as long as the graph has the masks. */
    @Test
    void masksOfSequencesHoldForContentAndStyle() {
        ConditionedGraph graph = new ConditionedGraph(Kind.RNN_FIRST, norm(false), DataType.DOUBLE, new NoOp());
        INDArray[] inputs = inputs(Kind.RNN_FIRST, false, DataType.DOUBLE);
        INDArray contentMask = Nd4j.ones(DataType.DOUBLE, N, 4);
        INDArray styleMask = Nd4j.ones(DataType.DOUBLE, N, 3);
        contentMask.putScalar(1, 3, 0);
        styleMask.putScalar(2, 2, 0);
        INDArray[] masks = {contentMask, styleMask};
        INDArray plain = graph.graph.output(inputs)[0];
        INDArray masked = graph.graph.output(false, inputs, masks, null)[0];
        INDArray[] changed = {inputs[0].dup(), inputs[1].dup()};
        for (int c = 0; c < 3; c++) {
            changed[0].putScalar(1, c, 3, 50);
            changed[1].putScalar(2, c, 2, -50);
        }
        assertThat(graph.graph.output(false, changed, masks, null)[0]).isEqualTo(masked);
        assertThat(masked.getRow(0)).isEqualTo(plain.getRow(0));
        assertThat(masked.getRow(1)).isNotEqualTo(plain.getRow(1));
        assertThat(masked.getRow(2)).isNotEqualTo(plain.getRow(2));
        assertThat(graph.graph.output(inputs)[0]).isEqualTo(plain);
    }
}
