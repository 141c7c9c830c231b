// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.pass;

import io.github.dl4jnorm.norm.ChannelStatistics;
import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.NormPlan;
import io.github.dl4jnorm.norm.Parameter;
import io.github.dl4jnorm.norm.Values;
import io.github.dl4jnorm.norm.View;
import java.util.List;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Instance normalization of the first channels and batch normalization of the others, which alone may have given statistics. */
final class InstanceAndBatchPass extends PartsPass {
    private final int first;
    private final int channels;

    private InstanceAndBatchPass(View view, int first) {
        super(view.channelAxis());
        this.first = first;
        channels = view.channels();
    }

    static Saved forward(NormPass pass, int first, INDArray x, INDArray y) {
        View view = pass.view();
        InstanceAndBatchPass result = new InstanceAndBatchPass(view, first);
        result.add(pass, NormPlan.instance(first, true), 0, first, x, y);
        result.add(pass, NormPlan.batch(), first, view.channels(), x, y);
        return result;
    }

    private void add(NormPass pass, NormPlan plan, int from, int to, INDArray x, INDArray y) {
        Mask mask = pass.mask() == null ? null : pass.mask().channels(from, to);
        Values values = pass.values().range(from, to);
        if (from == 0) {
            values.set(Parameter.MEAN, null).set(Parameter.VAR, null);
        }
        add(from, to, x, y, (some, into) -> new NormPass(View.of(some.shape(), pass.view().channelAxis() > 1), mask, plan, values,
                pass.eps(), pass.relu(), pass.observe(), from == 0 ? null : pass.exchange()).forward(some, into));
    }

    /** Of the first channels, averages over the examples: they only keep the place of statistics that are not used. */
    @Override
    public ChannelStatistics batchStatistics() {
        ChannelStatistics second = parts().get(1).batchStatistics();
        return second == null ? null : second.behind(parts().get(0).batchStatistics());
    }

    @Override
    public Values backward(INDArray x, INDArray dy, INDArray dx) {
        List<Values> gradients = backwards(x, dy, dx);
        Values all = new Values();
        all.set(gradients.get(0), 0, channels);
        all.set(gradients.get(1), first, channels);
        return all;
    }
}
