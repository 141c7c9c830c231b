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
    private static DataType working(INDArray x) {
        return x.dataType() == DataType.HALF ? DataType.FLOAT : x.dataType();
    }

    @Override
    public Moments moments(INDArray x, View view, Mask mask) {
        Nd4jCube cubes = new Nd4jCube(view);
        return cubes.moments(cubes.copy(x, DataType.DOUBLE), mask);
    }

    @Override
    public void affine(INDArray x, View view, Mask mask, Affine affine, boolean relu, INDArray y) {
        Nd4jCube cubes = new Nd4jCube(view);
        Nd4jTable table = new Nd4jTable(view, affine, working(x));
        INDArray[] k = cubes.upload(table.type, table.center, table.scale, table.shift);
        INDArray input = cubes.of(x, table.type);
        INDArray result = Nd4jCube.output(y, x, input);
        cubes.subtract(input, k[0], result);
        cubes.multiply(result, k[1], result);
        cubes.add(result, k[2], result);
        if (relu) {
            Transforms.relu(result, false);
        }
        Gates.close(result, cubes.gate(mask, table.type));
        Nd4jCube.deliver(result, y);
    }

    @Override
    public GradSums gradSums(INDArray x, INDArray dy, View view, Mask mask, Affine affine, boolean relu) {
        SumTable sums = new SumTable(view.examples(), view.channels());
        new Backward(x, dy, view, mask, affine, relu).sums(sums);
        return sums;
    }

    @Override
    public void affineGrad(INDArray x, INDArray dy, View view, Mask mask, Affine affine, boolean relu, GradAffine grad,
                           INDArray dx) {
        new Backward(x, dy, view, mask, affine, relu).gradient(affine, grad, dx);
    }

    @Override
    public void normalizeGrad(INDArray x, INDArray dy, View view, Mask mask, int groups, Affine affine, boolean relu,
                              SumTable into, GradAffine grad, INDArray dx) {
        Backward backward = new Backward(x, dy, view, mask, affine, relu);
        backward.sums(into);
        for (int n = 0; n < view.examples(); n++) {
            grad.complete(n, 0, view.channels());
        }
        backward.gradient(affine, grad, dx);
    }

    @Override
    public Moments positionNorm(INDArray x, View view, Mask mask, PositionNorm norm, boolean relu, INDArray y) {
        return new Nd4jPositions(view, mask, norm).forward(x, relu, y);
    }

    @Override
    public PositionNorm.Gradients positionNormGrad(INDArray x, INDArray dy, View view, Mask mask, PositionNorm norm,
                                                   Moments known, boolean relu, INDArray dx) {
        return new Nd4jPositions(view, mask, norm).backward(x, dy, known, relu, dx);
    }

    /** A backward pass: what its sums and its gradient are both made of. */
    private static final class Backward {
        private final View view;
        private final Nd4jCube cubes;
        private final Nd4jTable table;
        private final INDArray dy;
        private final INDArray gate;
        private final INDArray scale;
        private final INDArray unit;
        /** x − center; not read again once the gradient is made. */
        private final INDArray centered;
        /** dy where it counts and a ReLU was active, elsewhere 0; may be dy itself. */
        private final INDArray active;

        Backward(INDArray x, INDArray dy, View view, Mask mask, Affine affine, boolean relu) {
            this.view = view;
            this.dy = dy;
            cubes = new Nd4jCube(view);
            table = new Nd4jTable(view, affine, working(x));
            INDArray[] k = cubes.upload(table.type, table.center, table.scale, table.shift, table.unit);
            scale = k[1];
            unit = k[3];
            gate = cubes.gate(mask, table.type);
            INDArray input = cubes.of(x, table.type);
            centered = Nd4jCube.scratch(x, input);
            cubes.subtract(input, k[0], centered);
            Gates.close(centered, gate);
            active = active(cubes.of(dy, table.type), k[2], relu);
        }

        private INDArray active(INDArray gradient, INDArray shift, boolean relu) {
            if (!relu && gate == null) {
                return gradient;
            }
            INDArray passed = gradient.ulike();
            if (relu) {
                // The output of the forward pass, by the same operations, so that both agree on its sign.
                cubes.multiply(centered, scale, passed);
                cubes.add(passed, shift, passed);
                Gates.pass(gradient, Transforms.relu(passed, false), passed);
                Gates.close(passed, gate);
            } else {
                Gates.pass(gradient, gate, passed);
            }
            return passed;
        }

        void sums(SumTable into) {
            INDArray sums = cubes.tables(2);
            INDArray gradient = active.castTo(DataType.DOUBLE);
            cubes.sum(gradient, sums, 0);
            INDArray products = centered.dataType() == DataType.DOUBLE ? centered.ulike() : centered.castTo(DataType.DOUBLE);
            Nd4jCube.product(centered.dataType() == DataType.DOUBLE ? centered : products, gradient, products);
            cubes.sum(products, sums, 1);
            double[] found = sums.data().asDouble();
            int cells = cubes.cells();
            for (int cell = 0; cell < cells; cell++) {
                into.add(cell, found[cell], found[cells + cell] + table.lost[cell] * found[cell]);
            }
        }

        void gradient(Affine affine, GradAffine grad, INDArray dx) {
            double[][] slopeAndShift = table.gradient(view, affine, grad);
            INDArray[] k = cubes.upload(table.type, slopeAndShift);
            INDArray result = Nd4jCube.output(dx, dy, active);
            // One after the other: their product may leave the range of float.
            cubes.multiply(centered, unit, centered);
            cubes.multiply(centered, k[0], centered);
            cubes.multiply(active, scale, result);
            Nd4jCube.sum(result, centered, result);
            cubes.add(result, k[1], result);
            Gates.close(result, gate);
            Nd4jCube.deliver(result, dx);
        }
    }
}
