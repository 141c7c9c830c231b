// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.View;
import java.util.ArrayList;
import java.util.List;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Arrays as cubes [N, C, S], made and taken apart with ND4J operations. */
final class Cubes {
    private Cubes() {
    }

    /** A copy of the array as a cube, 0 where the mask says so. */
    static INDArray of(INDArray array, View view, DataType type, INDArray keep) {
        Extent.requireWithinBuffer(array);
        INDArray cube = array.permute(axes(view)).castTo(type).dup('c')
                .reshape('c', view.examples(), view.channels(), view.positions());
        return where(keep, cube);
    }

    /** Examples, channels, positions; folded axes stand among the positions. */
    private static int[] axes(View view) {
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

    /** Writes a cube into an array. */
    static void assign(INDArray cube, View view, INDArray into) {
        Extent.requireWithinBuffer(into);
        INDArray permuted = into.permute(axes(view));
        permuted.assign(cube.reshape('c', permuted.shape()).castTo(into.dataType()));
    }

    /** 1 where an element counts: [N, 1 or C, S]; null without a mask. */
    static INDArray mask(Mask mask, View view, DataType type) {
        if (mask == null) {
            return null;
        }
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
        return Nd4j.createFromArray(keep).castTo(type).reshape(view.examples(), channels, view.positions());
    }

    /** The values where the mask is 1, elsewhere 0 even for NaN: a product would keep that. */
    static INDArray where(INDArray keep, INDArray values) {
        if (keep == null) {
            return values;
        }
        INDArray into = values.like();
        Gates.pass(values, spread(keep, (int) values.size(1)), into);
        return into;
    }

    /** A mask with a number for each channel. */
    static INDArray spread(INDArray keep, int channels) {
        return keep.size(1) == channels ? keep : Nd4j.tile(keep, 1, channels, 1);
    }

}
