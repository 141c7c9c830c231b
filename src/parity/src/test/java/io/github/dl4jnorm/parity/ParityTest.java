// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.parity;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.conf.NormParameter;
import io.github.dl4jnorm.kernel.Kernels;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Output, gradients and running statistics in training mode, step by step, then output and gradients in test mode. Of
 * FLOAT this is compared with libtorch's FLOAT and, since that has rounding errors of its own, with its DOUBLE.
 */
class ParityTest {
    private static final Logger LOG = LoggerFactory.getLogger(ParityTest.class);
    private static final long SEED = seed();
    private static final int REPEATS = Integer.getInteger("parity.repeats", 4);
    private static final int STEPS = REPEATS > 1 ? 10 : 5;
    private static final Deviations DEVIATIONS = new Deviations();
    private static int compared;

    static long seed() {
        String given = System.getProperty("parity.seed", "");
        return given.isBlank() ? new Random().nextInt(1_000_000_000) : Long.parseLong(given);
    }

    @BeforeAll
    static void loadLibtorch() {
        Autograd.load();
        LOG.info("Drawing configurations from -Dparity.seed={}", SEED);
    }

    @AfterAll
    static void tell() {
        if (compared > 0) {
            LOG.info("{} configurations from -Dparity.seed={} on {} kernels; largest deviations from libtorch, relative to "
                    + "the largest element:\n{}", compared, SEED, Kernels.get().name(), DEVIATIONS);
        }
    }

