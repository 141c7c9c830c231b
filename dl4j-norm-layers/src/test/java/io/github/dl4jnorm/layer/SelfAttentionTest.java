// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.conf.ResidualSum;
import io.github.dl4jnorm.conf.RmsNormalization;
import io.github.dl4jnorm.conf.SelfAttention;
import io.github.dl4jnorm.conf.SelfAttention.QkNorm;
import io.github.dl4jnorm.layer.SaveAndLoadTest.Way;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.deeplearning4j.exception.DL4JInvalidConfigException;
import org.deeplearning4j.exception.DL4JInvalidInputException;
import org.deeplearning4j.gradientcheck.GradientCheckUtil;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.conf.layers.SelfAttentionLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.NoOp;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** Self-attention against Deeplearning4j's, its formula, finite differences; in networks, with masks, saved. */
@Tag("long")
@Tag("vectors-first")
class SelfAttentionTest {
    private static final int N = 3;
    private static final int INPUTS = 5;
    private static final int OUTPUTS = 4;
    private static final int HEADS = 2;
    private static final int STEPS = 6;

    private static SelfAttention.Builder attention(QkNorm norm) {
        return new SelfAttention.Builder().nOut(OUTPUTS).heads(HEADS).headSize(3).qkNorm(norm);
    }

    private static MultiLayerNetwork net(Layer layer, RNNFormat format, DataType type,
                                         IUpdater updater) {
        MultiLayerNetwork net = new MultiLayerNetwork(new NeuralNetConfiguration.Builder().seed(4).dataType(type)
                .updater(updater).list().layer(layer)
                .layer(new RnnOutputLayer.Builder(LossFunction.MCXENT).nOut(3).activation(Activation.SOFTMAX)
                        .dataFormat(format).build())
                .setInputType(InputType.recurrent(INPUTS, STEPS, format)).build());
        net.init();
        return net;
    }

    private static INDArray drawn(long seed, DataType type, long... shape) {
        return NormCases.gaussian(new Random(seed), 0, 1, shape).castTo(type);
    }

    private static INDArray mask(DataType type) {
        return Nd4j.createFromArray(new float[][]{{1, 1, 1, 1, 0, 0}, {0, 1, 1, 1, 1, 1}, {1, 1, 1, 1, 1, 1}}).castTo(type);
    }

    private static DataSet data(DataType type, RNNFormat format, boolean masked) {
        INDArray labels = Nd4j.zeros(type, N, 3, STEPS);
        for (int n = 0; n < N; n++) {
            for (int t = 0; t < STEPS; t++) {
                labels.putScalar(n, (n + 2 * t) % 3, t, 1);
            }
        }
        INDArray x = drawn(1, type, N, INPUTS, STEPS);
        boolean last = format == RNNFormat.NWC;
        return new DataSet(last ? x.permute(0, 2, 1).dup('c') : x, last ? labels.permute(0, 2, 1).dup('c') : labels,
                masked ? mask(type) : null, masked ? mask(type) : null);
    }

    /** Its weights are [heads, d, nIn]: those of a head are rows there and columns here. */
    @Test
    void withoutANormItIsThatOfDeeplearning4j() {
        MultiLayerNetwork theirs = net(new SelfAttentionLayer.Builder().nIn(INPUTS).nOut(OUTPUTS).nHeads(HEADS).headSize(3)
                .projectInput(true).build(), RNNFormat.NCW, DataType.DOUBLE, new NoOp());
        MultiLayerNetwork ours = net(attention(QkNorm.NONE).build(), RNNFormat.NCW, DataType.DOUBLE, new NoOp());
        Map<String, INDArray> from = theirs.getLayer(0).paramTable();
        ours.getLayer(0).paramTable().forEach((name, into) -> {
            INDArray weights = from.get(name);
            into.assign(name.equals("Wo") ? weights : weights.reshape('c', 3 * HEADS, INPUTS).transpose());
        });
        INDArray x = drawn(1, DataType.DOUBLE, N, INPUTS, STEPS);
        for (INDArray mask : new INDArray[]{null, mask(DataType.DOUBLE)}) {
            theirs.setLayerMaskArrays(mask, null);
            ours.setLayerMaskArrays(mask, null);
            assertThat(TestNetwork.numbers(ours.feedForward(x, false).get(1))).as("mask %s", mask)
                    .containsExactly(TestNetwork.numbers(theirs.feedForward(x, false).get(1)), within(1e-12));
        }
    }

