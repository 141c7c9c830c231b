// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import io.github.dl4jnorm.conf.NormPlan;
import io.github.dl4jnorm.kernel.Kernels;
import io.github.dl4jnorm.kernel.NormKernels;
import io.github.dl4jnorm.norm.ChannelStatistics;
import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.Moments;
import io.github.dl4jnorm.norm.Norm;
import io.github.dl4jnorm.norm.Pool;
import io.github.dl4jnorm.norm.Pooling;
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
    private final ChannelStatistics batch;

    /**
     * Computes the statistics.
     *
     * @param x         input
     * @param whole     view of the input, nothing folded
     * @param wholeMask mask for it, or null
     * @param plan      how to normalize
     * @param params    gamma, beta and the logits of the weights
     * @param running   what stands in for the statistics of the batch, or null to compute those
     * @param observe   whether the statistics of the batch are wanted although they are not used
     */
    ChannelPass(INDArray x, View whole, Mask wholeMask, NormPlan plan, NormParams params, Pool running,
                boolean observe) {
        boolean dense = whole.positions() == 1 && whole.shape().length == 2;
        // Dense batch normalization is one example with N positions: no table of the size of the input.
        boolean fold = dense && plan.parts().equals(List.of(Pooling.BATCH));
        view = fold ? whole.batchAsPositions() : whole;
        mask = fold && wholeMask != null ? wholeMask.batchAsPositions() : wholeMask;
        boolean fromInput = running == null || observe || plan.parts().size() > 1;
        Moments cells = fromInput && !dense ? kernels.moments(x, view, mask) : null;
        List<Pool> parts = new ArrayList<>();
        ChannelStatistics observed = null;
        for (int k = 0; k < plan.parts().size(); k++) {
            Pooling pooling = plan.parts().get(k);
            boolean replaced = k == plan.running() && running != null;
            Pool own = null;
            if (!replaced || observe) {
                own = dense ? densePool(x, whole, wholeMask, pooling) : Pool.of(pooling, cells);
            }
            if (k == plan.running() && own != null) {
                observed = own.perChannel();
            }
            parts.add(replaced ? running : own);
        }
        batch = observed;
        double[] meanWeights = params.mixture(params.meanLogits(), plan);
        double[] varWeights = params.mixture(params.varLogits(), plan);
        norm = new Norm(view.examples(), view.channels(), parts, meanWeights, varWeights, params.gamma(),
                params.beta(), params.eps());
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
        return batch;
    }

    @Override
    public void forward(INDArray x, boolean relu, INDArray y) {
        kernels.affine(x, view, mask, norm, relu, y);
    }

    @Override
    public Gradients backward(INDArray x, INDArray dy, boolean relu, INDArray dx) {
        Norm.Gradients gradients = norm.backward(kernels.gradSums(x, dy, view, mask, norm, relu));
        kernels.affineGrad(x, dy, view, mask, norm, relu, gradients, dx);
        return new Gradients(gradients.gamma(), gradients.beta(), gradients.meanLogits(), gradients.varLogits());
    }
}
