// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static io.github.dl4jnorm.conf.NormParameter.BETA;
import static io.github.dl4jnorm.conf.NormParameter.GAMMA;
import static io.github.dl4jnorm.conf.NormParameter.MEAN_WEIGHT;
import static io.github.dl4jnorm.conf.NormParameter.VAR_WEIGHT;

import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.NormPlan;
import io.github.dl4jnorm.norm.Norm;
import java.util.Arrays;
import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The learned numbers of a layer as one pass sees them; null where there is nothing to learn and 1 or 0 stands in.
 */
record NormParams(double[] gamma, double[] beta, double[] meanLogits, double[] varLogits, double eps) {

    static NormParams of(NormLayer conf, Map<String, INDArray> params) {
        int channels = Math.toIntExact(conf.getNOut());
        return new NormParams(
                orFixed(Numbers.read(params.get(GAMMA)), conf.fixedGamma(), 1, channels),
                orFixed(Numbers.read(params.get(BETA)), conf.fixedBeta(), 0, channels),
                Numbers.read(params.get(MEAN_WEIGHT)), Numbers.read(params.get(VAR_WEIGHT)), conf.getEps());
    }

    private static double[] orFixed(double[] learned, double fixed, double neutral, int channels) {
        if (learned != null || fixed == neutral) {
            return learned;
        }
        double[] same = new double[channels];
        Arrays.fill(same, fixed);
        return same;
    }

    /** Softmax over the logits of the parts in use; one part alone has weight 1. */
    double[] mixture(double[] logits, NormPlan plan) {
        if (logits == null) {
            return new double[]{1};
        }
        return Norm.softmax(Arrays.copyOfRange(logits, plan.firstWeight(), plan.firstWeight() + plan.parts().size()));
    }
}
