// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.norm.Divisor;
import io.github.dl4jnorm.norm.GradSums;
import io.github.dl4jnorm.norm.Moments;
import io.github.dl4jnorm.norm.Norm;
import io.github.dl4jnorm.norm.NormGradients;
import io.github.dl4jnorm.norm.Pool;
import io.github.dl4jnorm.norm.Pooling;
import io.github.dl4jnorm.norm.PositionNorm;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.nativeblas.NativeOpsHolder;

/** Every pass of the kernels over raw memory leaves alone, and takes no number from, what is around its arrays. */
@EnabledIfSystemProperty(named = Kernels.PROPERTY, matches = "vector|scalar")
@Tag("full")
class RedZoneTest {
    static Stream<Integer> seeds() {
        return IntStream.range(5_000, 5_030).boxed();
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void nothingIsWrittenOutsideOfTheOutputAndNothingReadOutsideOfTheInput(int seed) {
        List<byte[]> expected = null;
        for (double fence : new double[]{Double.NaN, -50_000}) {
            Passes passes = new Passes(new KernelCase(Kernels.get(), seed), fence);
            List<byte[]> results = passes.all();
            expected = expected == null ? results : expected;
            for (int i = 0; i < results.size(); i++) {
                assertThat(Arrays.mismatch(results.get(i), expected.get(i)))
                        .as("result %d with %s around the arrays, %s", i, fence, passes.drawn).isEqualTo(-1);
            }
        }
    }

    /** All passes over the arrays of a drawn case, each between fences. */
    private static final class Passes {
        private final KernelCase drawn;
        private final double fence;
        private final Fenced x;
        private final Fenced dy;
        private final long[] strides;
        private final List<byte[]> results = new ArrayList<>();

        Passes(KernelCase drawn, double fence) {
            this.drawn = drawn;
            this.fence = fence;
            x = Fenced.copyOf(drawn.x, fence);
            dy = Fenced.copyOf(drawn.dy, fence);
            // Sometimes there is more between the examples of the output than the last one's end.
            strides = drawn.output().stride().clone();
            strides[0] += drawn.seed % 3 == 0 ? 5 : 0;
        }

        private interface Pass {
            void into(Fenced output);
        }

        private void run(String name, Pass pass) {
            Fenced output = Fenced.empty(drawn.x, strides, fence);
            sums(name, () -> pass.into(output));
            output.assertOnlyOwnChanged(name + " of " + drawn);
            results.add(output.content());
        }

        private void sums(String name, Runnable pass) {
            // Only here: what the test itself does with ND4J gets slow when its threads wait for each other.
            NativeOpsHolder.getInstance().getDeviceNativeOps().setOmpNumThreads(3);
            try {
                pass.run();
            } finally {
                NativeOpsHolder.getInstance().getDeviceNativeOps().setOmpNumThreads(1);
            }
            x.assertUntouched("x by " + name + " of " + drawn);
            dy.assertUntouched("dy by " + name + " of " + drawn);
        }

        private void add(double[]... numbers) {
            for (double[] some : numbers) {
                results.add(Nd4j.createFromArray(some).data().asBytes());
            }
        }

        List<byte[]> all() {
            NormKernels kernels = drawn.kernels;
            int cells = drawn.n * drawn.c;
            sums("moments", () -> {
                Moments moments = kernels.moments(x.array, drawn.view, drawn.mask);
                add(IntStream.range(0, cells).mapToDouble(moments::mean).toArray(),
                        IntStream.range(0, cells).mapToDouble(moments::squares).toArray());
            });
            run("affine", y -> kernels.affine(x.array, drawn.view, drawn.mask, drawn.affine, drawn.relu, y.array));
            sums("gradSums", () -> {
                GradSums sums = kernels.gradSums(x.array, dy.array, drawn.view, drawn.mask, drawn.affine, drawn.relu);
                for (int i = 0; i < drawn.n; i++) {
                    double[] sum = new double[drawn.c];
                    double[] product = new double[drawn.c];
                    sums.row(i, 0, drawn.c, sum, product);
                    add(sum, product);
                }
            });
            run("affineGrad", dx -> kernels.affineGrad(x.array, dy.array, drawn.view, drawn.mask, drawn.affine,
                    drawn.relu, drawn.grad, dx.array));
            both();
            if (!drawn.view.batchFolded()) {
                rows();
            }
            return results;
        }

        private void both() {
            int groups = drawn.c % 4 == 0 ? 4 : drawn.seed % 2 == 0 ? drawn.c : 1;
            Moments cells = new Moments(drawn.n, drawn.c);
            Norm norm = Norm.of(drawn.n, drawn.c, Pool.over(Pooling.group(groups), cells), null, null, 0.1);
            run("normalize", y -> drawn.kernels.normalize(x.array, drawn.view, drawn.mask, groups, cells, norm,
                    drawn.relu, y.array));
            NormGradients gradients = new NormGradients(norm, true);
            run("normalizeGrad", dx -> drawn.kernels.normalizeGrad(x.array, dy.array, drawn.view, drawn.mask, groups, norm,
                    drawn.relu, gradients, dx.array));
            add(gradients.gamma(), gradients.beta());
        }

        private void rows() {
            double[] gamma = new Random(drawn.seed).doubles(drawn.c, 0.5, 1.5).toArray();
            for (Divisor divisor : RowReference.DIVISORS) {
                PositionNorm norm = new PositionNorm(divisor, drawn.c % 4 == 0 ? 4 : 1, gamma, null, 0.1);
                Moments[] found = new Moments[2];
                run("positionNorm " + divisor, y -> found[1] = drawn.kernels
                        .positionNorm(x.array, drawn.view, drawn.mask, norm, drawn.relu,
                        y.array));
                Fenced sum = Fenced.empty(drawn.x, strides, fence);
                run("positionNormOfSum " + divisor, y -> drawn.kernels.positionNormOfSum(x.array, dy.array, drawn.view,
                        drawn.mask, norm, drawn.relu, sum.array, y.array));
                sum.assertOnlyOwnChanged("the sum of " + drawn);
                results.add(sum.content());
                run("positionNormOfSumGrad " + divisor, dx -> drawn.kernels.positionNormOfSumGrad(x.array, dy.array, dy.array,
                        drawn.view, drawn.mask, norm, null, drawn.relu, dx.array));
                for (Moments known : found) {
                    run("positionNormGrad " + divisor, dx -> {
                        PositionNorm.Gradients gradients = drawn.kernels
                                .positionNormGrad(x.array, dy.array, drawn.view, drawn.mask,
                                norm, known, drawn.relu, dx.array);
                        add(gradients.gamma(), gradients.beta());
                    });
                }
            }
        }
    }
}
