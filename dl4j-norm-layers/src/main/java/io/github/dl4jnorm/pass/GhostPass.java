// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.pass;

import io.github.dl4jnorm.norm.ChannelStatistics;
import io.github.dl4jnorm.norm.NormPlan;
import io.github.dl4jnorm.norm.Values;
import java.util.List;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Passes over parts of a batch of nearly the same size. */
final class GhostPass extends PartsPass {
    private GhostPass() {
        super(0);
    }

    static Saved forward(NormPass pass, INDArray x, INDArray y) {
        GhostPass result = new GhostPass();
        long examples = pass.view().examples();
        long count = (examples - 1) / ((NormPlan.Ghost) pass.plan()).examples() + 1;
        for (int i = 0; i < count; i++) {
            result.addBatch(pass, pass.values(), (int) (i * examples / count), (int) ((i + 1) * examples / count), x, y);
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
    public List<ChannelStatistics> updates() {
        return parts().stream().map(Saved::batchStatistics).toList();
    }

    @Override
    public Values backward(INDArray x, INDArray dy, INDArray dx) {
        Values sum = new Values();
        backwards(x, dy, dx).forEach(sum::add);
        return sum;
    }
}
