// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.conf.LayerNormLSTM;
import java.util.List;
import java.util.Set;
import org.deeplearning4j.gradientcheck.GradientCheckUtil;
import org.deeplearning4j.nn.conf.BackpropType;
import org.deeplearning4j.nn.conf.CacheMode;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.constraint.MaxNormConstraint;
import org.deeplearning4j.nn.conf.dropout.Dropout;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.conf.layers.recurrent.Bidirectional;
import org.deeplearning4j.nn.conf.layers.recurrent.LastTimeStep;
import org.deeplearning4j.nn.conf.memory.MemoryUseMode;
import org.deeplearning4j.nn.conf.weightnoise.DropConnect;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.NoOp;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** LSTMs with layer norm in networks: checked, trained in parts, masked, saved, wrapped. */
@Tag("once")
@Tag("full")
class LayerNormLSTMNetworkTest {
    private static final DataType DEFAULT = Nd4j.defaultFloatingPointType();

    @AfterEach
    void useTheDefaultAgain() {
        Nd4j.setDefaultDataTypes(DEFAULT, DEFAULT);
    }

    private static LayerNormLSTM lstm(Kind kind, boolean perGate) {
        return new LayerNormLSTM.Builder().nOut(4).eps(1e-3).normalizeGates(perGate).forgetGateBiasInit(0.5)
                .dataFormat(kind.channelsLast ? RNNFormat.NWC : RNNFormat.NCW).build();
    }

    private static MultiLayerNetwork net(NeuralNetConfiguration.Builder base, InputType type, Layer... layers) {
        NeuralNetConfiguration.ListBuilder list = base.seed(12).list();
        List.of(layers).forEach(list::layer);
        MultiLayerNetwork net = new MultiLayerNetwork(list.setInputType(type).build());
        net.init();
        return net;
    }

    private static NeuralNetConfiguration.Builder base(DataType type) {
        return new NeuralNetConfiguration.Builder().dataType(type).updater(new NoOp());
    }

    private static void check(MultiLayerNetwork net, INDArray x, INDArray labels, INDArray mask, INDArray labelMask) {
        assertThat(GradientCheckUtil.checkGradients(new GradientCheckUtil.MLNConfig().net(net).input(x).labels(labels)
                .inputMask(mask).labelMask(labelMask).subset(true).maxPerParam(5))).isTrue();
    }

    @ParameterizedTest
    @EnumSource(value = Kind.class, names = {"RNN_FIRST", "RNN_LAST"})
    void gradientsOfNetworksAreRight(Kind kind) {
        Nd4j.setDefaultDataTypes(DataType.DOUBLE, DataType.DOUBLE);
        Nd4j.getRandom().setSeed(21);
        INDArray mask = Nd4j.ones(DataType.DOUBLE, 3, 4);
        mask.putScalar(0, 0, 0);
        mask.putScalar(2, 3, 0);
        INDArray maskOrNone = kind.channelsLast ? null : mask;
        check(net(base(DataType.DOUBLE), kind.inputType(), lstm(kind, false), lstm(kind, true), kind.output()),
                kind.input(3, DataType.DOUBLE), kind.labels(3, DataType.DOUBLE), maskOrNone, maskOrNone);
    }

    @Test
    void gradientsOfWrappedLayersAreRight() {
        Nd4j.setDefaultDataTypes(DataType.DOUBLE, DataType.DOUBLE);
        Nd4j.getRandom().setSeed(22);
        INDArray x = Kind.RNN_FIRST.input(3, DataType.DOUBLE);
        INDArray mask = Nd4j.ones(DataType.DOUBLE, 3, 4);
        mask.putScalar(1, 3, 0);
        LayerNormLSTM other = new LayerNormLSTM.Builder().nOut(4).eps(1e-3).activation(Activation.SOFTSIGN)
                .gateActivationFunction(Activation.RATIONALTANH).build();
        MultiLayerNetwork both = net(base(DataType.DOUBLE), Kind.RNN_FIRST.inputType(),
                new Bidirectional(Bidirectional.Mode.CONCAT, other), Kind.RNN_FIRST.output());
        check(both, x, Kind.RNN_FIRST.labels(3, DataType.DOUBLE), mask, mask);
        MultiLayerNetwork last = net(base(DataType.DOUBLE), Kind.RNN_FIRST.inputType(),
                new LastTimeStep(lstm(Kind.RNN_FIRST, false)), new OutputLayer.Builder(LossFunction.MCXENT).nOut(3)
                        .activation(Activation.SOFTMAX).build());
        check(last, x, Kind.oneHot(3), mask, null);
    }

