// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.parity;

import org.bytedeco.pytorch.NormalizeFuncOptions;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** Normalizations without parameters and state, by libtorch, channels first. */
final class Formulas {
    private Formulas() {
    }

    /** Over dimension 1, unless told otherwise. */
    static Tensor unit(Tensor x, double eps) {
        NormalizeFuncOptions options = new NormalizeFuncOptions();
        options.eps().put(eps);
        return torch.normalize(x, options);
    }

    /** What gamma is multiplied with (Woo et al. 2023, arXiv 2301.00808). */
    static Tensor globalResponse(Tensor x, long[] positions, double eps) {
        Tensor length = x.mul(x).sum(positions, true, new ScalarTypeOptional()).sqrt();
        Tensor mean = length.mean(new long[]{1}, true, new ScalarTypeOptional());
        return x.mul(length.div(mean.add(new Scalar(eps))));
    }
}
