// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.pass;

import io.github.dl4jnorm.norm.ChannelStatistics;
import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.NormPlan;
import io.github.dl4jnorm.norm.View;
import java.util.ArrayList;
import java.util.List;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Passes over parts of a batch of nearly the same size, each as if there were no others. */
final class GhostPass implements NormPass {
    private final List<Part> parts = new ArrayList<>();

    private record Part(int from, int to, NormPass pass) {
        INDArray of(INDArray array) {
            return Slices.range(array, 0, from, to);
        }
    }

    GhostPass(INDArray x, View view, Mask mask, NormPlan.Ghost plan, NormParams params) {
        int count = (view.examples() - 1) / plan.examples() + 1;
        boolean channelsLast = view.channelAxis() > 1;
        for (int i = 0; i < count; i++) {
            int from = (int) ((long) i * view.examples() / count);
            int to = (int) ((i + 1L) * view.examples() / count);
            INDArray some = Slices.range(x, 0, from, to);
            parts.add(new Part(from, to, NormPass.of(some, View.of(some.shape(), channelsLast),
                    mask == null ? null : mask.examples(from, to), NormPlan.batch(), params, null, false)));
        }
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
        return parts.stream().anyMatch(part -> part.pass.overflowed());
    }

    @Override
    public List<ChannelStatistics> updates() {
        return parts.stream().map(part -> part.pass.batchStatistics()).toList();
    }

    @Override
    public void forward(INDArray x, boolean relu, INDArray y) {
        parts.forEach(part -> part.pass.forward(part.of(x), relu, part.of(y)));
    }

    @Override
    public Gradients backward(INDArray x, INDArray dy, boolean relu, INDArray dx) {
        double[] gamma = null;
        double[] beta = null;
        for (Part part : parts) {
            Gradients one = part.pass.backward(part.of(x), part.of(dy), relu, part.of(dx));
            gamma = sum(gamma, one.gamma());
            beta = sum(beta, one.beta());
        }
        return new Gradients(gamma, beta, null, null, null, null);
    }

    private static double[] sum(double[] sum, double[] more) {
        for (int c = 0; sum != null && c < sum.length; c++) {
            more[c] += sum[c];
        }
        return more;
    }
}
