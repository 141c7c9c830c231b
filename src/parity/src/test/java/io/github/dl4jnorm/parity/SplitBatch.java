// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.parity;

import io.github.dl4jnorm.norm.NormPlan;
import java.util.Collection;
import java.util.Map;
import java.util.stream.LongStream;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/** Batch normalization of equal parts of a batch, as timm's SplitBatchNorm2d has it in training. */
final class SplitBatch {
    private SplitBatch() {
    }

    /** Gammas and betas have the number of their part behind their name, but for those of the first. */
    static Tensor normalized(Tensor input, int parts, Map<String, Tensor> params, double eps) {
        long size = input.size(0) / parts;
        long[] axes = LongStream.range(0, input.dim()).filter(axis -> axis != 1).toArray();
        long[] perChannel = LongStream.range(0, input.dim()).map(axis -> axis == 1 ? input.size(1) : 1).toArray();
        TensorVector all = new TensorVector();
        for (int i = 0; i < parts; i++) {
            String end = i == 0 ? "" : String.valueOf(i);
            Tensor part = input.narrow(0, i * size, size);
            Tensor y = Formulas.divided(part, part.mean(axes, true, new ScalarTypeOptional()), part.var(axes, false, true),
                    NormPlan.batch(), eps);
            y = params.containsKey("gamma" + end) ? y.mul(params.get("gamma" + end).reshape(perChannel)) : y;
            all.push_back(params.containsKey("beta" + end) ? y.add(params.get("beta" + end).reshape(perChannel)) : y);
        }
        return torch.cat(all, 0);
    }

    /** The same, with parameters that it may not use: libtorch refuses to say that their gradient is 0. */
    static Tensor withUnused(Tensor y, Collection<Tensor> params) {
        Tensor sum = y;
        for (Tensor param : params) {
            sum = sum.add(param.sum().mul(new Scalar(0.0)));
        }
        return sum;
    }
}
