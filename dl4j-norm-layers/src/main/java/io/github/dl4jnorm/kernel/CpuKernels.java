// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.kernel.Strided.Block;
import io.github.dl4jnorm.norm.Affine;
import io.github.dl4jnorm.norm.CellRange;
import io.github.dl4jnorm.norm.GradAffine;
import io.github.dl4jnorm.norm.GradSums;
import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.Moments;
import io.github.dl4jnorm.norm.PositionNorm;
import io.github.dl4jnorm.norm.SumTable;
import io.github.dl4jnorm.norm.View;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;
import java.util.function.BiConsumer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** {@link NormKernels} over off-heap memory: splits each pass into blocks that several threads walk over. */
final class CpuKernels implements NormKernels {
    /** Fewer units than this do not keep the threads busy, so their two passes are split further instead. */
    private static final int MIN_UNITS = 8;

    private final String name;
    private final ThreadLocal<Map<DataType, Arithmetic>> arithmetic;
    private final Arithmetic.Factory factory;
    private final PositionKernels positions;

    CpuKernels(String name, Arithmetic.Factory factory) {
        this.name = name;
        this.factory = factory;
        this.arithmetic = ThreadLocal.withInitial(() -> new EnumMap<>(DataType.class));
        this.positions = new PositionKernels(this::arithmetic);
    }

    @Override
    public String name() {
        return name;
    }

    /** The calling thread's own. */
    private Arithmetic arithmetic(DataType type) {
        return arithmetic.get().computeIfAbsent(type, factory::of);
    }

    private Walk walk(Operands operands, Mask mask) {
        return Walk.of(operands, mask, arithmetic(operands.type()));
    }

    @Override
    public Moments moments(INDArray x, View view, Mask mask) {
        return moments(new Operands(view, false, x), view, mask, 1);
    }

    /** Those of neighbouring channels of a group may be in the cell of the first of them. */
    private Moments moments(Operands operands, View view, Mask mask, int groupSize) {
        int together = operands.channelsTogether(groupSize);
        Moments[] parts = new Moments[operands.parts()];
        Arrays.setAll(parts, i -> new Moments(view.examples(), view.channels()));
        forEachBlock(operands, mask, (block, walk) -> walk.moments(0, block, together, parts[operands.part(block)]));
        for (int i = 1; i < parts.length; i++) {
            parts[0].merge(parts[i]);
        }
        return parts[0];
    }

    @Override
    public void affine(INDArray x, View view, Mask mask, Affine affine, boolean relu, INDArray y) {
        affine(new Operands(view, true, x, y), mask, affine, relu);
    }

    private void affine(Operands operands, Mask mask, Affine affine, boolean relu) {
        forEachBlock(operands, mask, (block, walk) -> walk.affine(0, 1, block, affine, relu));
    }

    @Override
    public GradSums gradSums(INDArray x, INDArray dy, View view, Mask mask, Affine affine, boolean relu) {
        Operands operands = new Operands(view, false, x, dy);
        if (view.positions() == 1) {
            return lazyGradSums(operands, mask, affine, relu);
        }
        return gradSums(operands, view, mask, affine, relu);
    }

    private SumTable gradSums(Operands operands, View view, Mask mask, Affine affine, boolean relu) {
        SumTable[] parts = new SumTable[operands.parts()];
        Arrays.setAll(parts, i -> new SumTable(view.examples(), view.channels()));
        forEachBlock(operands, mask, (block, walk) -> walk.gradSums(0, 1, block, affine, relu,
                parts[operands.part(block)]));
        for (int i = 1; i < parts.length; i++) {
            parts[0].add(parts[i]);
        }
        return parts[0];
    }

    /** With one position the sums are dy and dy·(x − center) themselves: read when asked for, never stored. */
    private GradSums lazyGradSums(Operands operands, Mask mask, Affine affine, boolean relu) {
        int channels = operands.view.channels();
        Walk walk = walk(operands, mask);
        SumTable row = new SumTable(1, channels);
        return (n, from, to, intoDy, intoDyx) -> {
            row.restart(n);
            operands.inline(() -> walk.gradSums(0, 1, new Block(n, n + 1, 0, channels, 0, 1), affine, relu, row));
            row.row(n, from, to, intoDy, intoDyx);
        };
    }

    @Override
    public void affineGrad(INDArray x, INDArray dy, View view, Mask mask, Affine affine, boolean relu, GradAffine grad,
                           INDArray dx) {
        affineGrad(new Operands(view, true, x, dy, dx), mask, affine, relu, grad);
    }

    private void affineGrad(Operands operands, Mask mask, Affine affine, boolean relu, GradAffine grad) {
        forEachBlock(operands, mask, (block, walk) -> walk.affineGrad(0, 1, 2, block, affine, relu, grad));
    }

    @Override
    public void normalize(INDArray x, View view, Mask mask, int groups, Moments into, CellRange ready, Affine affine,
                          boolean relu, INDArray y) {
        Operands operands = new Operands(view, true, x, y);
        int groupSize = view.channels() / groups;
        if (!forEachUnit(operands, groups, (block, walk) -> {
            walk.moments(0, block, groupSize, into);
            ready.complete(operands.row(block.n0()), block.c0(), block.c1());
            walk.affine(0, 1, block, affine, relu);
        }, mask)) {
            into.merge(moments(operands, view, mask, groupSize));
            completeAll(view, ready);
            affine(operands, mask, affine, relu);
        }
    }

    @Override
    public void normalizeGrad(INDArray x, INDArray dy, View view, Mask mask, int groups, Affine affine, boolean relu,
                              SumTable into, CellRange ready, GradAffine grad, INDArray dx) {
        Operands operands = new Operands(view, true, x, dy, dx);
        if (!forEachUnit(operands, groups, (block, walk) -> {
            walk.gradSums(0, 1, block, affine, relu, into);
            ready.complete(operands.row(block.n0()), block.c0(), block.c1());
            walk.affineGrad(0, 1, 2, block, affine, relu, grad);
        }, mask)) {
            into.add(gradSums(operands, view, mask, affine, relu));
            completeAll(view, ready);
            affineGrad(operands, mask, affine, relu, grad);
        }
    }

    private static void completeAll(View view, CellRange ready) {
        for (int n = 0; n < view.examples(); n++) {
            ready.complete(n, 0, view.channels());
        }
    }

    private void forEachBlock(Operands operands, Mask mask, BiConsumer<Block, Walk> work) {
        operands.forEachBlock(() -> walk(operands, mask), work);
    }

    /** Does each unit from begin to end, so that its second pass finds it in the cache; false if they are too few or long. */
    private boolean forEachUnit(Operands operands, int groups, BiConsumer<Block, Walk> work, Mask mask) {
        int perRow = operands.alongPositions ? groups : 1;
        int units = Math.multiplyExact(operands.rows(), perRow);
        if (units < MIN_UNITS || !operands.unitsFit(perRow)) {
            return false;
        }
        operands.forEachUnit(perRow, () -> walk(operands, mask), work);
        return true;
    }

    @Override
    public Moments positionNorm(INDArray x, View view, Mask mask, PositionNorm norm, boolean relu, INDArray y) {
        return positions.forward(x, view, mask, norm, relu, y);
    }

    @Override
    public PositionNorm.Gradients positionNormGrad(INDArray x, INDArray dy, View view, Mask mask, PositionNorm norm,
                                                   Moments known, boolean relu, INDArray dx) {
        return positions.backward(x, dy, view, mask, norm, known, relu, dx);
    }
}
