// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.layer.GradientCheckTest.Norm;
import java.util.List;
import java.util.stream.Stream;
import org.deeplearning4j.nn.conf.CacheMode;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.memory.LayerMemoryReport;
import org.deeplearning4j.nn.conf.memory.MemoryReport;
import org.deeplearning4j.nn.conf.memory.MemoryUseMode;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;

/** Summaries and memory reports. */
@Tag("once")
@Tag("long")
class SummaryTest {

    static Stream<Arguments> cases() {
        return Stream.of(Norm.values()).flatMap(norm -> Stream.of(Kind.values())
                .filter(kind -> !(kind.dense() && norm.name().startsWith("INSTANCE")))
                .flatMap(kind -> Stream.of(false, true).map(graph -> Arguments.of(norm, kind, graph))));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void aSummaryTellsTheClassAndTheParametersOfANorm(Norm norm, Kind kind, boolean graph) {
        TestNetwork net = TestNetwork.around(graph, TestNetwork.Setup.FLOAT, kind, norm.layer());
        String summary = graph ? net.graph().summary(kind.inputType()) : net.sequence().summary(kind.inputType());
        String line = summary.lines().filter(l -> l.contains("NormalizationLayer") || l.contains("Normalization "))
                .findFirst().orElse("none in " + summary);
        assertThat(line).contains("4,4").contains(String.valueOf(net.norm().numParams()));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void aMemoryReportCountsTheParametersOfANorm(Norm norm, Kind kind, boolean graph) {
        TestNetwork net = TestNetwork.around(graph, TestNetwork.Setup.FLOAT, kind, norm.layer());
        if (kind != Kind.CNN3D_FIRST && kind != Kind.CNN3D_LAST) {
            // Deeplearning4j's own Convolution3D has no memory report: it casts to the input type of images.
            MemoryReport report = graph ? net.graph().getConfiguration().getMemoryReport(kind.inputType())
                    : net.sequence().getLayerWiseConfigurations().getMemoryReport(kind.inputType());
            assertThat(report.toString()).contains(net.norm().layerConf().getClass().getSimpleName());
            assertTotals(report);
        }
        LayerMemoryReport ofNorm = net.norm().layerConf().getMemoryReport(outputOfFirst(net, kind, graph));
        assertThat(ofNorm.getParameterSize()).isEqualTo(net.norm().numParams());
        assertTotals(ofNorm);
    }

    private static InputType outputOfFirst(TestNetwork net, Kind kind, boolean graph) {
        return graph ? net.graph().getConfiguration().getLayerActivationTypes(kind.inputType()).get("l0")
                : net.sequence().getLayerWiseConfigurations().getLayerActivationTypes(kind.inputType()).get(0);
    }

    @ParameterizedTest
    @EnumSource(Norm.class)
    void aSequenceOfUnknownLengthHasAMemoryReport(Norm norm) {
        for (RNNFormat format : RNNFormat.values()) {
            InputType unknown = InputType.recurrent(4, format);
            NormLayer conf = norm.layer();
            Layer output = (format == RNNFormat.NWC ? Kind.RNN_LAST : Kind.RNN_FIRST).output();
            TestNetwork net = TestNetwork.of(false, TestNetwork.Setup.FLOAT, unknown, List.of(conf, output));
            LayerMemoryReport report = ((NormLayer) net.layer(0).conf().getLayer()).getMemoryReport(unknown);
            assertThat(report.getParameterSize()).isEqualTo(net.layer(0).numParams());
            assertThat(report.toString()).isNotEmpty();
        }
    }

    private static void assertTotals(MemoryReport report) {
        for (MemoryUseMode use : MemoryUseMode.values()) {
            for (CacheMode cache : CacheMode.values()) {
                assertThat(report.getTotalMemoryBytes(32, use, cache, DataType.FLOAT)).isPositive();
            }
        }
    }
}
