// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.pass;

import io.github.dl4jnorm.kernel.Frames;
import io.github.dl4jnorm.norm.ChannelStatistics;
import java.util.List;
import java.util.function.Function;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * A pass over input of type DOUBLE that is repeated in smaller numbers where statistics leave the range of double. In the
 * other types they cannot, as sums are formed in double.
 */
final class FramedPass implements NormPass {
    /** The pass over the input itself, which knows its statistics. */
    private final NormPass plain;
    private final Function<INDArray, NormPass> make;
    private final Function<INDArray, Frames> find;
    /** The pass over smaller numbers and what makes them, null until they are needed. */
    private NormPass framed;
    private Frames frames;
    private boolean looked;

    private FramedPass(NormPass plain, Function<INDArray, NormPass> make, Function<INDArray, Frames> find) {
        this.plain = plain;
        this.make = make;
        this.find = find;
    }

    /**
     * A pass that finite input of any size suits.
     *
     * @param x    the input
     * @param make makes the pass over an input
     * @param find finds what makes an input smaller whose statistics are not finite numbers, or null
     * @return the pass
     */
    static NormPass of(INDArray x, Function<INDArray, NormPass> make, Function<INDArray, Frames> find) {
        NormPass plain = make.apply(x);
        return x.dataType() == DataType.DOUBLE ? new FramedPass(plain, make, find) : plain;
    }

    /** Where the statistics of the input are out of range, so are these: nothing is to take them up. */
    @Override
    public ChannelStatistics batchStatistics() {
        return plain.batchStatistics();
    }

    @Override
    public List<ChannelStatistics> updates() {
        return plain.updates();
    }

    @Override
    public boolean overflowed() {
        return plain.overflowed();
    }

    @Override
    public void forward(INDArray x, boolean relu, INDArray y) {
        if (framed == null) {
            plain.forward(x, relu, y);
        }
        if (needsFrames(x)) {
            framed.forward(frames.into(x), relu, y);
        }
    }

    private boolean needsFrames(INDArray x) {
        if (!looked && plain.overflowed()) {
            looked = true;
            frames = find.apply(x);
            framed = frames == null ? null : make.apply(frames.into(x));
        }
        return framed != null;
    }

    @Override
    public Gradients backward(INDArray x, INDArray dy, boolean relu, INDArray dx) {
        Gradients gradients = framed == null ? plain.backward(x, dy, relu, dx) : null;
        if (needsFrames(x)) {
            gradients = framed.backward(frames.into(x), dy, relu, dx);
            frames.outOf(dx);
        }
        return gradients;
    }
}
