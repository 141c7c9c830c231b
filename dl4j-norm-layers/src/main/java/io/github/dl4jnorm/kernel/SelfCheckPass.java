// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.Moments;
import io.github.dl4jnorm.norm.Norm;
import io.github.dl4jnorm.norm.NormGradients;
import io.github.dl4jnorm.norm.Pool;
import io.github.dl4jnorm.norm.Pooling;
import io.github.dl4jnorm.norm.PositionNorm;
import io.github.dl4jnorm.norm.View;
import java.util.List;
import org.nd4j.linalg.api.ndarray.INDArray;

/** A norm as {@link SelfCheck} runs it: forward, then backward, with the kernels of this JVM. */
final class SelfCheckPass {
    /** What is added to the square that is divided by. */
    static final double EPS = 1e-3;

    private final SelfCheck.Kind kind;
    private final View view;
    private final Mask mask;
    private final double[] gamma;
    private final double[] beta;
    private final boolean relu;
    private Norm norm;
    private PositionNorm positions;
    private Moments found;
    private double[] gammaGradient;
    private double[] betaGradient;

    SelfCheckPass(SelfCheck.Kind kind, View view, Mask mask, double[] gamma, double[] beta, boolean relu) {
        boolean batch = kind == SelfCheck.Kind.BATCH;
        this.kind = kind;
        this.view = batch ? view.batchAsPositions() : view;
        this.mask = batch && mask != null ? mask.batchAsPositions() : mask;
        this.gamma = gamma;
        this.beta = beta;
        this.relu = relu;
    }

    void forward(INDArray x, INDArray y) {
        NormKernels kernels = Kernels.get();
        if (kind.perPosition()) {
            positions = new PositionNorm(kind.divisor, kind.groups, gamma, beta, EPS);
            found = kernels.positionNorm(x, view, mask, positions, relu, y);
            return;
        }
        Moments cells = new Moments(view.examples(), view.channels());
        Pool pool = Pool.over(pooling(), cells);
        norm = new Norm(view.examples(), view.channels(), List.of(pool), new double[]{1}, new double[]{1}, gamma, beta, EPS, null,
                kind.divisor);
        kernels.normalize(x, view, mask, pooling().groupsOf(view.channels()), cells, norm, relu, y);
    }

    void backward(INDArray x, INDArray dy, INDArray dx) {
        NormKernels kernels = Kernels.get();
        if (kind.perPosition()) {
            PositionNorm.Gradients gradients = kernels.positionNormGrad(x, dy, view, mask, positions, found, relu, dx);
            gammaGradient = gradients.gamma();
            betaGradient = gradients.beta();
            return;
        }
        NormGradients gradients = new NormGradients(norm, true);
        kernels.normalizeGrad(x, dy, view, mask, pooling().groupsOf(view.channels()), norm, relu, gradients, dx);
        gammaGradient = gradients.gamma();
        betaGradient = gradients.beta();
    }

    private Pooling pooling() {
        return switch (kind) {
            case BATCH -> Pooling.BATCH;
            case INSTANCE -> Pooling.instance(view.channels());
            default -> Pooling.group(kind.groups);
        };
    }

    /** The gradient of gamma. */
    double[] gamma() {
        return gammaGradient;
    }

    /** The gradient of beta. */
    double[] beta() {
        return betaGradient;
    }
}