    static Stream<Drawn> configurations() {
        List<Drawn> all = new ArrayList<>();
        Random random = new Random(SEED);
        for (Drawn.Choice choice : Drawn.Choice.all()) {
            for (DataType type : new DataType[]{DataType.FLOAT, DataType.DOUBLE}) {
                for (boolean channelsLast : new boolean[]{false, true}) {
                    for (int i = 0; i < 4 * REPEATS; i++) {
                        int rank = 2 + i % 4;
                        long seed = random.nextInt(Integer.MAX_VALUE);
                        if (choice.takes(rank)) {
                            all.add(Drawn.draw(seed, choice, type, channelsLast, rank));
                        }
                    }
                }
            }
        }
        return all.stream();
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("configurations")
    void equalsLibtorch(Drawn drawn) {
        // For libtorch alone: ND4J keeps for later some of what it allocates.
        try (PointerScope scope = new PointerScope(Tensor.class, TensorOptional.class, TensorVector.class)) {
            new Comparison(drawn).run();
        }
        compared++;
    }

    /** All that is compared of one configuration. */
    private static final class Comparison {
        private final Drawn drawn;
        private final Random random;
        private final double[] gamma;
        private final double[] channelMean;
        private final double[] channelDeviation;
        private final Ours ours;
        private final Libtorch exact;
        private final Map<String, Libtorch> oracles = new LinkedHashMap<>();

        Comparison(Drawn drawn) {
            this.drawn = drawn;
            random = new Random(drawn.seed());
            Map<String, double[]> params = params();
            gamma = params.get("gamma");
            channelMean = gaussian(drawn.channels(), 0, 0.75);
            channelDeviation = random.doubles(drawn.channels(), 0.5, 1.5).toArray();
            ours = new Ours(drawn, params);
            exact = new Libtorch(drawn, ScalarType.Double, params);
            if (drawn.type() == DataType.FLOAT) {
                oracles.put("FLOAT", new Libtorch(drawn, ScalarType.Float, params));
                oracles.put("FLOAT and libtorch's DOUBLE", exact);
            } else {
                oracles.put("DOUBLE", exact);
            }
        }

        private Map<String, double[]> params() {
            Map<String, double[]> params = new LinkedHashMap<>();
            if (drawn.scale()) {
                params.put("gamma", gaussian(drawn.gammas(), 0.5, 1));
            }
            if (drawn.center()) {
                params.put("beta", gaussian(drawn.affineLength(), 0, 1));
            }
            if (drawn.norm() == Drawn.Norm.FILTER_RESPONSE) {
                params.put("learnedEps", gaussian(1, 0.1, 0.05));
                if (drawn.relu()) {
                    params.put("tau", gaussian(drawn.channels(), 0, 0.5));
                }
            }
            if (drawn.norm() == Drawn.Norm.OTHER) {
                drawn.other().parameters().stream().filter(NormParameter::isTrained).forEach(parameter ->
                        params.computeIfAbsent(parameter.name(), name -> gaussian((int) parameter.length(), 0.6, 0.3)));
            }
            if (drawn.norm() == Drawn.Norm.SWITCHABLE) {
                params.put("meanWeight", gaussian(drawn.weights(), 1, 1));
                params.put("varWeight", gaussian(drawn.weights(), 1, 1));
            }
            return params;
        }

        private double rounded(double value) {
            return drawn.type() == DataType.FLOAT ? (float) value : value;
        }

        private double[] gaussian(int length, double mean, double deviation) {
            double[] values = new double[length];
            for (int i = 0; i < length; i++) {
                values[i] = rounded(mean + deviation * random.nextGaussian());
            }
            return values;
        }

        void run() {
            int steps = drawn.average() == null ? 2 : STEPS;
            for (int step = 1; step <= steps; step++) {
                pass("step " + step, true);
            }
            pass("test mode", false);
        }

        private void pass(String when, boolean training) {
            double[] x = input();
            double[] y = ours.forward(x, training);
            oracles.forEach((name, oracle) -> compare(when, name, "y", oracle.forward(x, training), y, 0));
            double[] dy = gradient(x, exact.beforeActivation());
            Map<String, double[]> gradients = ours.backward(dy);
            oracles.forEach((name, oracle) -> oracle.backward(dy).forEach((quantity, expected) ->
                    compare(when, name, quantity, expected, gradients.get(quantity), least(quantity, dy, oracle))));
            if (drawn.average() != null) {
                double[] mean = ours.runningMean();
                double[] variance = ours.runningVariance();
                double deviation = Math.sqrt(Arrays.stream(variance).max().orElse(0));
                oracles.forEach((name, oracle) -> {
                    compare(when, name, "mean", oracle.runningMean(), mean, deviation);
                    compare(when, name, "var", oracle.runningVariance(), variance, 0);
                });
            }
        }

        /** How large a sum of few channels or weights usually is: it may come to nearly nothing, with the same rounding. */
        private double least(String quantity, double[] dy, Libtorch oracle) {
            return switch (quantity.replaceAll("[0-9]", "")) {
                case "gamma", "beta", "tau" -> Math.sqrt(Arrays.stream(dy).map(v -> v * v).sum() / drawn.affineLength());
                case "learnedEps" -> Math.sqrt(Arrays.stream(dy).map(v -> v * v).sum());
                default -> oracle.typicalSum(quantity);
            };
        }

        private long summed(String quantity) {
            return switch (quantity) {
                case "gamma", "beta", "tau", NormParameter.V -> drawn.perChannel();
                case "meanWeight", "varWeight", "learnedEps", NormParameter.ALPHA, NormParameter.SHIFT -> drawn.length();
                default -> drawn.reduction();
            };
        }

        /** Every channel with a mean and deviation of its own, so that the parts of a mixture differ. */
        private double[] input() {
            double[] x = gaussian((int) drawn.length(), 0, 1);
            for (int i = 0; i < x.length; i++) {
                int c = drawn.channel(i);
                x[i] = rounded(drawn.deviation() * (drawn.offset() + channelMean[c] + channelDeviation[c] * x[i]));
            }
            return x;
        }

        /**
         * A gradient that has something to do with x and gamma, so that no sum of it comes to nothing; and none where a
         * ReLU is about to switch, for there either answer is right.
         */
        private double[] gradient(double[] x, double[] z) {
            double[] dy = gaussian(x.length, 0.25, 1);
            for (int i = 0; i < dy.length; i++) {
                double sign = gamma == null ? 1 : Math.signum(gamma[gamma.length == 1 ? 0 : drawn.affineIndex(i)]);
                dy[i] = drawn.relu() && Math.abs(z[i]) < 1e-4 ? 0
                        : rounded(dy[i] + 0.75 * sign * (x[i] / drawn.deviation() - drawn.offset()));
            }
            return dy;
        }

        private void compare(String when, String types, String quantity, double[] expected, double[] actual, double least) {
            assertThat(actual).as("%s of %s", quantity, drawn).isNotNull();
            double deviation = Deviations.of(expected, actual, least);
            double tolerance = Deviations.tolerance(drawn.type(), summed(quantity));
            DEVIATIONS.add(drawn.title() + ", " + types, quantity, deviation, tolerance);
            assertThat(deviation).as("deviation of %s, %s, from libtorch's: %s (%s), -Dparity.seed=%d", quantity, when, drawn,
                    types, SEED).isLessThanOrEqualTo(tolerance);
        }
    }
}
