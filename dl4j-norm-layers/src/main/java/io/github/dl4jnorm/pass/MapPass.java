// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.pass;

import io.github.dl4jnorm.kernel.Kernels;
import io.github.dl4jnorm.norm.Affine;
import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.View;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * A norm without gamma and beta, and then a scale and a shift of each element from maps:
 * {@code y = (offset + gammas)·normalized + betas}. The channels of the maps are the gammas of all channels of x, and then the
 * betas if there are any. Maps of another size are resized to the nearest element.
 */
public final class MapPass {
    private final NormPass pass;
    private final Mask mapMask;
    private final double offset;
    private final Saved saved;

    private MapPass(NormPass pass, Mask mapMask, double offset, Saved saved) {
        this.pass = pass;
        this.mapMask = mapMask;
        this.offset = offset;
        this.saved = saved;
    }

    /**
     * Writes the output.
     *
     * @param pass    the norm, without gamma and beta
     * @param x       input
     * @param maps    maps of the type of x
     * @param mapMask mask for the maps, which are 0 where it is, or null
     * @param offset  what is added to the gammas
     * @param y       receives the output
     * @return what the backward pass needs
     */
    public static MapPass forward(NormPass pass, INDArray x, INDArray maps, Mask mapMask, double offset, INDArray y) {
        INDArray normalized = room(x);
        MapPass result = new MapPass(pass, mapMask, offset, pass.forward(x, normalized));
        INDArray used = result.masked(maps, mapMask);
        INDArray all = normalized.mul(result.part(used, 0, x).add(offset));
        if (maps.size(result.axis()) > pass.view().channels()) {
            all.addi(result.part(used, 1, x));
        }
        y.assign(result.masked(all, pass.mask()));
        return result;
    }

    private static INDArray room(INDArray like) {
        return Nd4j.createUninitialized(like.dataType(), like.shape(), 'c');
    }

    private int axis() {
        return pass.view().channelAxis();
    }

    /** With 0 where the mask is. */
    private INDArray masked(INDArray array, Mask mask) {
        if (mask == null) {
            return array;
        }
        INDArray result = room(array);
        Kernels.get().affine(array, View.of(array.shape(), axis() > 1), mask, Affine.IDENTITY, false, result);
        return result;
    }

    private INDArray range(INDArray maps, int part) {
        long channels = pass.view().channels();
        return Slices.range(maps, axis(), part * channels, (part + 1) * channels);
    }

    private INDArray part(INDArray maps, int part, INDArray x) {
        return Nearest.resized(range(maps, part), x.shape());
    }

    /**
     * Writes the gradients of both inputs.
     *
     * @param x      input
     * @param maps   the maps
     * @param dy     gradient of the output
     * @param dx     receives the gradient of the input
     * @param toMaps receives the gradient of the maps
     */
    public void backward(INDArray x, INDArray maps, INDArray dy, INDArray dx, INDArray toMaps) {
        INDArray normalized = room(x);
        saved.again(x, normalized);
        INDArray used = masked(maps, mapMask);
        INDArray kept = masked(dy, pass.mask());
        INDArray gradient = room(maps);
        write(kept.mul(normalized), gradient, 0);
        if (maps.size(axis()) > pass.view().channels()) {
            write(kept, gradient, 1);
        }
        toMaps.assign(masked(gradient, mapMask));
        saved.backward(x, kept.mul(part(used, 0, x).add(offset)), dx);
    }

    private void write(INDArray gradient, INDArray into, int part) {
        INDArray range = range(into, part);
        range.assign(Nearest.gradient(gradient, range.shape()));
    }
}
