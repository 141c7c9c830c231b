// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

import io.github.dl4jnorm.norm.Parameter;
import io.github.dl4jnorm.norm.Values;
import io.github.dl4jnorm.norm.View;
import io.github.dl4jnorm.pass.NormPass;
import io.github.dl4jnorm.pass.Saved;
import java.util.Arrays;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * A normalization over any axes.
 *
 * @param axes  the axes, counted from the start
 * @param plan  what is normalized instead
 * @param shape shape of x
 * @param given gamma and beta where they are applied after the norm, else null
 * @param inner the pass over what is normalized instead
 */
record AxesPass(Axes axes, AxesPlan plan, long[] shape, Values given, Saved inner) implements Saved {

    /** Normalizes checked input; gamma and beta are in the order of their elements. */
    static AxesPass forward(NormSpec spec, Values values, INDArray x, INDArray y) {
        long[] shape = x.shape();
        Axes ofRank = spec.axes().of(shape.length);
        AxesPlan plan = AxesPlan.of(spec.kind() == NormOps.Kind.RMS_NORM, ofRank, shape);
        boolean apart = (values.has(Parameter.GAMMA) || values.has(Parameter.BETA))
                && !Arrays.equals(ofRank.features(), plan.channels());
        View view = View.of(plan.cube(), plan.layout() == Layout.CHANNELS_LAST);
        NormPass pass = new NormPass(view, null, plan.kind().definition().plan(plan.cube().length, view.channels(), 1, 0),
                apart ? new Values() : values, spec.eps());
        INDArray room = plan.room(y);
        Saved inner = pass.forward(plan.seen(x), room);
        plan.deliver(room, y);
        AxesPass saved = new AxesPass(ofRank, plan, shape, apart ? values : null, inner);
        saved.scaleAndShift(y);
        return saved;
    }

    private INDArray broadcast(Parameter parameter, DataType type) {
        return AxesPlan.broadcast(given.get(parameter), axes, shape, type);
    }

    private void scaleAndShift(INDArray y) {
        if (given != null && given.has(Parameter.GAMMA)) {
            y.muli(broadcast(Parameter.GAMMA, y.dataType()));
        }
        if (given != null && given.has(Parameter.BETA)) {
            y.addi(broadcast(Parameter.BETA, y.dataType()));
        }
    }

    @Override
    public void again(INDArray x, INDArray y) {
        normalized(x, y);
        scaleAndShift(y);
    }

    /** Without gamma and beta that are applied afterwards. */
    private void normalized(INDArray x, INDArray y) {
        INDArray room = plan.room(y);
        inner.again(plan.seen(x), room);
        plan.deliver(room, y);
    }

    @Override
    public Values backward(INDArray x, INDArray dy, INDArray dx) {
        INDArray gradient = dy;
        Values apart = null;
        if (given != null) {
            INDArray hat = Nd4j.createUninitialized(x.dataType(), shape, 'c');
            normalized(x, hat);
            INDArray exact = dy.castTo(DataType.DOUBLE);
            apart = new Values().set(Parameter.GAMMA, sums(hat.castTo(DataType.DOUBLE).muli(exact)))
                    .set(Parameter.BETA, sums(exact));
            gradient = given.has(Parameter.GAMMA) ? dy.mul(broadcast(Parameter.GAMMA, dy.dataType())) : dy;
        }
        INDArray room = plan.room(dx);
        Values found = inner.backward(plan.seen(x), plan.seen(gradient), room);
        plan.deliver(room, dx);
        return apart == null ? found : apart;
    }

    /** Sums over all axes but those of gamma and beta. */
    private double[] sums(INDArray products) {
        int[] others = Axes.others(axes.features(), shape.length);
        return (others.length == 0 ? products : products.sum(others)).dup('c').data().asDouble();
    }
}
