// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.norm.Exchange;
import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.Moments;
import io.github.dl4jnorm.norm.View;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Input of type DOUBLE whose sums or squares leave the range of double, brought into it: {@code (x − center)·scale} with a center
 * and a power of two for all elements that share a statistic. A norm gives the same for both, so its gradient by x is
 * {@code scale} times that by what is computed here. Elements whose statistics are within the range stay as they are.
 *
 * <p>Made of ND4J operations and with copies of the input: this is for the rare batch whose statistics overflowed.
 */
public final class Frames {
    /** What the input is multiplied with to find out its size: the squares of the largest numbers remain sums of squares. */
    private static final double DOWN = 0x1p-600;
    /** A sum of squares, made smaller, from which on that of the input comes near the end of the range. */
    private static final double LARGE = 0x1p-184;
    /** The exponent of the length that vectors are brought to: far from both ends of the range, and above any eps. */
    private static final int EXPONENT = 300;

    private final View view;
    private final long[] cube;
    private final long[] perPool;
    private final Mask mask;
    /** {@code (x·first − center)·second}: at once, the difference of two large numbers could overflow. */
    private final double[] first;
    private final double[] center;
    private final double[] second;

    private Frames(View view, Mask mask, long[] cube, long[] perPool) {
        this.view = view;
        this.mask = mask;
        this.cube = cube;
        this.perPool = perPool;
        int pools = (int) Arrays.stream(perPool).reduce(1, (a, b) -> a * b);
        first = filled(pools);
        center = new double[pools];
        second = filled(pools);
    }

    private static double[] filled(int length) {
        double[] ones = new double[length];
        Arrays.fill(ones, 1);
        return ones;
    }

    /** Which elements share statistics. */
    public enum Shared {
        /** Those of all examples and positions, channel by channel. */
        BATCH(0, 2, 3),
        /** Those of a group of channels of an example. */
        GROUP(2, 3),
        /** Those of a group of channels at a position. */
        POSITION(2),
        /** All. */
        ALL(0, 1, 2, 3);

        private final int[] axes;

        Shared(int... axes) {
            this.axes = axes;
        }
    }

    /**
     * Looks for statistics that are too large.
     *
     * @param x        the input
     * @param view     view of it
     * @param mask     mask for the view, or null
     * @param shared   which elements share statistics
     * @param groups   how many groups the channels are in; as many as there are channels for {@link Shared#BATCH}
     * @param centered whether the norm subtracts the mean
     * @param exchange what merges the statistics of several workers, or null
     * @return what brings the input into the range, or null if nothing is too large, or not a finite number
     */
    public static Frames find(INDArray x, View view, Mask mask, Shared shared, int groups, boolean centered,
                              Exchange exchange) {
        long[] cube = {view.examples(), groups, view.channels() / groups, view.positions()};
        long[] perPool = cube.clone();
        for (int axis : shared.axes) {
            perPool[axis] = 1;
        }
        Frames frames = new Frames(view, mask, cube, perPool);
        Moments small = frames.moments(x, shared.axes);
        return frames.set(exchange == null ? small : exchange.merge(small), centered) ? frames : null;
    }

    /** Moments of the input made smaller, of each pool. */
    private Moments moments(INDArray x, int[] axes) {
        INDArray small = cube(x).muli(DOWN);
        INDArray all = kept(Nd4j.ones(DataType.DOUBLE, view.examples(), view.channels(), view.positions())).reshape('c', cube);
        double[] count = numbers(all.sum(true, axes));
        INDArray divisor = all.sum(true, axes);
        divisor.addi(divisor.eq(0).castTo(DataType.DOUBLE));
        INDArray mean = small.sum(true, axes).divi(divisor);
        // Once more about the mean: that of a constant is exact then.
        mean.addi(small.sub(mean).muli(all).sum(true, axes).divi(divisor));
        INDArray deviation = small.subi(mean).muli(all);
        double[] means = numbers(mean);
        double[] squares = numbers(deviation.muli(deviation).sum(true, axes));
        Moments moments = new Moments(1, count.length);
        for (int i = 0; i < count.length; i++) {
            moments.merge(i, count[i], means[i], squares[i]);
        }
        return moments;
    }

