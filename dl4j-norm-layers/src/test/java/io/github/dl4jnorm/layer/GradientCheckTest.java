// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.Thinned;
import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.GroupNormalization;
import io.github.dl4jnorm.conf.InstanceNormalization;
import io.github.dl4jnorm.conf.LayerNormalization;
import io.github.dl4jnorm.conf.NormBuilder;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.RmsNormalization;
import io.github.dl4jnorm.conf.SwitchableNormalization;
import io.github.dl4jnorm.conf.UnitNormalization;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.deeplearning4j.gradientcheck.GradientCheckUtil;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.NoOp;

/** Deeplearning4j's own gradient check over every layer, kind of input, network class, mask and batch size. */
@Tag("long")
class GradientCheckTest {
    /** Drawn from each larger parameter array; those of the norms are smaller and checked whole. */
    private static final int MAX_PER_PARAM = 5;
    private static final DataType DEFAULT = Nd4j.defaultFloatingPointType();

    enum Norm {
        BATCH(BatchNormalization.Builder::new),
        BATCH_LOCKED(() -> new BatchNormalization.Builder(2, 0.5, true)),
        GROUP(() -> new GroupNormalization.Builder(2)),
        GROUP_RELU(() -> new GroupNormalization.Builder(2).activation(Activation.RELU)),
        INSTANCE(InstanceNormalization.Builder::new),
        INSTANCE_TANH(() -> new InstanceNormalization.Builder().activation(Activation.TANH)),
        LAYER(LayerNormalization.Builder::new),
        LAYER_PER_POSITION(() -> new LayerNormalization.Builder().perPosition(true)),
        SWITCHABLE(SwitchableNormalization.Builder::new),
        SWITCHABLE_WITHOUT_BATCH(() -> new SwitchableNormalization.Builder().useBatch(false)),
        RMS(() -> new RmsNormalization.Builder().center(true).gammaOffset(1)),
        RMS_OF_EXAMPLE(() -> new RmsNormalization.Builder().perPosition(false).center(true)),
        UNIT(() -> new UnitNormalization.Builder().affine(true)),
        UNIT_OF_EXAMPLE(() -> new UnitNormalization.Builder().perPosition(false).affine(true));

        private final Supplier<NormBuilder<?, ?>> builder;

        Norm(Supplier<NormBuilder<?, ?>> builder) {
            this.builder = builder;
        }

        NormLayer layer() {
            return (NormLayer) builder.get().eps(1e-3).build();
        }

        /** Of one of the five layers; for those, and for batches of one, the check of a graph is left out. */
        boolean isVariant() {
            return this != BATCH && this != GROUP && this != INSTANCE && this != LAYER && this != SWITCHABLE;
        }

        /** Whether a mean is subtracted. */
        boolean centers() {
            return this != RMS && this != RMS_OF_EXAMPLE && !byLength();
        }

        /** Whether eps is a length, not a square. */
        boolean byLength() {
            return this == UNIT || this == UNIT_OF_EXAMPLE;
        }

        boolean overBatch() {
            return this == BATCH || this == BATCH_LOCKED;
        }
    }

    @BeforeAll
    static void useDouble() {
        Nd4j.setDefaultDataTypes(DataType.DOUBLE, DataType.DOUBLE);
    }

    @AfterAll
    static void useTheDefaultAgain() {
        Nd4j.setDefaultDataTypes(DEFAULT, DEFAULT);
    }

    static Stream<Arguments> cases() {
        return Thinned.cases(all());
    }

    private static Stream<Arguments> all() {
        return Stream.of(Norm.values()).flatMap(norm -> Stream.of(Kind.values())
                .flatMap(kind -> Stream.of(1, 4).flatMap(batch -> Stream.of(false, true)
                        .filter(graph -> valid(norm, kind, batch) && !(graph && (norm.isVariant() || batch == 1)))
                        .map(graph -> Arguments.of(norm, kind, batch, graph)))));
    }

    /** Deeplearning4j has masks for sequences and, channels first, for images; all others: LayerMaskTest. */
    static Stream<Arguments> maskedCases() {
        return Thinned.cases(all().filter(arguments -> {
            Kind kind = (Kind) arguments.get()[1];
            return kind.rnn() || kind == Kind.CNN_FIRST;
        }));
    }

    /** Dense instance norm is rejected; dense batch norm of one example has nothing to differentiate. */
    private static boolean valid(Norm norm, Kind kind, int batch) {
        boolean instance = norm == Norm.INSTANCE || norm == Norm.INSTANCE_TANH;
        return !(kind.dense() && (instance || norm.overBatch() && batch == 1));
    }

