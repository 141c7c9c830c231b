// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/** Instance normalization as PyTorch does it: batch normalization of one example with all channels of all examples. */
final class LibtorchInstance implements LibtorchOp {
    private final LibtorchParameters parameters;
    private final TensorOptional none = new TensorOptional();
    private final int channels;

    LibtorchInstance(int channels) {
        parameters = new LibtorchParameters(channels);
        this.channels = channels;
    }

    private static Tensor flat(Tensor a) {
        return a.contiguous().view(1, a.size(0) * a.size(1), a.size(2), a.size(3));
    }

    @Override
    public Tensor[] forward(Tensor x) {
        Tensor flat = flat(x);
        Tensor gamma = parameters.gamma.repeat(x.size(0));
        Tensor beta = parameters.beta.repeat(x.size(0));
        Tensor[] three = LibtorchParameters.array(torch.native_batch_norm(flat, new TensorOptional(gamma),
                new TensorOptional(beta), none, none, true, 0.1, LibtorchParameters.EPS));
        Tensor y = three[0].view(x.size(0), x.size(1), x.size(2), x.size(3));
        return new Tensor[]{y, three[1], three[2], flat, gamma};
    }

    @Override
    public Tensor[] backward(Tensor dy, Tensor x, Tensor[] forward) {
        Tensor[] three = LibtorchParameters.array(torch.native_batch_norm_backward(flat(dy), forward[3],
                new TensorOptional(forward[4]), none, none, new TensorOptional(forward[1]),
                new TensorOptional(forward[2]), true, LibtorchParameters.EPS, parameters.all));
        Tensor dx = three[0].view(x.size(0), x.size(1), x.size(2), x.size(3));
        return new Tensor[]{dx, three[1].view(x.size(0), channels).sum(0), three[2].view(x.size(0), channels).sum(0)};
    }
}
