// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import org.bytedeco.javacpp.BoolPointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.T_TensorTensorTensor_T;
import org.bytedeco.pytorch.global.torch;

/** Gamma, beta and the other arguments that libtorch's normalizations share, made once. */
final class LibtorchParameters {
    static final double EPS = 1e-5;

    final Tensor gamma;
    final Tensor beta;
    final TensorOptional gammaOption;
    final TensorOptional betaOption;
    /** Gradients of the input, of gamma and of beta are all wanted. */
    final BoolPointer all = new BoolPointer(3).put(0, true).put(1, true).put(2, true);

    LibtorchParameters(int channels) {
        gamma = torch.ones(channels);
        beta = torch.zeros(channels);
        gammaOption = new TensorOptional(gamma);
        betaOption = new TensorOptional(beta);
    }

    static Tensor[] array(T_TensorTensorTensor_T three) {
        return new Tensor[]{three.get0(), three.get1(), three.get2()};
    }
}
