// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.parity;

import io.github.dl4jnorm.conf.NormFactory;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.norm.NormPlan;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.LongStream;
import org.nd4j.linalg.api.buffer.DataType;

/**
 * One configuration: a norm, its options and its input.
 *
 * @param seed         what everything else, and the data, were drawn from
 * @param choice       which norm
 * @param type         FLOAT or DOUBLE
 * @param channelsLast layout
 * @param shape        shape of the input, channels first
 * @param groups       groups of group normalization, or parts of a batch
 * @param eps          what is added to the variance
 * @param scale        whether there is a gamma
 * @param center       whether there is a beta
 * @param gammaOffset  what is added to gamma
 * @param relu         whether a ReLU is fused
 * @param average      running statistics, or null
 * @param logStd       whether batch normalization stores them as log10stdev
 * @param useBatch     whether switchable normalization has a batch part
 * @param columnMajor  whether the input is handed over in the order of Fortran
 * @param offset       mean of the input, in deviations
 * @param deviation    standard deviation of the input
 */
record Drawn(long seed, Choice choice, DataType type, boolean channelsLast, long[] shape, int groups, double eps,
             boolean scale, boolean center, double gammaOffset, boolean relu, Average average, boolean logStd, boolean useBatch,
             boolean columnMajor, double offset, double deviation) {

    /** The norms, as the library has them. */
    enum Norm {
        BATCH, GROUP, INSTANCE, LAYER, LAYER_PER_POSITION, LAYER_ELEMENTWISE, SWITCHABLE, GHOST, RENORM, FILTER_RESPONSE,
        GLOBAL_RESPONSE, RMS, RMS_OF_EXAMPLE, UNIT, UNIT_OF_EXAMPLE,
        /** By its plan, which libtorch carries out: any norm of the factory without a constant here. */
        OTHER;

        String title() {
            return name().toLowerCase(Locale.ROOT).replace('_', ' ');
        }
    }

    /**
     * A norm to draw options and input for.
     *
     * @param norm which norm
     * @param name its name in the factory
     */
    record Choice(Norm norm, String name) {
        /** Layers without options, by name: the factory looks for setters each time it makes one. */
        private static final Map<String, NormLayer> PLAIN = new ConcurrentHashMap<>();

        /** All that is to be compared: every norm of the factory at least once. */
        static List<Choice> all() {
            List<Choice> all = new ArrayList<>();
            for (Norm norm : Norm.values()) {
                if (norm != Norm.OTHER) {
                    all.add(new Choice(norm, factoryName(norm)));
                }
            }
            List<String> named = all.stream().map(Choice::name).toList();
            for (String name : NormFactory.names()) {
                if (Ours.of(name, Map.of()) != null && !named.contains(name)) {
                    all.add(new Choice(Norm.OTHER, name));
                }
            }
            return all;
        }

        private static String factoryName(Norm norm) {
            return switch (norm) {
                case FILTER_RESPONSE -> "frn";
                case GLOBAL_RESPONSE -> "grn";
                // The first word: LAYER_PER_POSITION is an option of "layer".
                default -> norm.title().split(" ")[0];
            };
        }

        boolean grouped() {
            return norm == Norm.GROUP || isOther(NormPlan.Gated.class);
        }

        boolean split() {
            return isOther(NormPlan.Split.class);
        }

        boolean curved() {
            return isOther(NormPlan.Curved.class);
        }

        private boolean isOther(Class<? extends NormPlan> plan) {
            return norm == Norm.OTHER && plan.isInstance(plain().plan(4));
        }

        private NormLayer plain() {
            return PLAIN.computeIfAbsent(name, each -> Ours.of(each, Map.of()));
        }

        boolean takes(int rank) {
            return norm == Norm.LAYER_ELEMENTWISE ? rank > 3 : plain().plan(rank) != null;
        }

        private boolean averages(Random random, boolean useBatch) {
            return switch (norm) {
                case INSTANCE -> random.nextBoolean();
                case SWITCHABLE -> useBatch;
                default -> plain().tracksStatistics();
            };
        }
    }

    /** With fewer, what is left of dx is mostly rounding: two elements always become −1 and 1. */
    private static final int FEWEST_ELEMENTS = 4;
    /** Most examples of a part of ghost batch normalization. */
    static final int GHOST = 4;
    private static final int MOST_ELEMENTS = 80_000;

    static Drawn draw(long seed, Choice choice, DataType type, boolean channelsLast, int rank) {
        Norm norm = choice.norm();
        Random random = new Random(seed);
        double[] eps = {1e-5, 1e-3, 1e-6, 0.1};
        double eachEps = eps[random.nextInt(eps.length)];
        boolean scale = random.nextInt(4) > 0;
        boolean both = random.nextInt(8) > 0;
        boolean center = both == scale;
        double gammaOffset = scale && random.nextInt(3) == 0 ? 1 : 0;
        boolean relu = random.nextInt(3) == 0;
        boolean useBatch = random.nextInt(4) > 0;
        Average average = choice.averages(random, useBatch) ? Average.draw(random) : null;
        boolean logStd = random.nextBoolean();
        boolean columnMajor = random.nextInt(5) == 0;
        double offset = 4 * random.nextDouble() - 2;
        double any = Math.exp(3 * random.nextDouble() - 1.5);
        // A curve is flat for large elements: where all are large, no gradient would be left to compare.
        double deviation = choice.curved() ? Math.min(any, 1) : any;
        while (true) {
            int groups = choice.grouped() ? 1 + random.nextInt(6) : choice.split() ? 2 + random.nextInt(2) : 1;
            long[] shape = shape(rank, choice.split() ? 1 : groups, random);
            shape[0] *= choice.split() ? groups : 1;
            Drawn drawn = new Drawn(seed, choice, type, channelsLast, shape, groups, eachEps, scale, center, gammaOffset, relu,
                    average, logStd, useBatch, columnMajor, offset, deviation);
            if (drawn.fewest() >= FEWEST_ELEMENTS && drawn.length() <= MOST_ELEMENTS && drawn.partsDiffer()) {
                return drawn;
            }
        }
    }

    /** Mostly small; one in eight is large enough for several threads. */
    private static long[] shape(int rank, int groups, Random random) {
        boolean large = random.nextInt(8) == 0;
        long[] shape = new long[rank];
        shape[0] = 1 + random.nextInt(large ? 24 : 7);
        shape[1] = (long) groups * (1 + random.nextInt(large || rank == 2 ? 40 : 9));
        for (int axis = 2; axis < rank; axis++) {
            shape[axis] = 1 + random.nextInt(large ? 24 : rank == 3 ? 40 : 7);
        }
        return shape;
    }

    Norm norm() {
        return choice.norm();
    }

    String title() {
        return norm() == Norm.OTHER ? choice.name() : norm().title();
    }

    /** The norm by its name in the factory, with the options that all norms have. */
    NormLayer other() {
        Map<String, Object> options = new HashMap<>(Map.of("eps", eps, "scale", scale, "center", center,
                "gammaOffset", gammaOffset, "activation", relu ? "relu" : "identity"));
        if (choice.grouped()) {
            options.put("groups", groups);
        }
        if (choice.split()) {
            options.put("splits", groups);
        }
        if (average != null) {
            options.put("runningStatistics", average.policy());
        }
        NormLayer layer = Ours.of(choice.name(), options);
        layer.setNOut(channels());
        return layer;
    }

    int rank() {
        return shape.length;
    }

    int channels() {
        return (int) shape[1];
    }

    long length() {
        return Arrays.stream(shape).reduce(1, (a, b) -> a * b);
    }

    long positions() {
        return length() / shape[0] / shape[1];
    }

    /** Elements that gradients of gamma and beta sum up. */
    long perChannel() {
        return shape[0] * positions();
    }

    /** How many gammas there are. */
    int gammas() {
        return norm() == Norm.OTHER ? (int) other().parameters().get(0).length() : affineLength();
    }

    /** How many betas there are. */
    int affineLength() {
        return norm() == Norm.LAYER_ELEMENTWISE ? (int) (length() / shape[0]) : channels();
    }

    /** The gamma of an element in memory. */
    int affineIndex(int i) {
        return norm() == Norm.LAYER_ELEMENTWISE ? i % affineLength() : channel(i);
    }

    /** The channel of an element in memory. */
    int channel(int i) {
        return (int) (channelsLast ? i % shape[1] : i / positions() % shape[1]);
    }

    /** The shape in memory. */
    long[] stored() {
        long[] stored = shape.clone();
        if (channelsLast) {
            System.arraycopy(shape, 2, stored, 1, shape.length - 2);
            stored[shape.length - 1] = shape[1];
        }
        return stored;
    }

    /** Elements behind each statistic; of the largest part, where several are mixed. */
    long reduction() {
        if (choice.grouped()) {
            return channels() / groups * positions();
        }
        return switch (norm()) {
            case BATCH, GHOST, RENORM, GROUP -> perChannel();
            case INSTANCE, FILTER_RESPONSE, GLOBAL_RESPONSE -> positions();
            case LAYER, RMS_OF_EXAMPLE, UNIT_OF_EXAMPLE -> rank() == 3 ? channels() : channels() * positions();
            case LAYER_PER_POSITION, RMS, UNIT -> channels();
            case LAYER_ELEMENTWISE -> channels() * positions();
            case SWITCHABLE -> Math.max(channels() * positions(), perChannel());
            case OTHER -> LongStream.of(Formulas.axes(other().plan(rank()), channels(), rank())).map(axis -> shape[(int) axis])
                    .reduce(1, (a, b) -> a * b);
        };
    }

    /** Where the parts of ghost batch normalization begin, and where the last one ends. */
    long[] parts() {
        long count = (shape[0] - 1) / GHOST + 1;
        return LongStream.rangeClosed(0, count).map(i -> i * shape[0] / count).toArray();
    }

    private long fewest() {
        if (norm() == Norm.GHOST) {
            return parts()[1] * positions();
        }
        if (norm() == Norm.OTHER && other().plan(rank()) instanceof NormPlan.InstanceAndBatch) {
            return channels() > 1 ? positions() : 0;
        }
        if (choice.split()) {
            return perChannel() / groups;
        }
        if (norm() != Norm.SWITCHABLE) {
            return reduction();
        }
        long others = useBatch ? perChannel() : Long.MAX_VALUE;
        return Math.min(others, rank() == 2 ? channels() : positions());
    }

    /** Where parts of a mixture are the same, or nearly so, the gradient of their weights is but rounding. */
    private boolean partsDiffer() {
        return norm() != Norm.SWITCHABLE || shape[1] > 1;
    }

    /** Logits of each kind that switchable normalization has. */
    int weights() {
        return (rank() == 2 ? 1 : 2) + (useBatch ? 1 : 0);
    }

    @Override
    public String toString() {
        String options = (groups > 1 ? ", " + groups + (choice.split() ? " parts" : " groups") : "") + (scale ? "" : ", no gamma")
                + (gammaOffset == 0 ? "" : ", gammaOffset " + gammaOffset)
                + (center ? "" : ", no beta") + (relu ? ", ReLU" : "") + (average == null ? "" : ", " + average.policy())
                + (norm() == Norm.BATCH && logStd ? ", log10stdev" : "")
                + (norm() == Norm.SWITCHABLE && !useBatch ? ", no batch part" : "") + (columnMajor ? ", column-major" : "");
        return title() + " " + type + " "
                + Arrays.toString(stored()) + (channelsLast ? " channels last" : "") + ", eps " + eps + options
                + ", seed " + seed;
    }
}
