// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import io.github.dl4jnorm.conf.OutputFormat;
import io.github.dl4jnorm.kernel.Kernels;
import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.Moments;
import io.github.dl4jnorm.norm.View;
import io.github.dl4jnorm.pass.ParameterArrays;
import java.util.function.Supplier;
import org.deeplearning4j.exception.DL4JInvalidInputException;
import org.deeplearning4j.nn.conf.layers.BaseLayer;
import org.nd4j.linalg.activations.IActivation;
import org.nd4j.linalg.activations.impl.ActivationIdentity;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Sets gain and bias of a weight-normalized layer so that what goes into its activation has mean 0 and variance 1 over a
 * batch: {@code g = 1/σ[t]} and {@code b = −μ[t]/σ[t]}, where t is the output for g = 1 and b = 0 (arXiv 1602.07868,
 * section 3). A unit whose t does not vary keeps its g.
 */
final class DataDependentStart {
    /** Below this share of the squared mean, a variance is rounding. */
    private static final double NO_VARIANCE = 1e-12;

    private DataDependentStart() {
    }

    /**
     * Sets gain and bias.
     *
     * @param conf    configuration of the layer inside
     * @param gain    gain of the weight that the outputs come from
     * @param bias    bias, or null
     * @param mask    mask of the output, or null
     * @param layerId what to call the layer in messages
     * @param forward gives the output with the gain and bias that are set
     * @throws DL4JInvalidInputException if the output is not finite, or all of it is masked
     */
    static void apply(BaseLayer conf, INDArray gain, INDArray bias, INDArray mask, String layerId,
                      Supplier<INDArray> forward) {
        double[] g = ParameterArrays.read(gain);
        gain.assign(1);
        if (bias != null) {
            bias.assign(0);
        }
        Moments moments = moments(linearOutput(conf, forward), OutputFormat.isChannelsLast(conf), mask, layerId);
        double[] b = new double[g.length];
        for (int c = 0; c < g.length; c++) {
            double mean = moments.mean(c);
            double variance = moments.variance(c);
            if (!(moments.count(c) > 0) || !Double.isFinite(mean) || !Double.isFinite(variance)) {
                throw new DL4JInvalidInputException(layerId + ": expected a batch with finite outputs that are not "
                        + "all masked, got mean " + mean + " and variance " + variance + " over " + moments.count(c)
                        + " positions in unit " + c);
            }
            if (variance > NO_VARIANCE * mean * mean) {
                g[c] = 1 / Math.sqrt(variance);
            }
            b[c] = -mean * g[c];
        }
        ParameterArrays.write(g, gain);
        if (bias != null) {
            ParameterArrays.write(b, bias);
        }
    }

    private static INDArray linearOutput(BaseLayer conf, Supplier<INDArray> forward) {
        IActivation activation = conf.getActivationFn();
        conf.setActivationFn(new ActivationIdentity());
        try {
            return forward.get();
        } finally {
            conf.setActivationFn(activation);
        }
    }

    private static Moments moments(INDArray output, boolean channelsLast, INDArray maskArray, String layerId) {
        View view = View.of(output.shape(), channelsLast);
        Mask mask = Masks.of(maskArray, view, layerId);
        return Kernels.get().moments(output, view.batchAsPositions(), mask == null ? null : mask.batchAsPositions());
    }
}
