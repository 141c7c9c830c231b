// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.norm.Affine;
import io.github.dl4jnorm.norm.GradAffine;
import io.github.dl4jnorm.norm.Moments;
import io.github.dl4jnorm.norm.Norm;
import io.github.dl4jnorm.norm.NormGradients;
import io.github.dl4jnorm.norm.Pool;
import io.github.dl4jnorm.norm.Pooling;
import io.github.dl4jnorm.norm.PositionNorm;
import io.github.dl4jnorm.norm.View;
import java.util.Arrays;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.memory.conf.WorkspaceConfiguration;
import org.nd4j.linalg.api.memory.enums.LearningPolicy;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** How often inputs are copied, seen by what a pass allocates in the workspace around it. */
@EnabledIfSystemProperty(named = Kernels.PROPERTY, matches = "vector|scalar")
@Tag("long")
class CopyTest {
    private static final WorkspaceConfiguration WORKSPACE = WorkspaceConfiguration.builder().initialSize(1 << 24)
            .policyLearning(LearningPolicy.NONE).build();
    private static final long[] SHAPE = {4, 6, 10, 12};
    private static final long BYTES = 4L * 4 * 6 * 10 * 12;
    private static final GradAffine NO_SLOPE = (n, from, to, at, slope, shift) -> {
        Arrays.fill(slope, 0, to - from, 0);
        Arrays.fill(shift, 0, to - from, 0);
    };

    /** Every pass, and how many of x and dy it reads. */
    enum Pass {
        MOMENTS(1, true) {
            @Override
            void run(INDArray x, INDArray dy, View view, INDArray out) {
                Kernels.get().moments(x, view, null);
            }
        },
        AFFINE(1, false) {
            @Override
            void run(INDArray x, INDArray dy, View view, INDArray out) {
                Kernels.get().affine(x, view, null, Affine.IDENTITY, true, out);
            }
        },
        GRAD_SUMS(2, true) {
            @Override
            void run(INDArray x, INDArray dy, View view, INDArray out) {
                double[] sums = new double[view.channels()];
                Kernels.get().gradSums(x, dy, view, null, Affine.IDENTITY, true).row(0, 0, sums.length, sums, sums.clone());
            }
        },
        AFFINE_GRAD(2, false) {
            @Override
            void run(INDArray x, INDArray dy, View view, INDArray out) {
                Kernels.get().affineGrad(x, dy, view, null, Affine.IDENTITY, true, NO_SLOPE, out);
            }
        },
        NORMALIZE(1, false) {
            @Override
            void run(INDArray x, INDArray dy, View view, INDArray out) {
                forward(x, view, out);
            }
        },
        NORMALIZE_GRAD(2, false) {
            @Override
            void run(INDArray x, INDArray dy, View view, INDArray out) {
                Norm norm;
                try (MemoryWorkspace none = Nd4j.getWorkspaceManager().scopeOutOfWorkspaces()) {
                    norm = forward(x, view, out);
                }
                NormGradients gradients = new NormGradients(norm, true);
                Kernels.get().normalizeGrad(x, dy, view, null, view.channels(), norm, false, gradients,
                        out);
            }
        },
        ROW_NORM(1, false) {
            @Override
            void run(INDArray x, INDArray dy, View view, INDArray out) {
                Kernels.get().positionNorm(x, view.examplesApart(), null, new PositionNorm(1, null, null, 1), false, out);
            }
        },
        ROW_NORM_GRAD(2, false) {
            @Override
            void run(INDArray x, INDArray dy, View view, INDArray out) {
                Kernels.get().positionNormGrad(x, dy, view.examplesApart(), null, new PositionNorm(1, null, null, 1), null, false,
                        out);
            }
        };

        private final int inputs;
        /** Then the input decides the direction, and the other one follows. */
        private final boolean withoutOutput;

        Pass(int inputs, boolean withoutOutput) {
            this.inputs = inputs;
            this.withoutOutput = withoutOutput;
        }