    @ParameterizedTest(name = "{0} {1} batch {2} graph {3}")
    @MethodSource("cases")
    void gradientsAgreeWithFiniteDifferences(Norm norm, Kind kind, int batch, boolean graph) {
        Nd4j.getRandom().setSeed(17);
        check(graph, kind.inputType(), List.of(kind.before(), norm.layer(), kind.output()),
                kind.input(batch, DataType.DOUBLE), kind.labels(batch, DataType.DOUBLE), null, null);
    }

    @ParameterizedTest(name = "{0} {1} batch {2} graph {3}")
    @MethodSource("maskedCases")
    void maskedGradientsAgreeWithFiniteDifferences(Norm norm, Kind kind, int batch, boolean graph) {
        Nd4j.getRandom().setSeed(18);
        INDArray mask = kind.rnn() ? sequenceMask(batch) : imageMask(batch);
        INDArray input = kind.input(batch, DataType.DOUBLE);
        if (kind.rnn()) {
            check(graph, kind.inputType(), List.of(kind.before(), norm.layer(), kind.output()), input,
                    kind.labels(batch, DataType.DOUBLE), mask, mask);
        } else {
            check(graph, kind.inputType(), List.of(kind.before(), norm.layer(), kind.pooling(), kind.denseOutput()),
                    input, Kind.oneHot(batch), mask, null);
        }
    }

    /** Examples of different lengths, never shorter than two steps. */
    private static INDArray sequenceMask(int examples) {
        INDArray mask = Nd4j.ones(DataType.DOUBLE, examples, 4);
        for (int n = 0; n < examples; n++) {
            for (int t = 4 - n % 3; t < 4; t++) {
                mask.putScalar(n, t, 0);
            }
        }
        if (examples == 1) {
            mask.putScalar(0, 3, 0);
        }
        return mask;
    }

    /** The last column of every other image is padding. */
    private static INDArray imageMask(int examples) {
        INDArray mask = Nd4j.ones(DataType.DOUBLE, examples, 1, 1, 3);
        for (int n = 0; n < examples; n += 2) {
            mask.putScalar(new int[]{n, 0, 0, 2}, 0);
        }
        return mask;
    }

    private static void check(boolean graph, InputType type, List<Layer> layers, INDArray input, INDArray labels,
                              INDArray inputMask, INDArray labelMask) {
        boolean correct;
        if (graph) {
            ComputationGraph net = graph(type, layers);
            GradientCheckUtil.GraphConfig config = new GradientCheckUtil.GraphConfig().net(net)
                    .inputs(new INDArray[]{input}).labels(new INDArray[]{labels})
                    .excludeParams(excluded(net.paramTable().keySet(), true));
            if (inputMask != null) {
                config.inputMask(new INDArray[]{inputMask});
                config.labelMask(labelMask == null ? null : new INDArray[]{labelMask});
            }
            correct = GradientCheckUtil.checkGradients(config);
        } else {
            NeuralNetConfiguration.ListBuilder list = base().list();
            layers.forEach(list::layer);
            MultiLayerNetwork net = new MultiLayerNetwork(list.setInputType(type).build());
            net.init();
            correct = GradientCheckUtil.checkGradients(new GradientCheckUtil.MLNConfig().net(net).input(input)
                    .labels(labels).inputMask(inputMask).labelMask(labelMask).subset(true).maxPerParam(MAX_PER_PARAM)
                    .excludeParams(excluded(net.paramTable().keySet(), false)));
        }
        assertThat(correct).as("gradient check").isTrue();
    }

    private static NeuralNetConfiguration.Builder base() {
        return new NeuralNetConfiguration.Builder().seed(3).dataType(DataType.DOUBLE).updater(new NoOp());
    }

    private static ComputationGraph graph(InputType type, List<Layer> layers) {
        ComputationGraphConfiguration.GraphBuilder builder = base().graphBuilder().addInputs("in").setInputTypes(type);
        String previous = "in";
        for (int i = 0; i < layers.size(); i++) {
            builder.addLayer("l" + i, layers.get(i), previous);
            previous = "l" + i;
        }
        ComputationGraph net = new ComputationGraph(builder.setOutputs(previous).build());
        net.init();
        return net;
    }

    /** Statistics; of a graph, where no part can be drawn, the weights of the layers around the norm, too. */
    private static Set<String> excluded(Set<String> keys, boolean weights) {
        Set<String> found = new HashSet<>();
        for (String key : keys) {
            if (key.endsWith("_mean") || key.endsWith("_var") || key.endsWith("_log10stdev")
                    || weights && (key.endsWith("_W") || key.endsWith("_RW"))) {
                found.add(key);
            }
        }
        return found;
    }
}
