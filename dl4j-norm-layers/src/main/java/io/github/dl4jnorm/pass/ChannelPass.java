// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.pass;

import io.github.dl4jnorm.kernel.Frames;
import io.github.dl4jnorm.kernel.Kernels;
import io.github.dl4jnorm.kernel.NormKernels;
import io.github.dl4jnorm.norm.ChannelStatistics;
import io.github.dl4jnorm.norm.Exchange;
import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.Moments;
import io.github.dl4jnorm.norm.Norm;
import io.github.dl4jnorm.norm.NormGradients;
import io.github.dl4jnorm.norm.NormPlan;
import io.github.dl4jnorm.norm.Pool;
import io.github.dl4jnorm.norm.Pooling;
import io.github.dl4jnorm.norm.SumTable;
import io.github.dl4jnorm.norm.View;
import java.util.ArrayList;
import java.util.List;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * One forward pass of a channel normalization and what its backward pass needs: tables of statistics, never anything
 * of the size of the input.
 */
final class ChannelPass implements NormPass {
    private final NormKernels kernels = Kernels.get();
    private final View view;
    private final Mask mask;
    private final Norm norm;
    /** Whether a number for each example and channel is much less than the input. */
    private final boolean tables;
    private final Moments cells;
    private final Pool batch;
    /** What makes one batch of the parts that several workers have, or null. */
    private final Exchange exchange;
    /** Groups of channels of an example that share statistics, if the kernels may still find those; else 0. */
    private int pendingGroups;

    /**
     * Computes the statistics, or leaves it to the forward pass where nothing else depends on them.
     *
     * @param x         input
     * @param whole     view of the input, nothing folded
     * @param wholeMask mask for it, or null
     * @param plan      how to normalize
     * @param params    gamma, beta and the logits of the weights
     * @param running   what stands in for the statistics of the batch, or null to compute those
     * @param observe   whether the statistics of the batch are wanted although they are not used
     * @param exchange  what makes one batch of the parts that several workers have, or null; not with {@code running}
     */
    ChannelPass(INDArray x, View whole, Mask wholeMask, NormPlan.Channels plan, NormParams params, Pool running,
                boolean observe, Exchange exchange) {
        this.exchange = exchange;
        boolean dense = whole.positions() == 1 && whole.shape().length == 2;
        // Batch normalization sees one example with N·S positions: its tables have C cells, and for dense input none
        // is of the size of the input.
        boolean fold = plan.parts().equals(List.of(Pooling.BATCH));
        view = fold ? whole.batchAsPositions() : whole;
        mask = fold && wholeMask != null ? wholeMask.batchAsPositions() : wholeMask;
        boolean alone = plan.parts().size() == 1;
        tables = fold || !dense;
        // Statistics that wait for other workers cannot be found channel by channel.
        boolean pending = alone && running == null && tables && exchange == null;
        boolean fromInput = !pending && (running == null || observe || !alone);
        cells = pending ? new Moments(view.examples(), view.channels())
                : fromInput && !dense ? kernels.moments(x, view, mask) : null;
        List<Pool> parts = new ArrayList<>();
        Pool observable = null;
        for (int k = 0; k < plan.parts().size(); k++) {
            Pooling pooling = plan.parts().get(k);
            boolean replaced = k == plan.running() && running != null;
            Pool own = null;
            if (pending) {
                own = Pool.over(pooling, cells);
            } else if (!replaced || observe) {
                own = (dense ? densePool(x, whole, wholeMask, pooling) : Pool.of(pooling, cells)).shared(exchange);
            }
            if (k == plan.running()) {
                observable = own;
            }
            parts.add(replaced ? running : own);
        }
        batch = observable;
        pendingGroups = pending ? plan.parts().get(0).groupsOf(view.channels()) : 0;
        norm = new Norm(view.examples(), view.channels(), parts, params.mixture(params.meanLogits(), plan),
                params.mixture(params.varLogits(), plan), params.gamma(), params.beta(), params.eps(),
                running == null ? params.renorm() : null, plan.divisor());
    }

    /** What brings input into the range of double, or null if it is there. */
    static Frames frames(INDArray x, View whole, Mask mask, NormPlan.Channels plan, Exchange exchange) {
        boolean centered = plan.divisor().isCentered();
        if (plan.parts().size() > 1) {
            return Frames.find(x, whole, mask, Frames.Shared.ALL, 1, centered, null);
        }
        Pooling pooling = plan.parts().get(0);
        return Frames.find(x, whole, mask, pooling.overBatch() ? Frames.Shared.BATCH : Frames.Shared.GROUP,
                pooling.groupsOf(whole.channels()), centered, exchange);
    }

    @Override
    public boolean overflowed() {
        return norm.overflowed();
    }

    private Pool densePool(INDArray x, View whole, Mask wholeMask, Pooling pooling) {
        int channels = whole.channels();
        if (pooling.overBatch()) {
            return Pool.ofPooled(pooling, channels, kernels.moments(x, whole.batchAsPositions(),
                    wholeMask == null ? null : wholeMask.batchAsPositions()));
        }
        Moments rows = kernels.moments(x, whole.channelsAsPositions(),
                wholeMask == null ? null : wholeMask.channelsAsPositions(channels));
        return Pool.ofPooled(pooling, channels, rows);
    }

    @Override
    public ChannelStatistics batchStatistics() {
        return batch == null ? null : batch.perChannel();
    }

    @Override
    public void forward(INDArray x, boolean relu, INDArray y) {
        if (pendingGroups > 0) {
            kernels.normalize(x, view, mask, pendingGroups, cells, norm::pool, norm, relu, y);
            pendingGroups = 0;
        } else {
            kernels.affine(x, view, mask, norm, relu, y);
        }
    }

    /** Finds the statistics that were left to a forward pass. */
    private void findStatistics(INDArray x) {
        cells.merge(kernels.moments(x, view, mask));
        for (int n = 0; n < view.examples(); n++) {
            norm.pool(n, 0, view.channels());
        }
        pendingGroups = 0;
    }

    @Override
    public Gradients backward(INDArray x, INDArray dy, boolean relu, INDArray dx) {
        if (pendingGroups > 0) {
            findStatistics(x);
        }
        NormGradients gradients;
        if (norm.parts().size() == 1 && tables && exchange == null) {
            SumTable sums = new SumTable(view.examples(), view.channels());
            gradients = new NormGradients(norm, sums, true);
            kernels.normalizeGrad(x, dy, view, mask, norm.parts().get(0).groups(), norm, relu, sums, gradients::add,
                    gradients, dx);
        } else {
            gradients = norm.backward(kernels.gradSums(x, dy, view, mask, norm, relu));
            if (exchange != null) {
                gradients.share(exchange);
            }
            kernels.affineGrad(x, dy, view, mask, norm, relu, gradients, dx);
        }
        return new Gradients(gradients.gamma(), gradients.beta(), gradients.meanLogits(), gradients.varLogits(),
                gradients.givenMean(), gradients.givenVariance(), gradients.eps(), null);
    }
}
