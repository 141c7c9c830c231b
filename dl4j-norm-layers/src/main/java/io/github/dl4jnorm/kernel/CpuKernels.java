// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.kernel.Blocks.Block;
import io.github.dl4jnorm.norm.Affine;
import io.github.dl4jnorm.norm.GradAffine;
import io.github.dl4jnorm.norm.GradSums;
import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.Moments;
import io.github.dl4jnorm.norm.PositionNorm;
import io.github.dl4jnorm.norm.SumTable;
import io.github.dl4jnorm.norm.View;
import java.lang.ref.Reference;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.Function;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** {@link NormKernels} over off-heap memory: splits each pass into blocks that several threads share. */
final class CpuKernels implements NormKernels {
    private final String name;
    private final ThreadLocal<Map<DataType, Arithmetic>> arithmetic;
    private final Function<DataType, Arithmetic> factory;

    CpuKernels(String name, Function<DataType, Arithmetic> factory) {
        this.name = name;
        this.factory = factory;
        this.arithmetic = ThreadLocal.withInitial(() -> new EnumMap<>(DataType.class));
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public boolean onHost() {
        return true;
    }

    /** The calling thread's own. */
    private Arithmetic arithmetic(DataType type) {
        return arithmetic.get().computeIfAbsent(type, factory);
    }

    /** Does all blocks, several at a time, each thread with a walker of its own. */
    private void forEach(Blocks blocks, Operands operands, Mask mask, BiConsumer<BlockWalker, Block> work) {
        Workers.run(blocks.tasks, () -> new BlockWalker(operands, mask, arithmetic(operands.type()), blocks, work));
    }

    @Override
    public Moments moments(INDArray x, View view, Mask mask) {
        return moments(new Operands(view, 0, x), view, mask, 1);
    }

    /** Those of neighbouring channels of a group may be in the cell of the first of them. */
    private Moments moments(Operands operands, View view, Mask mask, int groupSize) {
        int together = operands.channelsTogether(groupSize);
        Moments[] parts = new Moments[operands.parts()];
        Arrays.setAll(parts, i -> new Moments(view.examples(), view.channels()));
        forEach(operands.blocks(), operands, mask, (walker, block) ->
                walker.moments(block, together, parts[operands.part(block)]));
        for (int i = 1; i < parts.length; i++) {
            parts[0].merge(parts[i]);
        }
        return parts[0];
    }

    @Override
    public void affine(INDArray x, View view, Mask mask, Affine affine, boolean relu, INDArray y) {
        affine(new Operands(view, 1, x, y), mask, affine, relu);
    }

    private void affine(Operands operands, Mask mask, Affine affine, boolean relu) {
        forEach(operands.blocks(), operands, mask, (walker, block) -> walker.affine(block, affine, relu));
    }

    @Override
    public GradSums gradSums(INDArray x, INDArray dy, View view, Mask mask, Affine affine, boolean relu) {
        Operands operands = new Operands(view, 0, x, dy);
        if (view.positions() == 1) {
            return lazyGradSums(operands, mask, affine, relu);
        }
        return gradSums(operands, view, mask, affine, relu);
    }

    private SumTable gradSums(Operands operands, View view, Mask mask, Affine affine, boolean relu) {
        SumTable[] parts = new SumTable[operands.parts()];
        Arrays.setAll(parts, i -> new SumTable(view.examples(), view.channels()));
        forEach(operands.blocks(), operands, mask, (walker, block) ->
                walker.gradSums(block, affine, relu, parts[operands.part(block)]));
        for (int i = 1; i < parts.length; i++) {
            parts[0].add(parts[i]);
        }
        return parts[0];
    }

    /** With one position the sums are dy and dy·(x − center) themselves: read when asked for, never stored. */
    private GradSums lazyGradSums(Operands operands, Mask mask, Affine affine, boolean relu) {
        View view = operands.view;
        SumTable row = new SumTable(1, view.channels());
        // Each example is a task.
        Blocks blocks = new Blocks(view, 1, view.channels(), 1, view.examples());
        BlockWalker walker = new BlockWalker(operands, mask, arithmetic(operands.type()), blocks, (self, block) ->
                self.gradSums(block, affine, relu, row));
        return (n, from, to, intoDy, intoDyx) -> {
            row.restart(n);
            walker.accept(n);
            Reference.reachabilityFence(walker);
            row.row(n, from, to, intoDy, intoDyx);
        };
    }

    @Override
    public void affineGrad(INDArray x, INDArray dy, View view, Mask mask, Affine affine, boolean relu, GradAffine grad,
                           INDArray dx) {
        affineGrad(new Operands(view, 1, x, dy, dx), mask, affine, relu, grad);
    }

    private void affineGrad(Operands operands, Mask mask, Affine affine, boolean relu, GradAffine grad) {
        forEach(operands.blocks(), operands, mask, (walker, block) -> walker.affineGrad(block, affine, relu, grad));
    }

    @Override
    public void normalize(INDArray x, View view, Mask mask, int groups, Moments into, Affine affine,
                          boolean relu, INDArray y) {
        Operands operands = new Operands(view, 1, x, y);
        Blocks units = operands.units(groups);
        int groupSize = view.channels() / groups;
        if (units == null) {
            into.merge(moments(operands, view, mask, groupSize));
            for (int n = 0; n < view.examples(); n++) {
                affine.complete(n, 0, view.channels());
            }
            affine(operands, mask, affine, relu);
            return;
        }
        forEach(units, operands, mask, (walker, unit) -> {
            walker.moments(unit, groupSize, into);
            affine.complete(operands.row(unit.n0()), unit.c0(), unit.c1());
            walker.affine(unit, affine, relu);
        });
    }

    @Override
    public void normalizeGrad(INDArray x, INDArray dy, View view, Mask mask, int groups, Affine affine, boolean relu,
                              GradAffine grad, INDArray dx) {
        Operands operands = new Operands(view, 1, x, dy, dx);
        Blocks units = operands.units(groups);
        if (units == null) {
            gradSums(operands, view, mask, affine, relu).complete(grad, affine, view.examples(), view.channels());
            affineGrad(operands, mask, affine, relu, grad);
            return;
        }
        forEach(units, operands, mask, (walker, unit) -> {
            walker.complete(unit, affine, relu, grad);
            walker.affineGrad(unit, affine, relu, grad);
        });
    }

    @Override
    public Moments positionNorm(INDArray x, View view, Mask mask, PositionNorm norm, boolean relu, INDArray y) {
        return new PositionKernels(this::arithmetic).forward(view, mask, norm, relu, 1, x, y);
    }

    @Override
    public PositionNorm.Gradients positionNormGrad(INDArray x, INDArray dy, View view, Mask mask, PositionNorm norm,
                                                   Moments known, boolean relu, INDArray dx) {
        return new PositionKernels(this::arithmetic).backward(view, mask, norm, known, relu, x, dy, dx);
    }

    @Override
    public Moments positionNormOfSum(INDArray x, INDArray residual, View view, Mask mask, PositionNorm norm, boolean relu,
                                     INDArray sum, INDArray y) {
        return new PositionKernels(this::arithmetic).forward(view, mask, norm, relu, 2, x, residual, sum, y);
    }

    @Override
    public PositionNorm.Gradients positionNormOfSumGrad(INDArray sum, INDArray dy, INDArray dSum, View view, Mask mask,
                                                        PositionNorm norm, Moments known, boolean relu, INDArray dx) {
        return new PositionKernels(this::arithmetic).backward(view, mask, norm, known, relu, sum, dy, dSum, dx);
    }
}
