// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.pass;

import io.github.dl4jnorm.kernel.Frames;
import io.github.dl4jnorm.norm.Values;
import java.util.function.BiFunction;
import java.util.function.Function;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * A pass over input of type DOUBLE that was repeated in smaller numbers, since its statistics leave the range of double. In the
 * other types they cannot, as sums are formed in double. The inner pass is the one over the input itself: where its statistics
 * are out of range, nothing is to take them up.
 */
final class FramedPass extends Wrapped {
    private final Saved framed;
    private final Frames frames;

    private FramedPass(Saved plain, Saved framed, Frames frames) {
        super(plain);
        this.framed = framed;
        this.frames = frames;
    }

    /**
     * A pass that finite input of any size suits.
     *
     * @param x    input
     * @param y    receives the output
     * @param pass the pass over an input
     * @param find finds what makes an input smaller whose statistics are not finite numbers, or null
     * @return what the backward pass needs
     */
    static Saved forward(INDArray x, INDArray y, BiFunction<INDArray, INDArray, Saved> pass, Function<INDArray, Frames> find) {
        Saved plain = pass.apply(x, y);
        Frames frames = x.dataType() == DataType.DOUBLE && plain.overflowed() ? find.apply(x) : null;
        return frames == null ? plain : new FramedPass(plain, pass.apply(frames.into(x), y), frames);
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