    /** Softmax of q·k/√d over the timesteps that count, written as loops. */
    @ParameterizedTest
    @EnumSource(QkNorm.class)
    void itIsWhatTheFormulaSays(QkNorm norm) {
        MultiLayerNetwork net = net(attention(norm).eps(1e-3).build(), RNNFormat.NCW, DataType.DOUBLE, new NoOp());
        Map<String, INDArray> params = net.getLayer(0).paramTable();
        params.forEach((name, array) -> {
            if (name.startsWith("gamma")) {
                array.assign(drawn(name.hashCode(), DataType.DOUBLE, 3));
            }
        });
        INDArray x = drawn(1, DataType.DOUBLE, N, INPUTS, STEPS);
        net.setLayerMaskArrays(mask(DataType.DOUBLE), null);
        INDArray y = net.feedForward(x, false).get(1);
        for (int n = 0; n < N; n++) {
            INDArray rows = x.slice(n).transpose().dup('c');
            double[][] q = projected(rows, params.get("Wq"), norm, params.get("gammaQ"));
            double[][] k = projected(rows, params.get("Wk"), norm, params.get("gammaK"));
            double[][] v = rows.mmul(params.get("Wv")).toDoubleMatrix();
            double[][] attended = new double[STEPS][3 * HEADS];
            for (int h = 0; h < HEADS; h++) {
                for (int t = 0; t < STEPS; t++) {
                    double[] weights = new double[STEPS];
                    double sum = 0;
                    for (int s = 0; s < STEPS; s++) {
                        double logit = 0;
                        for (int i = 3 * h; i < 3 * h + 3; i++) {
                            logit += q[t][i] * k[s][i] / Math.sqrt(3);
                        }
                        weights[s] = mask(DataType.DOUBLE).getDouble(n, s) * Math.exp(logit);
                        sum += weights[s];
                    }
                    for (int s = 0; s < STEPS; s++) {
                        for (int i = 3 * h; i < 3 * h + 3; i++) {
                            attended[t][i] += weights[s] / sum * v[s][i];
                        }
                    }
                }
            }
            INDArray expected = Nd4j.createFromArray(attended).mmul(params.get("Wo")).transpose();
            assertThat(TestNetwork.numbers(y.slice(n).dup('c'))).containsExactly(TestNetwork.numbers(expected.dup('c')),
                    within(1e-12));
        }
    }

    private static double[][] projected(INDArray rows, INDArray weights, QkNorm norm, INDArray gamma) {
        double[][] result = rows.mmul(weights).toDoubleMatrix();
        for (double[] row : result) {
            for (int h = 0; h < row.length && norm != QkNorm.NONE; h += 3) {
                double mean = norm == QkNorm.LAYER ? (row[h] + row[h + 1] + row[h + 2]) / 3 : 0;
                double squares = 0;
                for (int i = h; i < h + 3; i++) {
                    squares += (row[i] - mean) * (row[i] - mean);
                }
                double divisor = norm == QkNorm.L2 ? Math.max(Math.sqrt(squares), 1e-3) : Math.sqrt(squares / 3 + 1e-3);
                for (int i = h; i < h + 3; i++) {
                    row[i] = gamma.getDouble(i - h) * (row[i] - mean) / divisor;
                }
            }
        }
        return result;
    }

    @Tag("full")
    @ParameterizedTest
    @EnumSource(QkNorm.class)
    void gradientsAreRight(QkNorm norm) {
        DataType before = Nd4j.defaultFloatingPointType();
        Nd4j.setDefaultDataTypes(DataType.DOUBLE, DataType.DOUBLE);
        try {
            for (RNNFormat format : RNNFormat.values()) {
                for (boolean masked : new boolean[]{false, true}) {
                    DataSet data = data(DataType.DOUBLE, format, masked);
                    assertThat(GradientCheckUtil.checkGradients(new GradientCheckUtil.MLNConfig()
                            .net(net(attention(norm).eps(0.01).build(), format, DataType.DOUBLE, new NoOp()))
                            .input(data.getFeatures()).labels(data.getLabels()).inputMask(data.getFeaturesMaskArray())
                            .labelMask(data.getLabelsMaskArray()))).as("%s %s", format, masked).isTrue();
                }
            }
        } finally {
            Nd4j.setDefaultDataTypes(before, before);
        }
    }

    @Test
    void bothLayoutsAreTheSameAndMaskedTimestepsMatterToNoOther() {
        MultiLayerNetwork first = net(attention(QkNorm.RMS).build(), RNNFormat.NCW, DataType.FLOAT, new NoOp());
        MultiLayerNetwork last = net(attention(QkNorm.RMS).build(), RNNFormat.NWC, DataType.FLOAT, new NoOp());
        last.setParams(first.params());
        INDArray x = drawn(1, DataType.FLOAT, N, INPUTS, STEPS);
        INDArray mask = mask(DataType.FLOAT);
        first.setLayerMaskArrays(mask, null);
        last.setLayerMaskArrays(mask, null);
        INDArray y = first.feedForward(x, false).get(1);
        assertThat(last.feedForward(x.permute(0, 2, 1), false).get(1).permute(0, 2, 1).dup('c')).isEqualTo(y.dup('c'));
        INDArray changed = x.dup();
        for (int c = 0; c < INPUTS; c++) {
            changed.putScalar(0, c, 5, 100);
        }
        first.setLayerMaskArrays(mask, null);
        INDArray other = first.feedForward(changed, false).get(1);
        for (int t = 0; t < 5; t++) {
            for (int c = 0; c < OUTPUTS; c++) {
                assertThat(other.getDouble(0, c, t)).isEqualTo(y.getDouble(0, c, t));
            }
        }
    }

