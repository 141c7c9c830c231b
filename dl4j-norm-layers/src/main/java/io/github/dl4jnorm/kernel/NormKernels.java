// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.norm.Affine;
import io.github.dl4jnorm.norm.GradAffine;
import io.github.dl4jnorm.norm.GradSums;
import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.Moments;
import io.github.dl4jnorm.norm.PositionNorm;
import io.github.dl4jnorm.norm.View;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.transforms.pairwise.arithmetic.AddOp;
import org.nd4j.linalg.factory.Nd4j;

/**
 * The passes over the data that all normalizations share. All arrays of a call have one floating-point type and the
 * shape of the view; inputs may have any strides, outputs may not overlap them.
 *
 * <p>A mask may be null. What it leaves out is never read, enters no sum and is written as 0. Sums are formed in
 * double, or in short pieces in float that are added in double. The activation behind the norm is the identity or, with
 * {@code relu}, max(y, 0); backward passes find its sign again from x, with the expression of the forward pass.
 *
 * <p>Temporary arrays are allocated in the current workspace.
 */
public interface NormKernels {

    /** {@return name of the implementation, as {@code -Ddl4jnorm.kernels} takes it} */
    String name();

    /** {@return whether arrays lie in memory that Java reads: elsewhere even one number waits for a device and its copy} */
    boolean onHost();

    /**
     * Count, mean and variance of every channel of every example.
     *
     * @param x    input
     * @param view how to see it
     * @param mask what counts, or null
     * @return moments, N·C cells
     */
    Moments moments(INDArray x, View view, Mask mask);

    /**
     * {@code y = act(scale·(x − center) + shift)}.
     *
     * @param x      input
     * @param view   how to see it
     * @param mask   what counts, or null
     * @param affine the coefficients
     * @param relu   whether act is max(·, 0)
     * @param y      output
     */
    void affine(INDArray x, View view, Mask mask, Affine affine, boolean relu, INDArray y);

    /**
     * Σdy and Σdy·(x − center) of every example and channel, dy counting as 0 where a ReLU was not active.
     *
     * @param x      input of the forward pass
     * @param dy     gradient of its output
     * @param view   how to see them
     * @param mask   what counts, or null
     * @param affine the coefficients of the forward pass
     * @param relu   whether it had a ReLU
     * @return the sums; they may read x and dy when asked
     */
    GradSums gradSums(INDArray x, INDArray dy, View view, Mask mask, Affine affine, boolean relu);

    /**
     * {@code dx = scale·dy + slope·((x − center)·unit) + shift}.
     *
     * @param x      input of the forward pass
     * @param dy     gradient of its output
     * @param view   how to see them
     * @param mask   what counts, or null
     * @param affine the coefficients of the forward pass
     * @param relu   whether it had a ReLU
     * @param grad   slope and shift
     * @param dx     output
     */
    void affineGrad(INDArray x, INDArray dy, View view, Mask mask, Affine affine, boolean relu, GradAffine grad,
                    INDArray dx);

    /**
     * {@link #moments} and {@link #affine} in one: where the statistics of a group of channels of an example are all
     * that its coefficients depend on. An implementation may do both for one group while it is in the cache, so the
     * coefficients of a group must be right once they were told that it is {@link Affine#complete complete}, whatever thread
     * asks for them.
     *
     * @param x      input
     * @param view   how to see it
     * @param mask   what counts, or null
     * @param groups number of groups of neighbouring channels, a divisor of C
     * @param into   receives the moments; those of a whole group may stand in one of its cells
     * @param affine the coefficients, told of every group, or of several at once, when its moments are complete
     * @param relu   whether max(·, 0) follows
     * @param y      output
     */
    void normalize(INDArray x, View view, Mask mask, int groups, Moments into, Affine affine, boolean relu, INDArray y);

