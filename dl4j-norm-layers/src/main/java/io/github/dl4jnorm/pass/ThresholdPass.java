// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.pass;

import io.github.dl4jnorm.kernel.Kernels;
import io.github.dl4jnorm.norm.Affine;
import io.github.dl4jnorm.norm.Moments;
import io.github.dl4jnorm.norm.Parameter;
import io.github.dl4jnorm.norm.Values;
import java.util.Arrays;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * A norm and a thresholded linear unit behind it, max(·, tau): the norm with beta − tau and a ReLU, and tau added to what
 * comes out.
 */
final class ThresholdPass extends Wrapped {
    private final NormPass pass;
    private final double[] tau;

    private ThresholdPass(NormPass pass, double[] tau, Saved inner) {
        super(inner);
        this.pass = pass;
        this.tau = tau;
    }

    static Saved forward(NormPass pass, INDArray x, INDArray y) {
        if (pass.relu()) {
            throw new IllegalArgumentException("expected a threshold without ReLU, got both");
        }
        double[] tau = pass.values().get(Parameter.TAU);
        double[] given = pass.values().get(Parameter.BETA);
        double[] beta = new double[tau.length];
        Arrays.setAll(beta, c -> (given == null ? 0 : given[c]) - tau[c]);
        INDArray above = Nd4j.createUninitialized(x.dataType(), x.shape(), 'c');
        Values inner = pass.values().copy().set(Parameter.TAU, null).set(Parameter.BETA, beta);
        ThresholdPass result = new ThresholdPass(pass, tau, pass.with(inner).with(true).forward(x, above));
        result.raise(above, y);
        return result;
    }

    private void raise(INDArray above, INDArray y) {
        Kernels.get().affine(above, pass.view(), pass.mask(), (n, from, to, into) -> {
            Affine.IDENTITY.row(n, from, to, into);
            System.arraycopy(tau, from, into.shift, 0, to - from);
        }, false, y);
    }

    @Override
    public void again(INDArray x, INDArray y) {
        forward(pass, x, y);
    }

    /** tau receives what the norm does not. */
    @Override
    public Values backward(INDArray x, INDArray dy, INDArray dx) {
        Values below = inner.backward(x, dy, dx);
        Moments cells = Kernels.get().moments(dy, pass.view(), pass.mask());
        double[] toTau = new double[tau.length];
        for (int cell = 0; cell < cells.examples() * tau.length; cell++) {
            toTau[cell % tau.length] += cells.count(cell) * cells.mean(cell);
        }
        double[] toBeta = below.get(Parameter.BETA);
        Arrays.setAll(toTau, c -> toTau[c] - toBeta[c]);
        return below.set(Parameter.TAU, toTau);
    }
}
