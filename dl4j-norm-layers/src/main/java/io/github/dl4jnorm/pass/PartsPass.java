// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.pass;

import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.NormPlan;
import io.github.dl4jnorm.norm.Values;
import io.github.dl4jnorm.norm.View;
import java.util.ArrayList;
import java.util.List;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Passes over ranges of an axis, each as if there were no others. */
abstract class PartsPass implements Saved {
    private final int axis;
    private final List<Part> parts = new ArrayList<>();

    private record Part(int from, int to, Saved saved) {
    }

    /** Normalizes a range. */
    @FunctionalInterface
    interface Forward {
        Saved of(INDArray x, INDArray y);
    }

    PartsPass(int axis) {
        this.axis = axis;
    }

    private INDArray some(INDArray array, int from, int to) {
        return Slices.range(array, axis, from, to);
    }

    final void add(int from, int to, INDArray x, INDArray y, Forward forward) {
        parts.add(new Part(from, to, forward.of(some(x, from, to), some(y, from, to))));
    }

    /** Applies batch normalization to a range of examples. */
    final void addBatch(NormPass pass, Values values, int from, int to, INDArray x, INDArray y) {
        Mask mask = pass.mask() == null ? null : pass.mask().examples(from, to);
        boolean channelsLast = pass.view().channelAxis() > 1;
        add(from, to, x, y, (some, into) -> new NormPass(View.of(some.shape(), channelsLast), mask, NormPlan.batch(), values,
                pass.eps(), pass.relu(), pass.observe(), null).forward(some, into));
    }

    final List<Saved> parts() {
        return parts.stream().map(Part::saved).toList();
    }

    @Override
    public boolean overflowed() {
        return parts.stream().anyMatch(part -> part.saved.overflowed());
    }

    @Override
    public void again(INDArray x, INDArray y) {
        parts.forEach(part -> part.saved.again(some(x, part.from, part.to), some(y, part.from, part.to)));
    }

    /** Writes the gradient of the input and returns those of all else, part by part. */
    final List<Values> backwards(INDArray x, INDArray dy, INDArray dx) {
        return parts.stream().map(part -> part.saved.backward(some(x, part.from, part.to), some(dy, part.from, part.to),
                some(dx, part.from, part.to))).toList();
    }
}
