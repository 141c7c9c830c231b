// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.norm.Divisor;
import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.Moments;
import io.github.dl4jnorm.norm.Norm;
import io.github.dl4jnorm.norm.NormGradients;
import io.github.dl4jnorm.norm.Pool;
import io.github.dl4jnorm.norm.Pooling;
import io.github.dl4jnorm.norm.PositionNorm;
import io.github.dl4jnorm.norm.SumTable;
import io.github.dl4jnorm.norm.View;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.Op;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.profiler.OpProfiler;
import org.nd4j.linalg.profiler.ProfilerConfig;

/**
 * How many operations of ND4J a pass of the kernels for every backend takes: on a GPU each of them is a launch, each custom one
 * waits for the device before and after, and a temporary array of the size of the input is written and read once more. The
 * numbers are upper bounds with nothing to spare; a pass that gets by with fewer lowers them.
 */
@Tag("once")
class Nd4jBudgetTest {
    private final NormKernels kernels = new Nd4jKernels();
    private final List<Op> operations = new ArrayList<>();

    /** What may be used: all operations, custom ones among them, and temporary arrays of at least half of the input. */
    record Budget(int operations, int custom, int temporaries) {
    }

    /** A norm of an input with its budgets. */
    record Case(String name, Pooling pooling, Divisor divisor, long[] shape, boolean channelsLast, DataType type, boolean relu,
                boolean masked, Budget forward, Budget backward) {
        @Override
        public String toString() {
            return name;
        }

        static Case of(String name, Pooling pooling, boolean relu, Budget forward, Budget backward) {
            return new Case(name, pooling, Divisor.DEVIATION, new long[]{4, 8, 6, 6}, false, DataType.FLOAT, relu, false, forward,
                    backward);
        }

        Case last() {
            return new Case(name + " nhwc", pooling, divisor, new long[]{4, 6, 6, 8}, true, type, relu, masked, forward,
                    backward);
        }
    }

    static Stream<Case> channels() {
        Budget forward = new Budget(9, 0, 1);
        Budget backward = new Budget(11, 1, 3);
        // Tables of the batch are written out for each example where channels come first.
        Budget batch = new Budget(10, 0, 1);
        return Stream.of(
                Case.of("batch", Pooling.BATCH, false, batch, backward),
                Case.of("batch", Pooling.BATCH, false, forward, backward).last(),
                Case.of("batch + ReLU", Pooling.BATCH, true, new Budget(11, 0, 1), new Budget(15, 1, 4)),
                Case.of("group", new Pooling(2), false, forward, backward),
                Case.of("group", new Pooling(2), false, forward, backward).last(),
                Case.of("instance", new Pooling(8), false, forward, backward),
                Case.of("layer", new Pooling(1), false, forward, backward),
                new Case("masked sequence", new Pooling(8), Divisor.DEVIATION, new long[]{4, 8, 36}, false, DataType.FLOAT, false,
                        true, new Budget(14, 1, 3), new Budget(15, 1, 5)),
                new Case("HALF", new Pooling(2), Divisor.DEVIATION, new long[]{4, 8, 6, 6}, false, DataType.HALF, false, false,
                        new Budget(11, 0, 2), new Budget(14, 1, 4)));
    }

    @BeforeEach
    void listen() {
        OpProfiler.getInstance().reset();
        OpProfiler.getInstance().setConfig(ProfilerConfig.builder().checkElapsedTime(true).build());
        OpProfiler.getInstance().addListener(operations::add);
    }

    @AfterEach
    void stop() {
        OpProfiler.getInstance().reset();
        OpProfiler.getInstance().setConfig(ProfilerConfig.builder().build());
    }

    @ParameterizedTest
    @MethodSource("channels")
    void channelNormsKeepWithinTheirBudgets(Case c) {
        boolean batch = c.pooling.overBatch();
        View asked = View.of(c.shape, c.channelsLast);
        View view = batch ? asked.batchAsPositions() : asked;
        INDArray x = Nd4j.randn(DataType.FLOAT, c.shape).castTo(c.type);
        INDArray dy = Nd4j.randn(DataType.FLOAT, c.shape).castTo(c.type);
        INDArray y = Nd4j.createUninitialized(c.type, c.shape, 'c');
        INDArray dx = Nd4j.createUninitialized(c.type, c.shape, 'c');
        Mask mask = c.masked ? mask(asked) : null;
        double[] ones = new double[view.channels()];
        Arrays.fill(ones, 1);
        Moments cells = new Moments(view.examples(), view.channels());
        Norm norm = new Norm(view.examples(), view.channels(), List.of(Pool.over(c.pooling, cells)), new double[]{1},
                new double[]{1}, ones, ones, 1e-5, null, c.divisor);
        int groups = c.pooling.groupsOf(view.channels());
        assertWithin(c.forward, x, List.of(x, y), () -> kernels.normalize(x, view, mask, groups, cells, norm, c.relu, y));
        SumTable sums = new SumTable(view.examples(), view.channels());
        NormGradients gradients = new NormGradients(norm, sums, true);
        assertWithin(c.backward, x, List.of(x, dy, dx),
                () -> kernels.normalizeGrad(x, dy, view, mask, groups, norm, c.relu, sums, gradients, dx));
    }

    @ParameterizedTest
    @MethodSource("divisors")
    void rowsKeepWithinTheirBudgets(Divisor divisor) {
        long[] shape = {32, 64};
        View view = View.of(shape, false);
        INDArray x = Nd4j.randn(DataType.FLOAT, shape);
        INDArray dy = Nd4j.randn(DataType.FLOAT, shape);
        INDArray y = Nd4j.createUninitialized(DataType.FLOAT, shape, 'c');
        PositionNorm norm = new PositionNorm(divisor, 1, null, null, 1e-5);
        Moments[] found = new Moments[1];
        int copied = norm.isCentered() ? 0 : 1;
        assertWithin(new Budget(10 + copied, 2, 1 + copied), x, List.of(x, y),
                () -> found[0] = kernels.positionNorm(x, view, null, norm, false, y));
        assertWithin(new Budget(15 + 1 - copied, 6 - copied, 3), x, List.of(x, dy, y),
                () -> kernels.positionNormGrad(x, dy, view, null, norm, found[0], false, y));
    }

    static List<Divisor> divisors() {
        return RowReference.DIVISORS;
    }

    private static Mask mask(View view) {
        boolean[] keep = new boolean[view.examples() * view.positions()];
        for (int i = 0; i < keep.length; i++) {
            keep[i] = i % view.positions() < 20 + i / view.positions();
        }
        return new Mask(view.examples(), 1, view.positions(), keep);
    }

    private void assertWithin(Budget budget, INDArray x, List<INDArray> given, Runnable pass) {
        operations.clear();
        long before = OpProfiler.getInstance().getInvocationsCount();
        pass.run();
        int all = (int) (OpProfiler.getInstance().getInvocationsCount() - before);
        Set<Long> own = new HashSet<>();
        given.forEach(array -> own.add(array.data().address()));
        Set<Long> temporaries = new HashSet<>();
        for (Op operation : operations) {
            INDArray z = operation.z();
            if (z.length() >= x.length() / 2 && !own.contains(z.data().address())) {
                temporaries.add(z.data().address());
            }
        }
        assertThat(new Budget(all, all - operations.size(), temporaries.size())).as("operations, custom, temporaries")
                .isEqualTo(budget);
    }
}
