// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/** Batch normalization; a ReLU behind it works in place, as in the usual networks. */
final class LibtorchBatch implements LibtorchOp {
    private final LibtorchParameters parameters;
    private final TensorOptional mean;
    private final TensorOptional variance;
    private final boolean relu;
    private final Scalar zero = new Scalar(0f);

    LibtorchBatch(int channels, boolean relu) {
        this.relu = relu;
        parameters = new LibtorchParameters(channels);
        mean = new TensorOptional(torch.zeros(channels));
        variance = new TensorOptional(torch.ones(channels));
    }

    @Override
    public Tensor[] forward(Tensor x) {
        Tensor[] forward = LibtorchParameters.array(torch.native_batch_norm(x, parameters.gammaOption,
                parameters.betaOption, mean, variance, true, 0.1, LibtorchParameters.EPS));
        if (relu) {
            forward[0].relu_();
        }
        return forward;
    }

    @Override
    public Tensor[] backward(Tensor dy, Tensor x, Tensor[] forward) {
        Tensor dz = relu ? torch.threshold_backward(dy, forward[0], zero) : dy;
        return LibtorchParameters.array(torch.native_batch_norm_backward(dz, x, parameters.gammaOption, mean, variance,
                new TensorOptional(forward[1]), new TensorOptional(forward[2]), true, LibtorchParameters.EPS,
                parameters.all));
    }
}
