// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import io.github.dl4jnorm.pass.Numbers;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Vectors of gamma of every channel, then beta of every channel. */
final class VectorCondition implements Condition {
    private final double[] gamma;
    private final double[] beta;
    private final int channels;

    VectorCondition(INDArray vectors, double gammaOffset) {
        channels = (int) vectors.size(1) / 2;
        double[] all = Numbers.read(vectors);
        gamma = new double[all.length / 2];
        beta = new double[gamma.length];
        for (int i = 0; i < gamma.length; i++) {
            gamma[i] = gammaOffset + all[at(i)];
            beta[i] = all[at(i) + channels];
        }
    }

    /** Where the gamma of a cell stands. */
    private int at(int cell) {
        return cell / channels * 2 * channels + cell % channels;
    }

    @Override
    public double[] gamma() {
        return gamma;
    }

    @Override
    public double[] beta() {
        return beta;
    }

    @Override
    public void backward(INDArray vectors, double[] dGamma, double[] dBeta, INDArray into) {
        double[] all = new double[2 * gamma.length];
        for (int i = 0; i < gamma.length; i++) {
            all[at(i)] = dGamma[i];
            all[at(i) + channels] = dBeta[i];
        }
        Numbers.write(all, into);
    }
}