    private boolean set(Moments small, boolean centered) {
        boolean any = false;
        for (int i = 0; i < first.length; i++) {
            double ofMean = small.count(i) * small.mean(i) * small.mean(i);
            double squares = small.squares(i) + ofMean;
            if (squares >= LARGE && Double.isFinite(squares)) {
                any = true;
                double length = Math.sqrt(centered ? small.squares(i) : squares);
                first[i] = DOWN;
                center[i] = centered ? small.mean(i) : 0;
                // All elements alike: 0 remains, which has the gradient it would have if it were not moved to 0.
                second[i] = length == 0 ? 1 / DOWN : Math.scalb(1.0, EXPONENT - Math.getExponent(length));
            }
        }
        return any;
    }

    /**
     * Brings the input into the range.
     *
     * @param x the input
     * @return a new array of the same shape
     */
    public INDArray into(INDArray x) {
        INDArray values = cube(x).muli(spread(first)).subi(spread(center)).muli(spread(second));
        INDArray result = Nd4j.createUninitialized(DataType.DOUBLE, x.shape(), 'c');
        write(kept(apart(values)), result);
        return result;
    }

    /**
     * Makes the gradient by what {@link #into} gave that by the input.
     *
     * @param gradient the gradient; changed
     */
    public void outOf(INDArray gradient) {
        INDArray values = cube(gradient).muli(spread(first)).muli(spread(second));
        write(apart(values), gradient);
    }

    /**
     * What elements are multiplied with.
     *
     * @param pool index of those that share a statistic
     * @return a power of two, 1 where nothing is too large
     */
    public double scale(int pool) {
        return first[pool] * second[pool];
    }

    /** A copy of an array as a cube, 0 where the mask says so. */
    private INDArray cube(INDArray array) {
        Extent.requireWithinBuffer(array);
        return kept(apart(array.permute(axes()).castTo(DataType.DOUBLE).dup('c'))).reshape('c', cube);
    }

    /** Writes [N, C, S] into an array. */
    private void write(INDArray values, INDArray into) {
        Extent.requireWithinBuffer(into);
        INDArray permuted = into.permute(axes());
        permuted.assign(values.reshape('c', permuted.shape()).castTo(into.dataType()));
    }

    /** Examples, channels, positions; folded axes stand among the positions. */
    private int[] axes() {
        List<Integer> axes = new ArrayList<>();
        if (!view.batchFolded()) {
            axes.add(0);
        }
        if (!view.channelsFolded()) {
            axes.add(view.channelAxis());
        }
        for (int axis : view.positionAxes()) {
            axes.add(axis);
        }
        return axes.stream().mapToInt(Integer::intValue).toArray();
    }

    /** The values of [N, C, S] that the mask keeps, elsewhere 0 even for NaN: a product would keep that. */
    private INDArray kept(INDArray values) {
        if (mask == null) {
            return values;
        }
        INDArray into = values.like();
        Gates.pass(values, mask.perChannel() ? keep() : Nd4j.tile(keep(), 1, view.channels(), 1), into);
        return into;
    }

    /** 1 where an element counts, [N, 1 or C, S]. Made anew each time: arrays of a pass do not last until the next one. */
    private INDArray keep() {
        int channels = mask.perChannel() ? view.channels() : 1;
        double[] keep = new double[view.examples() * channels * view.positions()];
        int i = 0;
        for (int n = 0; n < view.examples(); n++) {
            for (int c = 0; c < channels; c++) {
                for (int s = 0; s < view.positions(); s++) {
                    keep[i++] = mask.keeps(n, c, s) ? 1 : 0;
                }
            }
        }
        return Nd4j.createFromArray(keep).reshape(view.examples(), channels, view.positions());
    }

    private INDArray apart(INDArray values) {
        return values.reshape('c', view.examples(), view.channels(), view.positions());
    }

    private INDArray spread(double[] values) {
        return Nd4j.createFromArray(values).reshape('c', perPool);
    }

    private static double[] numbers(INDArray array) {
        return array.dup('c').data().asDouble();
    }
}