    /** What comes out at the last step is the input of the first, five steps ago. */
    private static DataSet recall(int examples, DataType type) {
        INDArray x = Nd4j.rand(type, examples, 3, 6).muli(0.5);
        INDArray labels = Nd4j.zeros(type, examples, 3, 6);
        INDArray labelMask = Nd4j.zeros(type, examples, 6);
        for (int n = 0; n < examples; n++) {
            x.putScalar(n, n % 3, 0, 2);
            labels.putScalar(n, n % 3, 5, 1);
            labelMask.putScalar(n, 5, 1);
        }
        return new DataSet(x, labels, null, labelMask);
    }

    @ParameterizedTest
    @EnumSource(value = DataType.class, names = {"FLOAT", "HALF"})
    void networksLearnToRemember(DataType type) {
        Nd4j.getRandom().setSeed(23);
        DataSet data = recall(30, type);
        MultiLayerNetwork net = net(new NeuralNetConfiguration.Builder().dataType(type)
                        .updater(type == DataType.HALF ? new Sgd(0.5) : new Adam(0.02)), InputType.recurrent(3),
                new LayerNormLSTM.Builder().nOut(8).build(),
                new RnnOutputLayer.Builder(LossFunction.MCXENT).nOut(3).activation(Activation.SOFTMAX).build());
        double first = net.score(data);
        for (int i = 0; i < 40; i++) {
            net.fit(data);
        }
        assertThat(net.score(data)).as("loss, at first %s", first).isLessThan(0.5 * first);
        assertThat(TestNetwork.isFinite(net.params())).isTrue();
    }

    /** Parts as long as the sequence are the sequence; with shorter ones the state goes on from part to part. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void truncatedBackpropagationTrains(boolean graph) {
        Nd4j.getRandom().setSeed(24);
        INDArray x = Nd4j.rand(DataType.FLOAT, 4, 3, 6);
        INDArray labels = Nd4j.rand(DataType.FLOAT, 4, 3, 6);
        INDArray whole = trained(graph, 0, x, labels);
        INDArray onePart = trained(graph, 6, x, labels);
        assertThat(onePart.sub(whole).amaxNumber().doubleValue()).isLessThan(1e-5);
        INDArray threeParts = trained(graph, 2, x, labels);
        assertThat(TestNetwork.isFinite(threeParts)).isTrue();
        assertThat(threeParts.sub(whole).amaxNumber().doubleValue()).isGreaterThan(1e-4);
    }

    /** Parameters after two epochs, with parts of some length or, if that is 0, in one. */
    private static INDArray trained(boolean graph, int length, INDArray x, INDArray labels) {
        NeuralNetConfiguration.Builder base = new NeuralNetConfiguration.Builder().seed(13).updater(new Sgd(0.1));
        LayerNormLSTM lstm = new LayerNormLSTM.Builder().nOut(5).build();
        Layer output = new RnnOutputLayer.Builder(LossFunction.MSE).nOut(3).activation(Activation.IDENTITY).build();
        BackpropType type = length == 0 ? BackpropType.Standard : BackpropType.TruncatedBPTT;
        TestNetwork net;
        if (graph) {
            ComputationGraphConfiguration conf = base.graphBuilder().addInputs("in").setInputTypes(InputType.recurrent(3))
                    .addLayer("l0", lstm, "in").addLayer("l1", output, "l0").setOutputs("l1").backpropType(type)
                    .tBPTTLength(Math.max(1, length)).build();
            net = new TestNetwork(new org.deeplearning4j.nn.graph.ComputationGraph(conf));
        } else {
            MultiLayerConfiguration conf = base.list().layer(lstm).layer(output).setInputType(InputType.recurrent(3))
                    .backpropType(type).tBPTTLength(Math.max(1, length)).build();
            net = new TestNetwork(new MultiLayerNetwork(conf));
        }
        net.model().init();
        net.fit(x, labels);
        net.fit(x, labels);
        return net.params().dup();
    }

