// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Normalizes arrays without a layer or graph, like ND4J's {@code NDNN}:
 *
 * <pre>{@code
 * INDArray y = new NDNorm().groupNorm(x, gamma, beta, 8, 1e-5);
 * }</pre>
 *
 * <p>See {@link NormOps} for the operations. Inputs may have any strides; outputs are new arrays in c order.
 */
public final class NDNorm extends NormOps<INDArray> {

    /** Creates an instance. It cannot change and can be shared between threads. */
    public NDNorm() {
        this(null, 0);
    }

    private NDNorm(Layout layout, double gammaOffset) {
        super(layout, gammaOffset);
    }

    @Override
    public NDNorm layout(Layout layout) {
        return new NDNorm(Objects.requireNonNull(layout, "layout"), gammaOffset());
    }

    @Override
    public NDNorm gammaOffset(double gammaOffset) {
        return new NDNorm(layout(), gammaOffset);
    }

    @Override
    List<INDArray> outputs(NormSpec spec, List<INDArray> inputs) {
        NormChecks.arrays(spec, inputs);
        INDArray x = inputs.get(0);
        List<INDArray> outputs = new ArrayList<>();
        for (int i = 0; i < spec.arrays(); i++) {
            outputs.add(Nd4j.createUninitialized(x.dataType(), x.shape(), 'c'));
        }
        spec.forward(inputs, outputs);
        return outputs;
    }
}
