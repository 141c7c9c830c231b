// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import org.nd4j.linalg.api.ndarray.INDArray;

/** What an input says about gamma and beta: of each channel of each example in turn. */
interface Condition {

    /** Factors. */
    double[] gamma();

    /** Shifts. */
    double[] beta();

    /** Writes the gradient of the input, which is handed over again: a copy may have been lost with its workspace. */
    void backward(INDArray input, double[] dGamma, double[] dBeta, INDArray into);
}
