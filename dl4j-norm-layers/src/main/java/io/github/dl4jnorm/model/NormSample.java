// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import io.github.dl4jnorm.conf.NormParameter;
import io.github.dl4jnorm.layer.NormalizationLayer;
import io.github.dl4jnorm.norm.ChannelStatistics;
import io.github.dl4jnorm.norm.Norm;
import io.github.dl4jnorm.norm.NormPlan;
import io.github.dl4jnorm.norm.Pooling;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.IntStream;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Holds the statistics and parameters of a norm in one training iteration, at its forward pass. Values that the norm does
 * not have are null. Arrays have one element for each sampled channel.
 *
 * @param iteration       iteration number, from 0
 * @param epoch           epoch number, from 0
 * @param channels        indices of the sampled channels
 * @param batchMean       mean of the batch
 * @param batchVariance   biased variance of the batch
 * @param runningMean     running mean, before it was updated with the batch
 * @param runningVariance running variance, before it was updated with the batch
 * @param gamma           scale, gammaOffset + gamma
 * @param beta            shift
 * @param meanWeights     weight of each part of switchable normalization in the mean, by "instance", "layer", "batch"
 * @param varianceWeights weight of each part in the variance
 * @param inputNorm       Euclidean norm of the input
 * @param outputNorm      Euclidean norm of the output
 * @param outputGradient  Euclidean norm of the gradient of the output, NaN before the backward pass
 * @param inputGradient   Euclidean norm of the gradient of the input, NaN before the backward pass
 */
public record NormSample(int iteration, int epoch, int[] channels, double[] batchMean, double[] batchVariance,
                         double[] runningMean, double[] runningVariance, double[] gamma, double[] beta,
                         Map<String, Double> meanWeights, Map<String, Double> varianceWeights, double inputNorm,
                         double outputNorm, double outputGradient, double inputGradient) {
    static NormSample forward(int iteration, int epoch, NormalizationLayer layer, int most, INDArray x, INDArray y) {
        int[] kept = spread(Math.toIntExact(layer.layerConf().getNOut()), most);
        ChannelStatistics batch = layer.batchStatistics();
        boolean tracked = layer.layerConf().tracksStatistics();
        return new NormSample(iteration, epoch, kept, batch == null ? null : pick(batch.mean(), kept),
                batch == null ? null : pick(batch.variance(), kept), tracked ? pick(layer.runningMean(), kept) : null,
                tracked ? pick(layer.runningVariance(), kept) : null,
                parameter(layer, NormParameter.GAMMA, layer.layerConf().getGammaOffset(), kept),
                parameter(layer, NormParameter.BETA, 0, kept), weights(layer, NormParameter.MEAN_WEIGHT, x),
                weights(layer, NormParameter.VAR_WEIGHT, x), length(x), length(y),
                Double.NaN, Double.NaN);
    }

    NormSample backward(INDArray dy, INDArray dx) {
        return new NormSample(iteration, epoch, channels, batchMean, batchVariance, runningMean, runningVariance, gamma, beta,
                meanWeights, varianceWeights, inputNorm, outputNorm, length(dy), length(dx));
    }

    /** In HALF the sum of squares would overflow. */
    private static double length(INDArray array) {
        return (array.dataType() == DataType.HALF ? array.castTo(DataType.FLOAT) : array).norm2Number().doubleValue();
    }

    /** At most so many of all channels, evenly spread. */
    private static int[] spread(int count, int most) {
        int kept = Math.min(count, most);
        return IntStream.range(0, kept).map(i -> (int) ((long) i * count / kept)).toArray();
    }

    private static double[] pick(double[] all, int[] kept) {
        return Arrays.stream(kept).mapToDouble(c -> all[c]).toArray();
    }

    /** With a gamma for each element, channels have none of their own. */
    private static double[] parameter(NormalizationLayer layer, String name, double offset, int[] kept) {
        INDArray values = layer.paramTable().get(name);
        return values == null || values.length() != layer.layerConf().getNOut() ? null
                : Arrays.stream(kept).mapToDouble(c -> offset + values.getDouble(c)).toArray();
    }

    /** Weights of the parts in use: on dense input there is no instance part, whether it has a weight or not. */
    private static Map<String, Double> weights(NormalizationLayer layer, String name, INDArray x) {
        INDArray logits = layer.paramTable().get(name);
        if (logits == null) {
            return null;
        }
        NormPlan.Channels plan = (NormPlan.Channels) layer.layerConf().plan(x.rank());
        double[] used = Norm.softmax(IntStream.range(0, plan.parts().size())
                .mapToDouble(k -> logits.getDouble(plan.firstWeight() + k)).toArray());
        Map<String, Double> weights = new LinkedHashMap<>();
        for (int k = 0; k < used.length; k++) {
            Pooling part = plan.parts().get(k);
            weights.put(part.overBatch() ? "batch" : part.equals(Pooling.LAYER) ? "layer" : "instance", used[k]);
        }
        return weights;
    }
}
