// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.norm.Affine;
import io.github.dl4jnorm.norm.GradAffine;
import io.github.dl4jnorm.norm.GradSums;
import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.Moments;
import io.github.dl4jnorm.norm.PositionNorm;
import io.github.dl4jnorm.norm.SumTable;
import io.github.dl4jnorm.norm.View;
import java.util.Arrays;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.ops.transforms.Transforms;

/**
 * {@link NormKernels} made of ND4J operations, for every backend: never looks at memory. Sums are formed in double, as
 * ND4J's float reductions lose whole digits; the maps run in the input's own type (HALF in FLOAT).
 *
 * <p>Each operation is a pass over memory and, on a GPU, a launch: there are as few as the mathematics needs, in place where an
 * array is a copy anyway, and numbers of each channel travel together.
 */
final class Nd4jKernels implements NormKernels {

    @Override
    public String name() {
        return "nd4j";
    }

    @Override
    public boolean onHost() {
        return false;
    }

    /** The type in which maps run: that of the array, FLOAT for HALF. */
    static DataType working(INDArray x) {
        return x.dataType() == DataType.HALF ? DataType.FLOAT : x.dataType();
    }

    @Override
    public Moments moments(INDArray x, View view, Mask mask) {
        return new Nd4jCube(view).moments(x, mask, working(x)).moments();
    }

    @Override
    public void affine(INDArray x, View view, Mask mask, Affine affine, boolean relu, INDArray y) {
        Nd4jCube cubes = new Nd4jCube(view);
        Nd4jTable table = new Nd4jTable(view, affine, working(x));
        if (table.isIdentity() && !relu) {
            keep(x, cubes, cubes.gate(mask, table.type), y);
            return;
        }
        INDArray input = cubes.of(x, table.type);
        INDArray result = Nd4jCube.output(y, x, input);
        INDArray[] k = cubes.cells.upload(table.type, table.scale, table.shift, table.center);
        if (table.centered) {
            cubes.cells.subtract(input, k[2], result);
            input = result;
        }
        map(cubes, input, k, relu, cubes.gate(mask, table.type), result);
        Nd4jCube.deliver(result, y);
    }

    /** {@code y = x} where it counts, else 0. */
    private static void keep(INDArray x, Nd4jCube cubes, INDArray gate, INDArray y) {
        if (gate == null) {
            Extent.requireWithinBuffer(x);
            Extent.requireWithinBuffer(y);
            if (!Arrays.equals(x.shape(), y.shape())) {
                // ND4J would write past the end of a smaller one.
                throw new IllegalArgumentException("expected an output of shape " + Arrays.toString(x.shape()) + ", got "
                        + Arrays.toString(y.shape()));
            }
            y.assign(x);
            return;
        }
        INDArray input = cubes.of(x, gate.dataType());
        INDArray result = Nd4jCube.output(y, x, input);
        Gates.pass(input, gate, result);
        Nd4jCube.deliver(result, y);
    }

    /** {@code result = act(scale·deviations + shift)}. */
    private static void map(Nd4jCube cubes, INDArray deviations, INDArray[] k, boolean relu, INDArray gate, INDArray result) {
        cubes.cells.multiply(deviations, k[0], result);
        cubes.cells.add(result, k[1], result);
        if (relu) {
            Transforms.relu(result, false);
        }
        Gates.close(result, gate);
    }

    @Override
    public void normalize(INDArray x, View view, Mask mask, int groups, Moments into, Affine affine, boolean relu, INDArray y) {
        Nd4jCube cubes = new Nd4jCube(view);
        Nd4jCube.Found found = cubes.moments(x, mask, working(x));
        into.merge(found.moments());
        for (int n = 0; n < view.examples(); n++) {
            affine.complete(n, 0, view.channels());
        }
        Nd4jTable table = new Nd4jTable(view, affine, working(x));
        if (!table.isCenteredOn(found.pivots(), found.deviations().dataType())) {
            affine(x, view, mask, affine, relu, y);
            return;
        }
        INDArray result = Nd4jCube.isCube(y, table.type) ? Nd4jCube.output(y, x, found.deviations()) : found.deviations();
        map(cubes, found.deviations(), cubes.cells.upload(table.type, table.scale, table.shift), relu, found.gate(), result);
        Nd4jCube.deliver(result, y);
    }

    @Override
    public GradSums gradSums(INDArray x, INDArray dy, View view, Mask mask, Affine affine, boolean relu) {
        return new Backward(x, dy, view, mask, affine, relu).sums();
    }

