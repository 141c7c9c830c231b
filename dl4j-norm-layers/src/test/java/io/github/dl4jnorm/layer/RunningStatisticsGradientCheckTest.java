// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.BatchRenormalization;
import io.github.dl4jnorm.conf.GhostBatchNormalization;
import io.github.dl4jnorm.conf.InstanceNormalization;
import io.github.dl4jnorm.conf.RunningStatistics;
import io.github.dl4jnorm.conf.SplitBatchNormalization;
import io.github.dl4jnorm.conf.SwitchableNormalization;
import io.github.dl4jnorm.conf.SyncBatchNormalization;
import java.util.stream.Stream;
import org.deeplearning4j.gradientcheck.GradientCheckUtil;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.NoOp;

/** Deeplearning4j's gradient check of whole networks: running statistics need not be excluded from it. */
@Tag("long")
class RunningStatisticsGradientCheckTest {
    private static final DataType DEFAULT = Nd4j.defaultFloatingPointType();

    @BeforeAll
    static void useDouble() {
        Nd4j.setDefaultDataTypes(DataType.DOUBLE, DataType.DOUBLE);
    }

    @AfterAll
    static void useTheDefaultAgain() {
        Nd4j.setDefaultDataTypes(DEFAULT, DEFAULT);
    }

    static Stream<Arguments> norms() {
        return Stream.of(new BatchNormalization.Builder().build(),
                new BatchNormalization.Builder().runningStatistics(RunningStatistics.cumulative()).build(),
                new SyncBatchNormalization.Builder().build(),
                new BatchRenormalization.Builder().build(),
                new GhostBatchNormalization.Builder(2).build(),
                new SplitBatchNormalization.Builder(2).build(),
                new InstanceNormalization.Builder().trackRunningStats(true).build(),
                new SwitchableNormalization.Builder().build()).map(norm -> Arguments.of(norm.getClass().getSimpleName(), norm));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("norms")
    void runningStatisticsPassTheCheckLikeAnyParameter(String name, Layer norm) {
        assertThat(check(norm)).as(name).isTrue();
    }

    /** It hands the change of its statistics over as their gradient. */
    @Test
    void deeplearning4jsOwnBatchNormFailsIt() {
        assertThat(check(new org.deeplearning4j.nn.conf.layers.BatchNormalization.Builder().build())).isFalse();
    }

    private static boolean check(Layer norm) {
        Nd4j.getRandom().setSeed(5);
        Kind kind = Kind.CNN_FIRST;
        MultiLayerNetwork net = new MultiLayerNetwork(new NeuralNetConfiguration.Builder().seed(3).dataType(DataType.DOUBLE)
                .updater(new NoOp()).list().layer(kind.before()).layer(norm).layer(kind.output())
                .setInputType(kind.inputType()).build());
        net.init();
        return GradientCheckUtil.checkGradients(new GradientCheckUtil.MLNConfig().net(net)
                .input(kind.input(4, DataType.DOUBLE)).labels(kind.labels(4, DataType.DOUBLE)));
    }
}