        abstract void run(INDArray x, INDArray dy, View view, INDArray out);

        private static Norm forward(INDArray x, View view, INDArray y) {
            Moments cells = new Moments(view.examples(), view.channels());
            int groups = view.channels();
            Norm norm = Norm.of(view.examples(), groups, Pool.over(Pooling.group(groups), cells), null, null, 1);
            Kernels.get().normalize(x, view, null, groups, cells, norm, false, y);
            return norm;
        }

        /** Bytes allocated for arrays while the pass runs. */
        long allocated(INDArray x, INDArray dy, View view) {
            INDArray out = Nd4j.create(DataType.FLOAT, SHAPE);
            try (MemoryWorkspace ws = Nd4j.getWorkspaceManager().getAndActivateWorkspace(WORKSPACE, "COPIES")) {
                long before = ws.getThisCycleAllocations();
                run(x, dy, view, out);
                return ws.getThisCycleAllocations() - before;
            } finally {
                Nd4j.getWorkspaceManager().destroyWorkspace(
                        Nd4j.getWorkspaceManager().getWorkspaceForCurrentThread(WORKSPACE, "COPIES"));
            }
        }
    }

    private static INDArray dense() {
        return Nd4j.arange(BYTES / 4).castTo(DataType.FLOAT).reshape(SHAPE);
    }

    /** Every second element along the last axis: no run along any axis is contiguous. */
    private static INDArray noRuns() {
        INDArray twice = Nd4j.create(DataType.FLOAT, SHAPE[0], SHAPE[1], SHAPE[2], 2 * SHAPE[3]);
        INDArray view = twice.get(NDArrayIndex.all(), NDArrayIndex.all(), NDArrayIndex.all(),
                NDArrayIndex.interval(0, 2, 2 * SHAPE[3]));
        return view.assign(dense());
    }

    /** A part of more channels or, channels last, more positions: each example has its runs, the examples a gap. */
    private static INDArray gaps(boolean channelsLast) {
        long[] larger = SHAPE.clone();
        larger[1] += 3;
        INDArray view = Nd4j.create(DataType.FLOAT, larger).get(NDArrayIndex.all(), NDArrayIndex.interval(2, 2 + SHAPE[1]),
                NDArrayIndex.all(), NDArrayIndex.all());
        assertThat(view.stride(3)).as("channels last " + channelsLast).isEqualTo(1);
        return view.assign(dense());
    }

    private static View[] views(boolean channelsLast) {
        View plain = View.of(SHAPE, channelsLast);
        return new View[]{plain, plain.batchAsPositions()};
    }

    @ParameterizedTest
    @EnumSource(Pass.class)
    void inputWithContiguousRunsIsReadInPlace(Pass pass) {
        for (boolean channelsLast : new boolean[]{false, true}) {
            for (View view : views(channelsLast)) {
                assertThat(pass.allocated(dense(), dense(), view)).as("dense, %s", view).isZero();
                assertThat(pass.allocated(gaps(channelsLast), gaps(channelsLast), view)).as("gaps, %s", view).isZero();
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Pass.class)
    void inputWithoutContiguousRunsIsCopiedOnce(Pass pass) {
        for (boolean channelsLast : new boolean[]{false, true}) {
            for (View view : views(channelsLast)) {
                assertThat(pass.allocated(noRuns(), noRuns(), view)).as("both, %s", view).isEqualTo(pass.inputs * BYTES);
                assertThat(pass.allocated(noRuns(), dense(), view)).as("x, %s", view)
                        .isLessThanOrEqualTo((pass.withoutOutput ? pass.inputs : 1) * BYTES).isGreaterThanOrEqualTo(BYTES);
                assertThat(pass.allocated(dense(), noRuns(), view)).as("dy, %s", view)
                        .isEqualTo(pass.inputs == 2 ? BYTES : 0);
            }
        }
    }
}