    @Override
    public void affineGrad(INDArray x, INDArray dy, View view, Mask mask, Affine affine, boolean relu, GradAffine grad,
                           INDArray dx) {
        new Backward(x, dy, view, mask, affine, relu).gradient(affine, grad, dx);
    }

    @Override
    public void normalizeGrad(INDArray x, INDArray dy, View view, Mask mask, int groups, Affine affine, boolean relu,
                              GradAffine grad, INDArray dx) {
        Backward backward = new Backward(x, dy, view, mask, affine, relu);
        backward.sums().complete(grad, affine, view.examples(), view.channels());
        backward.gradient(affine, grad, dx);
    }

    @Override
    public Moments positionNorm(INDArray x, View view, Mask mask, PositionNorm norm, boolean relu, INDArray y) {
        return new Nd4jPositions(view, mask, norm, working(x)).forward(x, relu, y);
    }

    @Override
    public PositionNorm.Gradients positionNormGrad(INDArray x, INDArray dy, View view, Mask mask, PositionNorm norm,
                                                   Moments known, boolean relu, INDArray dx) {
        return new Nd4jPositions(view, mask, norm, working(x)).backward(x, dy, known, relu, dx);
    }

    /** A backward pass: what its sums and its gradient are both made of. */
    private static final class Backward {
        private final View view;
        private final Nd4jCube cubes;
        private final Nd4jTable table;
        private final INDArray dy;
        private final INDArray gate;
        private final double[] factors;
        private final INDArray scale;
        /** (x − center)·factor; may be x itself. */
        private final INDArray normalized;
        /** Memory of its own for what is not read again once the gradient is made. */
        private final INDArray room;
        /** dy where it counts and a ReLU was active, elsewhere 0; may be dy itself. */
        private final INDArray active;

        Backward(INDArray x, INDArray dy, View view, Mask mask, Affine affine, boolean relu) {
            this.view = view;
            this.dy = dy;
            cubes = new Nd4jCube(view);
            table = new Nd4jTable(view, affine, working(x));
            factors = table.factors();
            INDArray[] k = cubes.cells.upload(table.type, table.scale, table.shift, factors, table.center);
            scale = k[0];
            gate = cubes.gate(mask, table.type);
            INDArray input = cubes.of(x, table.type);
            room = Nd4jCube.scratch(x, input);
            if (table.centered) {
                cubes.cells.subtract(input, k[3], room);
                Gates.close(room, gate);
            } else if (gate != null) {
                Gates.pass(input, gate, room);
            }
            INDArray deviations = table.centered || gate != null ? room : input;
            active = active(cubes.of(dy, table.type), relu ? deviations : null, k);
            // Before slopes: their product may leave the range of float.
            boolean asTheyAre = Arrays.stream(factors).allMatch(factor -> factor == 1);
            normalized = asTheyAre ? deviations : room;
            if (!asTheyAre) {
                cubes.cells.multiply(deviations, k[2], room);
            }
        }

        /** Where the output of the forward pass, found by the same operations, is above 0, so that both agree on its sign. */
        private INDArray active(INDArray gradient, INDArray deviations, INDArray[] k) {
            if (deviations == null && gate == null) {
                return gradient;
            }
            INDArray passed = gradient.ulike();
            if (deviations == null) {
                Gates.pass(gradient, gate, passed);
            } else {
                map(cubes, deviations, k, true, null, passed);
                Gates.pass(gradient, passed, passed);
                Gates.close(passed, gate);
            }
            return passed;
        }

        SumTable sums() {
            SumTable into = new SumTable(view.examples(), view.channels());
            Nd4jCells.Sums sums = cubes.cells.new Sums(2, false);
            sums.sum(0, active);
            sums.products(1, active, normalized);
            double[] found = sums.read();
            int count = cubes.cells.count;
            for (int cell = 0; cell < count; cell++) {
                into.add(cell, found[cell], found[count + cell] / factors[cell] + table.lost[cell] * found[cell]);
            }
            return into;
        }

        void gradient(Affine affine, GradAffine grad, INDArray dx) {
            INDArray[] k = cubes.cells.upload(table.type, table.gradient(view, affine, grad));
            INDArray result = Nd4jCube.output(dx, dy, active);
            cubes.cells.multiply(normalized, k[0], room);
            cubes.cells.multiply(active, scale, result);
            Nd4jCube.sum(result, room, result);
            cubes.cells.add(result, k[1], result);
            Gates.close(result, gate);
            Nd4jCube.deliver(result, dx);
        }
    }
}
