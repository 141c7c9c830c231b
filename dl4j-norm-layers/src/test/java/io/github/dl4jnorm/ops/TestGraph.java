// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.TrainingConfig;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.dataset.ViewIterator;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;

/** A small classifier of sequences with several norms, and data that it can learn. */
final class TestGraph {
    static final int CHANNELS = 4;
    static final int TIMES = 6;
    static final int CLASSES = 3;

    private TestGraph() {
    }

    static SameDiff create() {
        Nd4j.getRandom().setSeed(12);
        SameDiff sd = SameDiff.create();
        SDVariable x = sd.placeHolder("x", DataType.FLOAT, -1, CHANNELS, TIMES);
        SDVariable labels = sd.placeHolder("labels", DataType.FLOAT, -1, CLASSES);
        SDVariable gamma = sd.var("gamma", Nd4j.ones(DataType.FLOAT, CHANNELS));
        SDVariable beta = sd.var("beta", Nd4j.zeros(DataType.FLOAT, CHANNELS));
        SDVariable weights = sd.var("weights", Nd4j.randn(DataType.FLOAT, CHANNELS * TIMES, CLASSES).muli(0.3));
        SDNorm norm = new SDNorm(sd);
        SDVariable h = sd.nn.relu(norm.named("normalized").groupNorm(x, gamma, beta, 2, 1e-5), 0);
        h = norm.batchNorm(h, null, null, 1e-3);
        SDVariable logits = norm.named("logits").layerNorm(sd.reshape(h, -1, CHANNELS * TIMES).mmul(weights), null, null, 1e-3);
        sd.nn.softmax("predictions", logits, 1);
        sd.loss.softmaxCrossEntropy("loss", labels, logits, null);
        sd.setLossVariables("loss");
        sd.setTrainingConfig(config());
        return sd;
    }

    static TrainingConfig config() {
        return TrainingConfig.builder().updater(new Adam(0.05)).dataSetFeatureMapping("x").dataSetLabelMapping("labels")
                .build();
    }

    /** The class is the channel that swings most; scale and offset say nothing. */
    static DataSet data(int examples) {
        INDArray x = Nd4j.create(DataType.FLOAT, examples, CHANNELS, TIMES);
        INDArray labels = Nd4j.create(DataType.FLOAT, examples, CLASSES);
        java.util.Random random = new java.util.Random(3);
        for (int n = 0; n < examples; n++) {
            int target = n % CLASSES;
            labels.putScalar(n, target, 1);
            double scale = 1 + 5 * random.nextDouble();
            for (int c = 0; c < CHANNELS; c++) {
                for (int t = 0; t < TIMES; t++) {
                    double swing = c == target ? 3 * Math.cos(t) : 0;
                    x.putScalar(new int[]{n, c, t}, 10 + scale * (swing + random.nextGaussian()));
                }
            }
        }
        return new DataSet(x, labels);
    }

    static DataSetIterator iterator(DataSet data, int batch) {
        return new ViewIterator(data, batch);
    }

    static INDArray predict(SameDiff sd, INDArray x) {
        return sd.output(Map.of("x", x), "predictions").get("predictions");
    }

    static List<String> operations(SameDiff sd) {
        List<String> names = new ArrayList<>();
        sd.getOps().values().forEach(op -> names.add(op.getOp().opName()));
        Collections.sort(names);
        return names;
    }
}
