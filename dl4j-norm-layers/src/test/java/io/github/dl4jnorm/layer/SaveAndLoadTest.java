// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.util.stream.Stream;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.util.ModelSerializer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** A trained network that was saved, serialized or cloned is the same network and goes on training in the same way. */
@Tag("once")
@Tag("long")
class SaveAndLoadTest {
    private static final int STEPS = 3;

    enum Way {
        MODEL_SERIALIZER {
            @Override
            Model copy(Model model) throws IOException {
                ByteArrayOutputStream bytes = new ByteArrayOutputStream();
                ModelSerializer.writeModel(model, bytes, true);
                ByteArrayInputStream in = new ByteArrayInputStream(bytes.toByteArray());
                return model instanceof ComputationGraph ? ModelSerializer.restoreComputationGraph(in, true)
                        : ModelSerializer.restoreMultiLayerNetwork(in, true);
            }
        },
        JAVA_SERIALIZATION {
            @Override
            Model copy(Model model) throws IOException, ClassNotFoundException {
                return (Model) throughJava(model);
            }
        },
        CLONE {
            @Override
            Model copy(Model model) {
                if (model instanceof MultiLayerNetwork net) {
                    return net.clone();
                }
                ComputationGraph graph = (ComputationGraph) model;
                ComputationGraph copy = graph.clone();
                // Deeplearning4j forgets these two, and Adam with them how far it is.
                copy.getConfiguration().setIterationCount(graph.getConfiguration().getIterationCount());
                copy.getConfiguration().setEpochCount(graph.getConfiguration().getEpochCount());
                return copy;
            }
        };

        /** Deeplearning4j leaves transient fields unset in what Java has deserialized: fit and a graph's output throw. */
        boolean canGoOn() {
            return this != JAVA_SERIALIZATION;
        }

        abstract Model copy(Model model) throws IOException, ClassNotFoundException;
    }

    static Object throughJava(Object object) throws IOException, ClassNotFoundException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
            out.writeObject(object);
        }
        try (ObjectInputStream in = new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
            return in.readObject();
        }
    }

    static Stream<Arguments> cases() {
        return Stream.of(Customized.values()).flatMap(norm -> Stream.of(Way.values()).flatMap(way -> Stream.of(
                        Arguments.of(norm, Kind.DENSE, way, false), Arguments.of(norm, Kind.RNN_LAST, way, true),
                        Arguments.of(norm, Kind.CNN_FIRST, way, false)))
                .filter(arguments -> norm.takes((Kind) arguments.get()[1])));
    }

    @ParameterizedTest(name = "{0} {1} {2} graph {3}")
    @MethodSource("cases")
    void aCopyIsTheSameAndGoesOnTheSame(Customized norm, Kind kind, Way way, boolean graph) throws Exception {
        Nd4j.getRandom().setSeed(11);
        TestNetwork original = TestNetwork.around(graph, TestNetwork.Setup.FLOAT, kind, norm.layer(kind));
        original.fit(STEPS, kind);
        TestNetwork copy = new TestNetwork(way.copy(original.model()));

        assertThat(copy.norm().layerConf()).isNotSameAs(original.norm().layerConf())
                .isEqualTo(original.norm().layerConf());
        assertSameNetwork(copy, original);
        assertThat(copy.normParams().keySet()).isEqualTo(original.normParams().keySet());
        if (norm.cumulative()) {
            assertThat(numbers(copy.normParams().get("batches"))).containsOnly(STEPS);
        }

        if (way.canGoOn()) {
            INDArray x = kind.input(3, DataType.FLOAT);
            assertThat(numbers(copy.output(x))).containsExactly(numbers(original.output(x)));
            goOn(original, copy, kind, norm);
        }
    }

    private static void goOn(TestNetwork original, TestNetwork copy, Kind kind, Customized norm) {
        double[] before = numbers(copy.params());
        for (int i = 0; i < 3; i++) {
            INDArray next = kind.input(4, DataType.FLOAT);
            INDArray labels = kind.labels(4, DataType.FLOAT);
            original.fit(next, labels);
            copy.fit(next, labels);
        }
        assertThat(numbers(copy.params())).isNotEqualTo(before);
        assertSameNetwork(copy, original);
        if (norm.cumulative()) {
            assertThat(numbers(copy.normParams().get("batches"))).containsOnly(STEPS + 3);
        }
    }

    @ParameterizedTest
    @EnumSource(Customized.class)
    void trainingACloneLeavesTheOriginalAlone(Customized norm) throws Exception {
        Nd4j.getRandom().setSeed(12);
        for (boolean graph : new boolean[]{false, true}) {
            TestNetwork original = TestNetwork.around(graph, TestNetwork.Setup.FLOAT, Kind.RNN_LAST,
                    norm.layer(Kind.RNN_LAST));
            original.fit(1, Kind.RNN_LAST);
            double[] before = numbers(original.params());
            new TestNetwork(Way.CLONE.copy(original.model())).fit(2, Kind.RNN_LAST);
            assertThat(numbers(original.params())).containsExactly(before);
        }
    }

    private static void assertSameNetwork(TestNetwork copy, TestNetwork original) {
        assertThat(numbers(copy.params())).containsExactly(numbers(original.params()));
        assertThat(numbers(copy.updaterState())).containsExactly(numbers(original.updaterState()));
        original.normParams().forEach((name, array) ->
                assertThat(numbers(copy.normParams().get(name))).as(name).containsExactly(numbers(array)));
    }

    private static double[] numbers(INDArray array) {
        return TestNetwork.numbers(array);
    }
}
