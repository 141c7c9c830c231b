// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.pass;

import io.github.dl4jnorm.norm.Curve;
import io.github.dl4jnorm.norm.NormPlan;
import io.github.dl4jnorm.norm.Parameter;
import io.github.dl4jnorm.norm.Values;
import java.util.Arrays;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.transforms.strict.Cosh;
import org.nd4j.linalg.api.ops.impl.transforms.strict.Erf;
import org.nd4j.linalg.api.ops.impl.transforms.strict.Tanh;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.ops.transforms.Transforms;

/**
 * {@code gamma·f(alpha·x + shift) + beta}: an affine pass, a function, another affine pass. Between them, masked positions are 0,
 * whatever x is there, and HALF is FLOAT.
 *
 * @param curve  the function
 * @param inside {@code z = alpha·x + shift}
 * @param saved  {@code gamma·f(z) + beta}
 */
record CurvePass(Curve curve, NormPass inside, Saved saved) implements Saved {

    static Saved forward(NormPass pass, Curve curve, INDArray x, INDArray y) {
        Values values = new Values().set(Parameter.GAMMA, pass.values().get(Parameter.ALPHA));
        if (pass.values().has(Parameter.SHIFT)) {
            double[] shift = new double[pass.view().channels()];
            Arrays.fill(shift, pass.values().get(Parameter.SHIFT)[0]);
            values.set(Parameter.BETA, shift);
        }
        NormPass inside = pass.with(NormPlan.affine()).with(values).with(false);
        INDArray z = Wide.like(x);
        inside.forward(Wide.of(x), z);
        INDArray wide = Wide.output(y);
        Saved saved = pass.with(NormPlan.affine()).forward(value(curve, z), wide);
        Wide.deliver(wide, y);
        return new CurvePass(curve, inside, saved);
    }

    private static INDArray value(Curve curve, INDArray z) {
        INDArray h = z.ulike();
        return Nd4j.exec(curve == Curve.TANH ? new Tanh(z, h) : new Erf(z, h));
    }

    /** The derivative; z is changed. The hyperbolic cosine has digits where 1 − tanh² has none left. */
    private static INDArray slope(Curve curve, INDArray z) {
        INDArray square = (curve == Curve.TANH ? Nd4j.exec(new Cosh(z, z)) : z).muli(z);
        return curve == Curve.TANH ? square.rdivi(1) : Transforms.exp(square.negi(), false).muli(2 / Math.sqrt(Math.PI));
    }

    @Override
    public void again(INDArray x, INDArray y) {
        INDArray z = Wide.like(x);
        inside.forward(Wide.of(x), z);
        INDArray wide = Wide.output(y);
        saved.again(value(curve, z), wide);
        Wide.deliver(wide, y);
    }

    @Override
    public Values backward(INDArray x, INDArray dy, INDArray dx) {
        INDArray z = Wide.like(x);
        Saved first = inside.forward(Wide.of(x), z);
        INDArray dz = Wide.like(x);
        Values gradients = saved.backward(value(curve, z), Wide.of(dy), dz);
        dz.muli(slope(curve, z));
        INDArray wide = Wide.output(dx);
        Values ofInside = first.backward(Wide.of(x), dz, wide);
        Wide.deliver(wide, dx);
        double shift = Arrays.stream(ofInside.get(Parameter.BETA)).sum();
        return gradients.set(Parameter.ALPHA, ofInside.get(Parameter.GAMMA)).set(Parameter.SHIFT, new double[]{shift});
    }
}
