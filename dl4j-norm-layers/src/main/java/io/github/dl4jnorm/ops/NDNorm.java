// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

import java.util.List;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Normalizations as plain functions of arrays, in the manner of ND4J's {@code NDNN}:
 *
 * <pre>{@code
 * INDArray y = new NDNorm().groupNorm(x, gamma, beta, 8, 1e-5);
 * }</pre>
 *
 * <p>{@link NormOps} describes them. Inputs may have any strides; the output is new, in c order.
 */
public final class NDNorm extends NormOps<INDArray> {

    /** Has no state: one object serves all threads. */
    public NDNorm() {
    }

    @Override
    INDArray apply(NormSpec spec, List<INDArray> inputs) {
        NormChecks.arrays(spec, inputs);
        INDArray x = inputs.get(0);
        INDArray y = Nd4j.createUninitialized(x.dataType(), x.shape(), 'c');
        spec.pass(inputs).forward(x, false, y);
        return y;
    }
}
