// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.activations.IActivation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.lossfunctions.ILossFunction;
import org.nd4j.linalg.lossfunctions.LossUtil;
import org.nd4j.linalg.ops.transforms.Transforms;

/** The entropy of predictions, {@code −Σ p·log p} over the classes of an example. Labels only have to be of their shape. */
final class EntropyLoss implements ILossFunction {
    private static final long serialVersionUID = 1L;
    /** Smallest probability whose logarithm is taken; a HALF has it. */
    private static final double LEAST = 1e-7;

    private static INDArray probabilities(INDArray preOutput, IActivation activation) {
        INDArray wide = preOutput.dataType() == DataType.HALF ? preOutput.castTo(DataType.FLOAT) : preOutput;
        return activation.getActivation(wide.dup(), true);
    }

    private static INDArray logarithms(INDArray probabilities) {
        return Transforms.log(Transforms.max(probabilities, LEAST, true), false);
    }

    @Override
    public double computeScore(INDArray labels, INDArray preOutput, IActivation activation, INDArray mask, boolean average) {
        double sum = computeScoreArray(labels, preOutput, activation, mask).sumNumber().doubleValue();
        return average ? sum / preOutput.size(0) : sum;
    }

    @Override
    public INDArray computeScoreArray(INDArray labels, INDArray preOutput, IActivation activation, INDArray mask) {
        INDArray p = probabilities(preOutput, activation);
        INDArray scores = p.mul(logarithms(p)).negi();
        if (mask != null) {
            LossUtil.applyMask(scores, mask.castTo(scores.dataType()));
        }
        return scores.sum(true, 1);
    }

    /** By the probabilities {@code −(log p + 1)}. */
    @Override
    public INDArray computeGradient(INDArray labels, INDArray preOutput, IActivation activation, INDArray mask) {
        INDArray p = probabilities(preOutput, activation);
        INDArray toOutput = logarithms(p).addi(1).negi();
        INDArray wide = preOutput.castTo(p.dataType());
        INDArray gradient = activation.backprop(wide == preOutput ? preOutput.dup() : wide, toOutput).getFirst();
        if (mask != null) {
            LossUtil.applyMask(gradient, mask.castTo(gradient.dataType()));
        }
        return gradient.castTo(preOutput.dataType());
    }

    @Override
    public Pair<Double, INDArray> computeGradientAndScore(INDArray labels, INDArray preOutput, IActivation activation,
                                                          INDArray mask, boolean average) {
        return new Pair<>(computeScore(labels, preOutput, activation, mask, average),
                computeGradient(labels, preOutput, activation, mask));
    }

    @Override
    public String name() {
        return "Entropy of predictions";
    }
}
