// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import io.github.dl4jnorm.conf.NormParameter;
import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * Switchable normalization as its authors wrote it for PyTorch (Luo, Ren, Peng, Zhang and Li 2018, arXiv 1806.10779),
 * with gradients by autograd; but the variance is the biased one of the paper, not the unbiased one of their code.
 */
final class LibtorchSwitchable implements LibtorchOp {
    private static final long[] POSITIONS = {2, 3};

    private final Tensor gamma;
    private final Tensor beta;
    private final Tensor meanWeight = torch.ones(3).requires_grad_(true);
    private final Tensor varWeight = torch.ones(3).requires_grad_(true);
    private final Tensor runningMean;
    private final Tensor runningVariance;
    private final Scalar decay = new Scalar(0.9f);
    private final Scalar taken = new Scalar(0.1f);
    private final Scalar eps = new Scalar(LibtorchParameters.EPS);

    LibtorchSwitchable(int channels) {
        gamma = torch.ones(1, channels, 1, 1).requires_grad_(true);
        beta = torch.zeros(1, channels, 1, 1).requires_grad_(true);
        runningMean = torch.zeros(1, channels, 1, 1);
        runningVariance = torch.zeros(1, channels, 1, 1);
    }

    /** The parameters by the names that this library gives them, in the order of its layer. */
    Map<String, Tensor> parameters() {
        Map<String, Tensor> all = new LinkedHashMap<>();
        all.put(NormParameter.GAMMA, gamma);
        all.put(NormParameter.BETA, beta);
        all.put(NormParameter.MEAN_WEIGHT, meanWeight);
        all.put(NormParameter.VAR_WEIGHT, varWeight);
        return all;
    }

    private static Tensor mean(Tensor a, long... axes) {
        return a.mean(axes, true, new ScalarTypeOptional());
    }

    @Override
    public Tensor[] forward(Tensor input) {
        Tensor x = input.detach().requires_grad_(true);
        return new Tensor[]{apply(x), x};
    }

    /** Normalizes; autograd finds the gradients. */
    Tensor apply(Tensor x) {
        Tensor meanIn = mean(x, POSITIONS);
        Tensor varIn = x.var(POSITIONS, false, true);
        Tensor squares = varIn.add(meanIn.mul(meanIn));
        Tensor meanLn = mean(meanIn, 1);
        Tensor varLn = mean(squares, 1).sub(meanLn.mul(meanLn));
        Tensor meanBn = mean(meanIn, 0);
        Tensor varBn = mean(squares, 0).sub(meanBn.mul(meanBn));
        runningMean.mul_(decay).add_(meanBn.detach(), taken);
        runningVariance.mul_(decay).add_(varBn.detach(), taken);
        Tensor mean = mixed(meanWeight.softmax(0), meanIn, meanLn, meanBn);
        Tensor variance = mixed(varWeight.softmax(0), varIn, varLn, varBn);
        Tensor normalized = x.sub(mean).div(variance.add(eps).sqrt());
        return normalized.mul(gamma).add(beta);
    }

    private static Tensor mixed(Tensor weights, Tensor instance, Tensor layer, Tensor batch) {
        return weights.select(0, 0).mul(instance).add(weights.select(0, 1).mul(layer))
                .add(weights.select(0, 2).mul(batch));
    }

    @Override
    public Tensor[] backward(Tensor dy, Tensor input, Tensor[] forward) {
        TensorVector gradients = torch.grad(new TensorVector(forward[0]),
                new TensorVector(forward[1], gamma, beta, meanWeight, varWeight), new TensorVector(dy),
                new BoolOptional(), false, false);
        return gradients.get();
    }
}
