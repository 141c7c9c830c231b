// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** Layer normalization over the last axis. */
final class LibtorchLayer implements LibtorchOp {
    private final LibtorchParameters parameters;
    private final long[] channels;

    LibtorchLayer(int channels) {
        parameters = new LibtorchParameters(channels);
        this.channels = new long[]{channels};
    }

    @Override
    public Tensor[] forward(Tensor x) {
        return LibtorchParameters.array(torch.native_layer_norm(x, channels, parameters.gammaOption,
                parameters.betaOption, LibtorchParameters.EPS));
    }

    @Override
    public Tensor[] backward(Tensor dy, Tensor x, Tensor[] forward) {
        return LibtorchParameters.array(torch.native_layer_norm_backward(dy, x, channels, forward[1], forward[2],
                parameters.gammaOption, parameters.betaOption, parameters.all));
    }
}
