// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.pass;

import io.github.dl4jnorm.kernel.Frames;
import io.github.dl4jnorm.norm.Values;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * A pass over input of type DOUBLE that was repeated in smaller numbers, since its statistics leave the range of double. In the
 * other types they cannot, as sums are formed in double. The inner pass is the one over the input itself: where its statistics
 * are out of range, nothing is to take them up.
 */
final class FramedPass extends Wrapped {
    private final Saved framed;
    private final Frames frames;

    /**
     * Keeps both passes.
     *
     * @param plain  what the pass over the input itself left
     * @param framed what the pass over smaller numbers left
     * @param frames what makes the input smaller
     */
    FramedPass(Saved plain, Saved framed, Frames frames) {
        super(plain);
        this.framed = framed;
        this.frames = frames;
    }

    @Override
    public void again(INDArray x, INDArray y) {
        framed.again(frames.into(x), y);
    }

    @Override
    public Values backward(INDArray x, INDArray dy, INDArray dx) {
        Values gradients = framed.backward(frames.into(x), dy, dx);
        frames.outOf(dx);
        return gradients;
    }
}
