// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** Group normalization; with one group it is layer normalization with a gamma for each channel. */
final class LibtorchGroup implements LibtorchOp {
    private final LibtorchParameters parameters;
    private final int channels;
    private final int groups;

    LibtorchGroup(int channels, int groups) {
        parameters = new LibtorchParameters(channels);
        this.channels = channels;
        this.groups = groups;
    }

    private long positions(Tensor x) {
        return x.numel() / x.size(0) / channels;
    }

    @Override
    public Tensor[] forward(Tensor x) {
        return LibtorchParameters.array(torch.native_group_norm(x, parameters.gammaOption, parameters.betaOption,
                x.size(0), channels, positions(x), groups, LibtorchParameters.EPS));
    }

    @Override
    public Tensor[] backward(Tensor dy, Tensor x, Tensor[] forward) {
        return LibtorchParameters.array(torch.native_group_norm_backward(dy, x, forward[1], forward[2],
                parameters.gammaOption, x.size(0), channels, positions(x), groups, parameters.all));
    }
}
