// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.Budget;
import io.github.dl4jnorm.norm.Divisor;
import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.Moments;
import io.github.dl4jnorm.norm.Norm;
import io.github.dl4jnorm.norm.NormGradients;
import io.github.dl4jnorm.norm.Pool;
import io.github.dl4jnorm.norm.Pooling;
import io.github.dl4jnorm.norm.PositionNorm;
import io.github.dl4jnorm.norm.View;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * How many operations of ND4J a pass of the kernels for every backend takes. The numbers are upper bounds with nothing to spare;
 * a pass that gets by with fewer lowers them.
 */
@Tag("once")
class Nd4jBudgetTest {
    private final NormKernels kernels = new Nd4jKernels();

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
        Budget backward = new Budget(8, 0, 1);
        // Columns are summed up in parts, whose sums are added.
        Budget ofColumns = new Budget(9, 0, 1);
        // The mean of the group is the center, that of a channel is what deviations were found from.
        Budget grouped = new Budget(8, 0, 1);
        return Stream.of(
                Case.of("batch", Pooling.BATCH, false, new Budget(7, 0, 1), backward),
                Case.of("batch", Pooling.BATCH, false, new Budget(8, 0, 1), ofColumns).last(),
                Case.of("batch + ReLU", Pooling.BATCH, true, new Budget(8, 0, 1), new Budget(12, 0, 2)),
                Case.of("batch + ReLU", Pooling.BATCH, true, new Budget(9, 0, 1), new Budget(13, 0, 2)).last(),
                Case.of("group", new Pooling(2), false, grouped, backward),
                Case.of("group", new Pooling(2), false, new Budget(9, 0, 1), ofColumns).last(),
                Case.of("instance", new Pooling(8), false, new Budget(7, 0, 1), backward),
                Case.of("layer", new Pooling(1), false, grouped, backward),
                new Case("masked sequence", new Pooling(8), Divisor.DEVIATION, new long[]{4, 8, 36}, false, DataType.FLOAT, false,
                        true, new Budget(12, 1, 2), new Budget(12, 0, 3)),
                new Case("HALF", new Pooling(2), Divisor.DEVIATION, new long[]{4, 8, 6, 6}, false, DataType.HALF, false, false,
                        new Budget(11, 0, 2), new Budget(11, 0, 2)));
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
        NormGradients gradients = new NormGradients(norm, true);
        assertWithin(c.backward, x, List.of(x, dy, dx),
                () -> kernels.normalizeGrad(x, dy, view, mask, groups, norm, c.relu, gradients, dx));
    }

    @ParameterizedTest
    @MethodSource("divisors")
    void rowsKeepWithinTheirBudgets(Divisor divisor) {
        int centered = divisor.isCentered() ? 1 : 0;
        rowsKeepWithin(new PositionNorm(divisor, 1, null, null, 1e-5), false, new Budget(2 + 4 * centered, 0, 0),
                new Budget(8 + 2 * centered, 0, 1));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void rowsWithGammaAndBetaKeepWithinTheirBudgets(boolean relu) {
        double[] ones = new double[64];
        Arrays.fill(ones, 1);
        rowsKeepWithin(new PositionNorm(1, ones, ones, 1e-5), relu, new Budget(relu ? 9 : 8, 0, 0),
                relu ? new Budget(15, 0, 2) : new Budget(11, 0, 1));
    }

    private void rowsKeepWithin(PositionNorm norm, boolean relu, Budget forward, Budget backward) {
        long[] shape = {32, 64};
        View view = View.of(shape, false);
        INDArray x = Nd4j.randn(DataType.FLOAT, shape);
        INDArray dy = Nd4j.randn(DataType.FLOAT, shape);
        INDArray y = Nd4j.createUninitialized(DataType.FLOAT, shape, 'c');
        Moments[] found = new Moments[1];
        assertWithin(forward, x, List.of(x, y), () -> found[0] = kernels.positionNorm(x, view, null, norm, relu, y));
        assertWithin(backward, x, List.of(x, dy, y),
                () -> kernels.positionNormGrad(x, dy, view, null, norm, found[0], relu, y));
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

    private static void assertWithin(Budget budget, INDArray x, List<INDArray> given, Runnable pass) {
        assertThat(Budget.of(x.length(), given, pass)).isEqualTo(budget);
    }
}