    /**
     * {@link #gradSums} and {@link #affineGrad} in one, under the same condition as {@link #normalize}.
     *
     * @param x      input of the forward pass
     * @param dy     gradient of its output
     * @param view   how to see them
     * @param mask   what counts, or null
     * @param groups number of groups of neighbouring channels, a divisor of C
     * @param affine the coefficients of the forward pass
     * @param relu   whether it had a ReLU
     * @param grad   slope and shift, told of the sums of every group, or of several at once
     * @param dx     output
     */
    void normalizeGrad(INDArray x, INDArray dy, View view, Mask mask, int groups, Affine affine, boolean relu, GradAffine grad,
                       INDArray dx);

    /**
     * Normalizes each group of channels at each position.
     *
     * @param x    input
     * @param view how to see it, nothing folded
     * @param mask what counts, or null
     * @param norm groups, gamma, beta and eps
     * @param relu whether max(·, 0) follows
     * @param y    output
     * @return moments of each group at each position for {@link #positionNormGrad}, row n·groups + g of them for group g of
     *         example n; null where they are not worth the memory
     */
    Moments positionNorm(INDArray x, View view, Mask mask, PositionNorm norm, boolean relu, INDArray y);

    /**
     * {@link #positionNorm} of a sum, which an implementation may normalize while it is in the cache.
     *
     * @param x        input
     * @param residual what is added to it, also where the mask leaves it out
     * @param view     how to see them, nothing folded
     * @param mask     what counts, or null
     * @param norm     groups, gamma, beta and eps
     * @param relu     whether max(·, 0) follows
     * @param sum      receives the sum, which is then the input of {@link #positionNormOfSumGrad}
     * @param y        output
     * @return moments as those of {@link #positionNorm}
     */
    default Moments positionNormOfSum(INDArray x, INDArray residual, View view, Mask mask, PositionNorm norm, boolean relu,
                                      INDArray sum, INDArray y) {
        add(x, residual, sum);
        return positionNorm(sum, view, mask, norm, relu, y);
    }

    /**
     * {@code sum = x + residual}.
     *
     * @param x        any array
     * @param residual one of the same shape and type
     * @param sum      receives the sum; may be one of both
     */
    default void add(INDArray x, INDArray residual, INDArray sum) {
        for (INDArray array : new INDArray[]{x, residual, sum}) {
            Extent.requireWithinBuffer(array);
        }
        Nd4j.exec(new AddOp(new INDArray[]{x, residual}, new INDArray[]{sum}));
    }

    /**
     * The gradients of {@link #positionNorm}.
     *
     * @param x     input of the forward pass
     * @param dy    gradient of its output
     * @param view  how to see them, nothing folded
     * @param mask  what counts, or null
     * @param norm  groups, gamma, beta and eps
     * @param known what the forward pass returned, or null to find it anew
     * @param relu  whether the forward pass had a ReLU
     * @param dx    output
     * @return gradients of gamma and beta
     */
    PositionNorm.Gradients positionNormGrad(INDArray x, INDArray dy, View view, Mask mask, PositionNorm norm, Moments known,
                                            boolean relu, INDArray dx);

    /**
     * The gradients of {@link #positionNormOfSum}: those of x and residual are the same.
     *
     * @param sum   the sum
     * @param dy    gradient of the output
     * @param dSum  gradient of the sum from elsewhere, also where the mask leaves it out
     * @param view  how to see them, nothing folded
     * @param mask  what counts, or null
     * @param norm  groups, gamma, beta and eps
     * @param known what the forward pass returned, or null to find it anew
     * @param relu  whether the forward pass had a ReLU
     * @param dx    output
     * @return gradients of gamma and beta
     */
    default PositionNorm.Gradients positionNormOfSumGrad(INDArray sum, INDArray dy, INDArray dSum, View view, Mask mask,
                                                         PositionNorm norm, Moments known, boolean relu, INDArray dx) {
        PositionNorm.Gradients gradients = positionNormGrad(sum, dy, view, mask, norm, known, relu, dx);
        add(dx, dSum, dx);
        return gradients;
    }
}
