// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static io.github.dl4jnorm.conf.NormParameter.BETA;
import static io.github.dl4jnorm.conf.NormParameter.GAMMA;
import static io.github.dl4jnorm.conf.NormParameter.LEARNED_EPS;
import static io.github.dl4jnorm.conf.NormParameter.MEAN_WEIGHT;
import static io.github.dl4jnorm.conf.NormParameter.TAU;
import static io.github.dl4jnorm.conf.NormParameter.VAR_WEIGHT;

import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.NormParameter;
import io.github.dl4jnorm.norm.Renorm;
import io.github.dl4jnorm.pass.NormParams;
import io.github.dl4jnorm.pass.NormPass;
import io.github.dl4jnorm.pass.Numbers;
import java.util.Arrays;
import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The parameters of a layer as a pass takes them, and their gradients as a network does.
 *
 * @param conf   the layer's configuration
 * @param params parameters by name
 */
record LearnedNumbers(NormLayer conf, Map<String, INDArray> params) {

    NormParams numbers(Renorm renorm) {
        return new NormParams(orFixed(Numbers.read(params.get(GAMMA)), conf.fixedGamma(), 1),
                orFixed(Numbers.read(params.get(BETA)), conf.fixedBeta(), 0),
                Numbers.read(params.get(MEAN_WEIGHT)), Numbers.read(params.get(VAR_WEIGHT)),
                conf.getEps() + Math.abs(learnedEps()), renorm, Numbers.read(params.get(TAU)));
    }

    private double learnedEps() {
        return params.containsKey(LEARNED_EPS) ? Numbers.read(params.get(LEARNED_EPS))[0] : 0;
    }

    private double[] orFixed(double[] learned, double fixed, double neutral) {
        if (learned != null || fixed == neutral) {
            return learned;
        }
        double[] same = new double[Math.toIntExact(conf.affineLength())];
        Arrays.fill(same, fixed);
        return same;
    }

    /** Writes the gradient of one parameter. */
    void write(NormPass.Gradients gradients, NormParameter parameter, INDArray view) {
        switch (parameter.name()) {
            case GAMMA -> Numbers.write(gradients.gamma(), view);
            case BETA -> Numbers.write(gradients.beta(), view);
            case MEAN_WEIGHT -> writeWeights(gradients.meanLogits(), view);
            case VAR_WEIGHT -> writeWeights(gradients.varLogits(), view);
            case TAU -> Numbers.write(gradients.tau(), view);
            case LEARNED_EPS -> Numbers.write(new double[]{Math.signum(learnedEps()) * gradients.eps()}, view);
            // Statistics are updated directly: as a gradient they would be clipped, renormalized or rounded away.
            default -> view.assign(0);
        }
    }

    /** Dense input leaves out the instance part, the first one. */
    private static void writeWeights(double[] logits, INDArray view) {
        double[] all = new double[(int) view.length()];
        System.arraycopy(logits, 0, all, all.length - logits.length, logits.length);
        Numbers.write(all, view);
    }
}
