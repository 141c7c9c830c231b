// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.NormParameter;
import io.github.dl4jnorm.layer.NormalizationLayer;
import io.github.dl4jnorm.norm.Divisor;
import io.github.dl4jnorm.norm.NormPlan;
import io.github.dl4jnorm.norm.Parameter;
import io.github.dl4jnorm.norm.Values;
import java.util.Arrays;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.nd4j.linalg.activations.IActivation;
import org.nd4j.linalg.activations.impl.ActivationIdentity;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * What a norm with running statistics, this library's or Deeplearning4j's, does at test time: {@code act(scale·x + shift)}
 * with {@code scale = gamma/√(var + eps)} and {@code shift = beta − mean·scale}.
 *
 * @param scale      of each channel
 * @param shift      of each channel
 * @param activation what follows
 */
record BatchNormMap(double[] scale, double[] shift, IActivation activation) {
    /** Every norm with running statistics takes images. */
    private static final int IMAGES = 4;

    static boolean isStock(Layer layer) {
        return layer instanceof org.deeplearning4j.nn.conf.layers.BatchNormalization;
    }

    static boolean isBatchNorm(Layer layer) {
        return layer instanceof BatchNormalization || isStock(layer);
    }

    /** Whether it does the same to every example at test time: scale and shift by running statistics alone. */
    static boolean isAffine(Layer layer) {
        return isStock(layer) || layer instanceof NormLayer norm && norm.tracksStatistics()
                && norm.plan(IMAGES).isAffineWhenGiven();
    }

    static boolean channelsLast(Layer layer) {
        return layer instanceof NormLayer ours ? ours.isChannelsLast()
                : ((org.deeplearning4j.nn.conf.layers.BatchNormalization) layer).getCnn2DFormat() == CNN2DFormat.NHWC;
    }

    static BatchNormMap of(Part part) {
        if (part.layer() instanceof NormLayer conf) {
            NormalizationLayer layer = (NormalizationLayer) part.source();
            Divisor divisor = conf.plan(IMAGES) instanceof NormPlan.Channels plan ? plan.divisor() : Divisor.DEVIATION;
            Values values = new Values().set(Parameter.MEAN, layer.runningMean()).set(Parameter.VAR, layer.runningVariance());
            conf.given(values);
            BatchNormMap map = of(part, values.get(Parameter.MEAN), units(values.get(Parameter.VAR), conf.getEps(), divisor),
                    conf.getActivationFn());
            return map.behind(values.get(Parameter.GAMMA), values.get(Parameter.BETA));
        }
        var conf = (org.deeplearning4j.nn.conf.layers.BatchNormalization) part.layer();
        // Deeplearning4j never applies an activation here.
        return of(part, doubles(part.param(NormParameter.MEAN)), units(stockVariance(part), conf.getEps(), Divisor.DEVIATION),
                new ActivationIdentity());
    }

    private static double[] units(double[] variance, double eps, Divisor divisor) {
        return Arrays.stream(variance).map(v -> divisor.unit(v, eps)).toArray();
    }

    /** Gamma of all channels where it is no parameter. */
    static double fixedGamma(Layer norm) {
        return norm instanceof NormLayer ours ? ours.fixedGamma()
                : appliesLocked(norm) ? ((org.deeplearning4j.nn.conf.layers.BatchNormalization) norm).getGamma() : 1;
    }

    /** What is added to gamma. */
    static double gammaOffset(Layer norm) {
        return norm instanceof NormLayer ours ? ours.getGammaOffset() : 0;
    }

    /** Beta of all channels where it is no parameter. */
    static double fixedBeta(Layer norm) {
        return norm instanceof NormLayer ours ? ours.fixedBeta()
                : appliesLocked(norm) ? ((org.deeplearning4j.nn.conf.layers.BatchNormalization) norm).getBeta() : 0;
    }

    /** Deeplearning4j applies locked values only if neither is the neutral one. */
    private static boolean appliesLocked(Layer norm) {
        var stock = (org.deeplearning4j.nn.conf.layers.BatchNormalization) norm;
        return stock.isLockGammaBeta() && stock.getGamma() != 1 && stock.getBeta() != 0;
    }

    static double[] stockVariance(Part part) {
        INDArray log = part.param(NormParameter.LOG10_STDEV);
        return log == null ? doubles(part.param(NormParameter.VAR))
                : Arrays.stream(doubles(log)).map(NormArrays::variance).toArray();
    }

    private static BatchNormMap of(Part part, double[] mean, double[] units, IActivation activation) {
        double[] gamma = doubles(part.param(NormParameter.GAMMA));
        double[] beta = doubles(part.param(NormParameter.BETA));
        double[] scale = new double[mean.length];
        double[] shift = new double[mean.length];
        for (int c = 0; c < mean.length; c++) {
            scale[c] = (gamma == null ? fixedGamma(part.layer()) : gammaOffset(part.layer()) + gamma[c])
                    * units[c];
            shift[c] = (beta == null ? fixedBeta(part.layer()) : beta[c]) - mean[c] * scale[c];
        }
        return new BatchNormMap(scale, shift, activation);
    }

    /** The same, and then scaled and shifted by what is not null. */
    private BatchNormMap behind(double[] gamma, double[] beta) {
        for (int c = 0; c < scale.length; c++) {
            scale[c] *= gamma == null ? 1 : gamma[c];
            shift[c] = shift[c] * (gamma == null ? 1 : gamma[c]) + (beta == null ? 0 : beta[c]);
        }
        return this;
    }

    static double[] doubles(INDArray array) {
        return array == null ? null : array.castTo(DataType.DOUBLE).dup('c').reshape(array.length()).toDoubleVector();
    }
}
