// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import io.github.dl4jnorm.pass.ParameterArrays;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Vectors of gamma of every channel, then beta of every channel unless there is none. */
final class VectorCondition extends TableCondition {
    private final double[] gamma;
    private final double[] beta;
    private final int channels;

    VectorCondition(INDArray vectors, double gammaOffset, int channels) {
        this.channels = channels;
        double[] all = ParameterArrays.read(vectors);
        int parts = (int) vectors.size(1) / channels;
        gamma = new double[all.length / parts];
        beta = parts == 1 ? null : new double[gamma.length];
        for (int i = 0; i < gamma.length; i++) {
            gamma[i] = gammaOffset + all[at(i)];
            if (beta != null) {
                beta[i] = all[at(i) + channels];
            }
        }
    }

    /** Where the gamma of a cell stands. */
    private int at(int cell) {
        return cell / channels * (beta == null ? 1 : 2) * channels + cell % channels;
    }

    @Override
    double[] gamma() {
        return gamma;
    }

    @Override
    double[] beta() {
        return beta;
    }

    @Override
    void backward(INDArray vectors, double[] dGamma, double[] dBeta, INDArray into) {
        double[] all = new double[(beta == null ? 1 : 2) * gamma.length];
        for (int i = 0; i < gamma.length; i++) {
            all[at(i)] = dGamma[i];
            if (beta != null) {
                all[at(i) + channels] = dBeta[i];
            }
        }
        ParameterArrays.write(all, into);
    }
}
