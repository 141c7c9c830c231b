// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.pass;

import io.github.dl4jnorm.norm.ChannelStatistics;
import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.NormPlan;
import io.github.dl4jnorm.norm.Values;
import io.github.dl4jnorm.norm.View;
import java.util.ArrayList;
import java.util.List;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Passes over parts of a batch of nearly the same size, each as if there were no others. */
final class GhostPass implements Saved {
    private final List<Part> parts = new ArrayList<>();

    private record Part(int from, int to, Saved saved) {
    }

    private static INDArray some(INDArray array, int from, int to) {
        return Slices.range(array, 0, from, to);
    }

    static Saved forward(NormPass pass, INDArray x, INDArray y) {
        GhostPass result = new GhostPass();
        View view = pass.view();
        Mask mask = pass.mask();
        int count = (view.examples() - 1) / ((NormPlan.Ghost) pass.plan()).examples() + 1;
        boolean channelsLast = view.channelAxis() > 1;
        for (int i = 0; i < count; i++) {
            int from = (int) ((long) i * view.examples() / count);
            int to = (int) ((i + 1L) * view.examples() / count);
            INDArray some = some(x, from, to);
            NormPass ofPart = new NormPass(View.of(some.shape(), channelsLast), mask == null ? null : mask.examples(from, to),
                    NormPlan.batch(), pass.values(), pass.eps(), pass.relu(), false, null);
            result.parts.add(new Part(from, to, ofPart.forward(some, some(y, from, to))));
        }
        return result;
    }

    @Override
    public ChannelStatistics batchStatistics() {
        List<ChannelStatistics> all = updates();
        ChannelStatistics.Average average = new ChannelStatistics.Average(all.get(0).channels());
        all.forEach(average::add);
        return average.result();
    }

    @Override
    public boolean overflowed() {
        return parts.stream().anyMatch(part -> part.saved.overflowed());
    }

    @Override
    public List<ChannelStatistics> updates() {
        return parts.stream().map(part -> part.saved.batchStatistics()).toList();
    }

    @Override
    public void again(INDArray x, INDArray y) {
        parts.forEach(part -> part.saved.again(some(x, part.from, part.to), some(y, part.from, part.to)));
    }

    @Override
    public Values backward(INDArray x, INDArray dy, INDArray dx) {
        Values sum = new Values();
        for (Part part : parts) {
            sum.add(part.saved.backward(some(x, part.from, part.to), some(dy, part.from, part.to),
                    some(dx, part.from, part.to)));
        }
        return sum;
    }
}
