// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import io.github.dl4jnorm.ops.SDNorm;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.TrainingConfig;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.layers.convolution.config.Conv2DConfig;
import org.nd4j.linalg.api.ops.impl.layers.convolution.config.PaddingMode;
import org.nd4j.linalg.api.ops.impl.layers.convolution.config.Pooling2DConfig;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.schedule.ExponentialSchedule;
import org.nd4j.linalg.schedule.ScheduleType;

/** The network of {@link ConvNet} with group normalization as a SameDiff graph. */
final class SameDiffNet {
    static final String IMAGES = "images";
    static final String LABELS = "labels";
    static final String PREDICTIONS = "predictions";
    static final String LOSS = "loss";

    private static final int BLOCKS = 3;
    private static final int KERNEL = 3;
    private static final double EPS = 1e-5;
    private static final double FINAL_SHARE_OF_RATE = 0.1;

    private SameDiffNet() {
    }

    static SameDiff create(InputType.InputTypeConvolutional input, int classes, int channels, double learningRate,
                           int iterations, long seed) {
        Nd4j.getRandom().setSeed(seed);
        SameDiff sd = SameDiff.create();
        SDNorm norm = new SDNorm(sd);
        SDVariable h = sd.placeHolder(IMAGES, DataType.FLOAT, -1, input.getChannels(), input.getHeight(), input.getWidth());
        SDVariable labels = sd.placeHolder(LABELS, DataType.FLOAT, -1, classes);
        long size = input.getHeight() * input.getWidth();
        long width = input.getChannels();
        for (int block = 1; block <= BLOCKS; block++) {
            int out = block == 1 ? channels : 2 * channels;
            SDVariable weights = sd.var("conv" + block, random(2.0 / (KERNEL * KERNEL * width), KERNEL, KERNEL, width, out));
            SDVariable gamma = sd.var("gamma" + block, Nd4j.ones(DataType.FLOAT, out));
            SDVariable beta = sd.var("beta" + block, Nd4j.zeros(DataType.FLOAT, out));
            h = sd.cnn.conv2d(h, weights, Conv2DConfig.builder().kH(KERNEL).kW(KERNEL).paddingMode(PaddingMode.SAME).build());
            h = norm.named("norm" + block).groupNorm(h, gamma, beta, NormChoice.groups(out), EPS);
            h = sd.nn.relu(h, 0);
            if (block < BLOCKS) {
                h = sd.cnn.maxPooling2d(h, Pooling2DConfig.builder().kH(2).kW(2).sH(2).sW(2).build());
                size = input.getHeight() / (1L << block) * (input.getWidth() / (1L << block));
            }
            width = out;
        }
        SDVariable weights = sd.var("weights", random(2.0 / (size * width + classes), size * width, classes));
        SDVariable bias = sd.var("bias", Nd4j.zeros(DataType.FLOAT, classes));
        SDVariable logits = sd.reshape(h, -1, size * width).mmul(weights).add(bias);
        sd.nn.softmax(PREDICTIONS, logits, 1);
        sd.loss.softmaxCrossEntropy(LOSS, labels, logits, null);
        sd.setLossVariables(LOSS);
        sd.setTrainingConfig(TrainingConfig.builder()
                .updater(new Adam(new ExponentialSchedule(ScheduleType.ITERATION, learningRate,
                        Math.pow(FINAL_SHARE_OF_RATE, 1.0 / iterations))))
                .dataSetFeatureMapping(IMAGES).dataSetLabelMapping(LABELS).build());
        return sd;
    }

    private static INDArray random(double variance, long... shape) {
        return Nd4j.randn(DataType.FLOAT, shape).muli(Math.sqrt(variance));
    }
}
