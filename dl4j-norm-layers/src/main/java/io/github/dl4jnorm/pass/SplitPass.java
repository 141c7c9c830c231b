// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.pass;

import io.github.dl4jnorm.norm.ChannelStatistics;
import io.github.dl4jnorm.norm.Values;
import io.github.dl4jnorm.norm.View;
import java.util.List;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Passes over equal parts of a batch, each with values of its own; with given statistics, one pass with those of the first. */
final class SplitPass extends PartsPass {
    private final int splits;
    private final int channels;

    private SplitPass(int splits, int channels) {
        super(0);
        this.splits = splits;
        this.channels = channels;
    }

    static Saved forward(NormPass pass, int splits, INDArray x, INDArray y) {
        View view = pass.view();
        SplitPass result = new SplitPass(splits, view.channels());
        int count = pass.isGiven() ? 1 : splits;
        int size = view.examples() / count;
        for (int i = 0; i < count; i++) {
            result.addBatch(pass, pass.values().range(i * view.channels(), (i + 1) * view.channels()), i * size, (i + 1) * size,
                    x, y);
        }
        return result;
    }

    @Override
    public ChannelStatistics batchStatistics() {
        return parts().get(0).batchStatistics();
    }

    @Override
    public List<ChannelStatistics> updates() {
        return parts().stream().map(Saved::batchStatistics).toList();
    }

    @Override
    public Values backward(INDArray x, INDArray dy, INDArray dx) {
        Values all = new Values();
        List<Values> gradients = backwards(x, dy, dx);
        for (int i = 0; i < gradients.size(); i++) {
            all.set(gradients.get(i), i * channels, splits * channels);
        }
        return all;
    }
}