    @Test
    void rnnTimeStepGoesOnWhereItWas() {
        Nd4j.getRandom().setSeed(25);
        INDArray x = Kind.RNN_FIRST.input(3, DataType.DOUBLE);
        for (boolean graph : new boolean[]{false, true}) {
            TestNetwork net = TestNetwork.of(graph, TestNetwork.Setup.of(DataType.DOUBLE), Kind.RNN_FIRST.inputType(),
                    List.of(lstm(Kind.RNN_FIRST, false), Kind.RNN_FIRST.output()));
            INDArray whole = net.output(x);
            for (int t = 0; t < 4; t++) {
                INDArray step = x.tensorAlongDimension(t, 0, 1).dup();
                INDArray y = graph ? net.graph().rnnTimeStep(step)[0] : net.sequence().rnnTimeStep(step);
                assertThat(y.sub(whole.tensorAlongDimension(t, 0, 1)).amaxNumber().doubleValue()).isLessThan(1e-12);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void copiesAreTheSameAndGoOnTheSame(boolean graph) throws Exception {
        Kind kind = Kind.RNN_LAST;
        Nd4j.getRandom().setSeed(26);
        TestNetwork original = TestNetwork.of(graph, TestNetwork.Setup.FLOAT, kind.inputType(),
                List.of(lstm(kind, true), kind.output()));
        original.fit(3, kind);
        INDArray x = kind.input(3, DataType.FLOAT);
        for (SaveAndLoadTest.Way way : new SaveAndLoadTest.Way[]{SaveAndLoadTest.Way.MODEL_SERIALIZER,
                SaveAndLoadTest.Way.CLONE}) {
            TestNetwork copy = new TestNetwork(way.copy(original.model()));
            assertThat(copy.configuration()).isEqualTo(original.configuration());
            assertThat(copy.output(x)).isEqualTo(original.output(x));
        }
        if (graph) {
            ComputationGraphConfiguration conf = original.graph().getConfiguration();
            assertThat(ComputationGraphConfiguration.fromJson(conf.toJson())).isEqualTo(conf);
        } else {
            MultiLayerConfiguration conf = original.sequence().getLayerWiseConfigurations();
            assertThat(MultiLayerConfiguration.fromJson(conf.toJson())).isEqualTo(conf);
            assertThat(MultiLayerConfiguration.fromYaml(conf.toYaml())).isEqualTo(conf);
        }
    }

    /** In both passes the same ones. */
    @Test
    void dropoutAndNoiseOfWeightsAreThoseOfOtherLayers() {
        Nd4j.getRandom().setSeed(27);
        for (RNNFormat format : RNNFormat.values()) {
            boolean last = format == RNNFormat.NWC;
            MultiLayerNetwork net = net(new NeuralNetConfiguration.Builder().updater(new Sgd(0.1)),
                    InputType.recurrent(3, 4, format),
                    new LayerNormLSTM.Builder().nOut(4).dropOut(new Dropout(0.5)).weightNoise(new DropConnect(0.5))
                            .dataFormat(format).build(),
                    new RnnOutputLayer.Builder(LossFunction.MSE).nOut(3).activation(Activation.IDENTITY)
                            .dataFormat(format).build());
            INDArray x = last ? Nd4j.rand(DataType.FLOAT, 3, 4, 3) : Nd4j.rand(DataType.FLOAT, 3, 3, 4);
            net.fit(x, x.dup());
            assertThat(TestNetwork.isFinite(net.params())).isTrue();
            assertThat(net.output(x)).isEqualTo(net.output(x));
        }
    }

    @Test
    void constraintsHoldForTheirParametersAlone() {
        MultiLayerNetwork net = net(new NeuralNetConfiguration.Builder().updater(new Sgd(0.01)), InputType.recurrent(3),
                new LayerNormLSTM.Builder().nOut(4).constrainRecurrent(new MaxNormConstraint(0.25, Set.of(), 0))
                        .constrainInputWeights(new MaxNormConstraint(0.5, Set.of(), 0)).l2(1e-3).build(),
                new RnnOutputLayer.Builder(LossFunction.MSE).nOut(3).activation(Activation.IDENTITY).build());
        INDArray x = Nd4j.rand(DataType.FLOAT, 3, 3, 4);
        net.fit(x, x.dup());
        assertThat(net.getParam("0_RW").norm2(0).maxNumber().doubleValue()).isLessThanOrEqualTo(0.2501);
        assertThat(net.getParam("0_W").norm2(0).maxNumber().doubleValue()).isBetween(0.26, 0.5001);
        LayerNormLSTM conf = (LayerNormLSTM) net.getLayer(0).conf().getLayer();
        assertThat(conf.getRegularizationByParam("RW")).isNotEmpty();
        assertThat(conf.getRegularizationByParam("gammaInput")).isNullOrEmpty();
        assertThat(conf.getMemoryReport(InputType.recurrent(3, 4)).getTotalMemoryBytes(3, MemoryUseMode.TRAINING,
                CacheMode.NONE)).isPositive();
        assertThat(net.summary()).contains("LayerNormLSTM");
    }
}