    @Test
    void networksTrainAndAreSaved() throws Exception {
        trainAndSave(DataType.FLOAT);
    }

    @Tag("full")
    @ParameterizedTest
    @EnumSource(value = DataType.class, names = {"DOUBLE", "HALF"})
    void networksOfOtherTypesTrainAndAreSaved(DataType type) throws Exception {
        trainAndSave(type);
    }

    private static void trainAndSave(DataType type) throws Exception {
        MultiLayerNetwork net = net(attention(QkNorm.L2).build(), RNNFormat.NCW, type,
                type == DataType.HALF ? new Sgd(0.1) : new Adam(0.02));
        DataSet data = data(type, RNNFormat.NCW, true);
        double before = net.score(data);
        for (int i = 0; i < 30; i++) {
            net.fit(data);
        }
        assertThat(net.score(data)).isLessThan(before);
        assertThat(TestNetwork.isFinite(net.params())).isTrue();
        MultiLayerConfiguration conf = net.getLayerWiseConfigurations();
        assertThat(MultiLayerConfiguration.fromJson(conf.toJson())).isEqualTo(conf);
        for (Way way : List.of(Way.MODEL_SERIALIZER, Way.CLONE)) {
            assertThat(((MultiLayerNetwork) way.copy(net)).output(data.getFeatures())).isEqualTo(net.output(data.getFeatures()));
        }
    }

    /** Two of Deeplearning4j's layers in one graph give four times the gradient. */
    @Tag("full")
    @Test
    void gradientsOfTwoBlocksAreRight() {
        DataType before = Nd4j.defaultFloatingPointType();
        Nd4j.setDefaultDataTypes(DataType.DOUBLE, DataType.DOUBLE);
        try {
            ComputationGraph graph = new ComputationGraph(new NeuralNetConfiguration.Builder().seed(6)
                    .dataType(DataType.DOUBLE).updater(new NoOp()).graphBuilder().addInputs("in")
                    .setInputTypes(InputType.recurrent(4, STEPS))
                    .addLayer("attention1", new SelfAttention.Builder().nOut(4).heads(2).build(), "in")
                    .addVertex("sum1", new ResidualSum(), "attention1", "in")
                    .addLayer("norm", new RmsNormalization.Builder().build(), "sum1")
                    .addLayer("attention2", new SelfAttention.Builder().nOut(4).heads(2).build(), "norm")
                    .addVertex("sum2", new ResidualSum(), "attention2", "sum1")
                    .addLayer("out", new RnnOutputLayer.Builder(LossFunction.MSE).nOut(3).activation(Activation.IDENTITY)
                            .build(), "sum2").setOutputs("out").build());
            graph.init();
            assertThat(GradientCheckUtil.checkGradients(new GradientCheckUtil.GraphConfig().net(graph)
                    .inputs(new INDArray[]{drawn(2, DataType.DOUBLE, N, 4, STEPS)})
                    .labels(new INDArray[]{drawn(3, DataType.DOUBLE, N, 3, STEPS)}))).isTrue();
        } finally {
            Nd4j.setDefaultDataTypes(before, before);
        }
    }

    @Test
    void whatDoesNotFitIsRefused() {
        assertThatThrownBy(() -> new SelfAttention.Builder().nOut(5).heads(2).build())
                .isInstanceOf(DL4JInvalidConfigException.class).hasMessage("SelfAttention layer \"(not named)\": expected "
                        + "heads >= 1 that divide nOut, or a headSize, got heads 2, headSize 0, nOut 5");
        assertThatThrownBy(() -> new SelfAttention.Builder().nOut(4).eps(-1).build()).hasMessageContaining("eps >= 0");
        assertThatThrownBy(() -> new SelfAttention.Builder().nOut(4).activation(Activation.RELU).build())
                .hasMessageContaining("expected no activation, got relu");
        assertThatThrownBy(() -> new SelfAttention.Builder().nOut(4).build().setNIn(InputType.feedForward(3), true))
                .hasMessageContaining("expected a sequence as input type");
        MultiLayerNetwork net = net(attention(QkNorm.RMS).build(), RNNFormat.NCW, DataType.FLOAT, new NoOp());
        assertThatThrownBy(() -> net.output(drawn(1, DataType.FLOAT, N, 4, STEPS)))
                .isInstanceOf(DL4JInvalidInputException.class)
                .hasMessageContaining("non-empty input of shape [N, 5, T], got [3, 4, 6]");
        net.setLayerMaskArrays(Nd4j.ones(DataType.FLOAT, N, STEPS - 1), null);
        assertThatThrownBy(() -> net.feedForward(drawn(1, DataType.FLOAT, N, INPUTS, STEPS), false))
                .hasMessageContaining("expected a mask of shape [3, 6], got [3, 5]");
    }
}
