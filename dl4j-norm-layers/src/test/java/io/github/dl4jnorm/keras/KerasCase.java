// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.keras;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Layers of Keras, their options and weights, and what they compute, written down plainly. */
final class KerasCase {
    static final double EPSILON = 0.01;
    static final int C = 4;
    /** What a layer has learned to add to epsilon, or its negative. */
    static final double LEARNED = 0.25;

    private KerasCase() {
    }

    /** A layer: its class, what it normalizes together, its options. */
    enum Kind {
        LAYER("LayerNormalization", Map.of()), GROUP("GroupNormalization", Map.of("groups", 2)),
        GROUP_OF_ONE("GroupNormalization", Map.of("groups", -1)), ADDONS_GROUP("Addons>GroupNormalization", Map.of("groups", 2)),
        INSTANCE("Addons>InstanceNormalization", Map.of("groups", -1)), CONTRIB_INSTANCE("InstanceNormalization", Map.of()),
        UNIT("UnitNormalization", Map.of()), RMS("RMSNormalization", Map.of()),
        FILTER_RESPONSE("Addons>FilterResponseNormalization", Map.of()),
        FILTER_RESPONSE_LEARNED("Addons>FilterResponseNormalization", Map.of("learned_epsilon", true)),
        BATCH("BatchNormalization", Map.of("momentum", 0.9)),
        BATCH_RENORM("BatchNormalization", Map.of("renorm", true, "renorm_momentum", 0.99, "renorm_clipping",
                Map.of("rmax", 2.0, "rmin", 0.5, "dmax", 3.0))),
        BATCH_GHOST("BatchNormalization", Map.of("virtual_batch_size", 2));

        final String className;
        private final Map<String, Object> options;

        Kind(String className, Map<String, Object> options) {
            this.className = className;
            this.options = options;
        }

        /** Number of the set of elements that share statistics. */
        private String set(long n, long c, String position) {
            return switch (this) {
                case LAYER, UNIT, RMS -> n + " " + position;
                case GROUP, ADDONS_GROUP -> n + " " + c / 2;
                case GROUP_OF_ONE, INSTANCE, CONTRIB_INSTANCE, FILTER_RESPONSE, FILTER_RESPONSE_LEARNED -> n + " " + c;
                case BATCH, BATCH_RENORM, BATCH_GHOST -> "";
            };
        }

        boolean isBatch() {
            return set(0, 0, "").isEmpty();
        }

        boolean isFilterResponse() {
            return className.endsWith("FilterResponseNormalization");
        }

        /** Only of some is it an option. */
        boolean scales(boolean wanted) {
            return this != UNIT && (wanted || this == RMS || isFilterResponse());
        }

        boolean centers(boolean wanted) {
            return this != UNIT && this != RMS && (wanted || isFilterResponse());
        }

        boolean takes(int rank) {
            return isFilterResponse() ? rank == 4 : rank > 2 || this != INSTANCE && this != CONTRIB_INSTANCE;
        }

        /** Mean and divisor of the elements of a set. */
        private double[] statistics(List<Double> elements) {
            double meanSquare = elements.stream().mapToDouble(v -> v * v).average().orElse(0);
            double mean = elements.stream().mapToDouble(v -> v).average().orElse(0);
            double variance = elements.stream().mapToDouble(v -> (v - mean) * (v - mean)).average().orElse(0);
            return switch (this) {
                case UNIT -> new double[]{0, Math.max(Math.sqrt(meanSquare * elements.size()), 1e-6)};
                case RMS, FILTER_RESPONSE -> new double[]{0, Math.sqrt(meanSquare + EPSILON)};
                case FILTER_RESPONSE_LEARNED -> new double[]{0, Math.sqrt(meanSquare + EPSILON + LEARNED)};
                case CONTRIB_INSTANCE -> new double[]{mean, Math.sqrt(variance) + EPSILON};
                default -> new double[]{mean, Math.sqrt(variance + EPSILON)};
            };
        }
    }

    static float[] numbers(int seed, int length) {
        Nd4j.getRandom().setSeed(seed);
        return Nd4j.rand(DataType.FLOAT, length).addi(0.5).toFloatVector();
    }

    static final float[] GAMMA = numbers(1, C);
    static final float[] BETA = numbers(2, C);
    static final float[] MEAN = numbers(3, C);
    static final float[] VARIANCE = numbers(4, C);

    /** The definitions, element by element, in double. */
    static double[] expected(Kind kind, INDArray x, boolean last, boolean scale, boolean center) {
        long[] shape = x.shape();
        int axis = last ? shape.length - 1 : 1;
        double[] values = x.castTo(DataType.DOUBLE).dup('c').data().asDouble();
        Map<String, List<Double>> sets = new HashMap<>();
        String[] set = new String[values.length];
        int[] channel = new int[values.length];
        for (int i = 0; i < values.length; i++) {
            long[] index = index(i, shape);
            channel[i] = (int) index[axis];
            index[axis] = -1;
            set[i] = kind.set(index[0], channel[i], Arrays.toString(index));
            sets.computeIfAbsent(set[i], key -> new ArrayList<>()).add(values[i]);
        }
        Map<String, double[]> statistics = new HashMap<>();
        sets.forEach((key, elements) -> statistics.put(key, kind.statistics(elements)));
        for (int i = 0; i < values.length; i++) {
            int c = channel[i];
            double[] own = kind.isBatch() ? new double[]{MEAN[c], Math.sqrt(VARIANCE[c] + EPSILON)} : statistics.get(set[i]);
            values[i] = (values[i] - own[0]) / own[1] * (kind.scales(scale) ? GAMMA[c] : 1)
                    + (kind.centers(center) ? BETA[c] : 0);
        }
        return values;
    }

    static long[] index(int flat, long[] shape) {
        long[] index = new long[shape.length];
        int rest = flat;
        for (int axis = shape.length - 1; axis >= 0; axis--) {
            index[axis] = rest % shape[axis];
            rest /= (int) shape[axis];
        }
        return index;
    }

    static Map<String, Object> options(Kind kind, Object axis, boolean scale, boolean center) {
        Map<String, Object> options = new LinkedHashMap<>(kind.options);
        boolean first = axis != null && Set.of(1, List.of(1)).contains(axis);
        options.put("axis", !kind.isFilterResponse() ? axis : first ? List.of(2, 3) : List.of(1, 2));
        if (kind != Kind.UNIT) {
            options.put("epsilon", EPSILON);
        }
        if (kind == Kind.UNIT || kind == Kind.RMS) {
            return options;
        }
        if (!kind.isFilterResponse()) {
            options.put("scale", scale);
            options.put("center", center);
        }
        options.put("gamma_initializer", Map.of("class_name", "Ones", "config", Map.of()));
        options.put("beta_initializer", Map.of("class_name", "Zeros", "config", Map.of()));
        options.put("gamma_regularizer", null);
        options.put("beta_constraint", null);
        return options;
    }

    static KerasFile add(KerasFile file, Kind kind, Object axis, boolean scale, boolean center) {
        file.layer(kind.className, "norm", options(kind, axis, scale, center));
        if (kind.scales(scale)) {
            file.weight(kind == Kind.RMS ? "scale" : "gamma", GAMMA);
        }
        if (kind.centers(center)) {
            file.weight("beta", BETA);
        }
        if (kind == Kind.FILTER_RESPONSE_LEARNED) {
            file.weight("learned_epsilon", new float[]{(float) -LEARNED});
        }
        if (kind.isBatch()) {
            file.weight("moving_mean", MEAN).weight("moving_variance", VARIANCE);
        }
        if (kind == Kind.BATCH_RENORM) {
            file.weight("renorm_mean", BETA).weight("renorm_stddev", GAMMA);
        }
        return file;
    }

    static int[] shape(int rank, boolean last) {
        int[] sizes = {5, 6, 3};
        int[] shape = new int[rank - 1];
        System.arraycopy(sizes, 0, shape, last ? 0 : 1, rank - 2);
        shape[last ? rank - 2 : 0] = C;
        return shape;
    }

    static INDArray input(int[] shape) {
        long[] all = new long[shape.length + 1];
        all[0] = 3;
        for (int i = 0; i < shape.length; i++) {
            all[i + 1] = shape[i];
        }
        Nd4j.getRandom().setSeed(17);
        return Nd4j.randn(DataType.FLOAT, all);
    }

    static INDArray output(Model net, INDArray x) {
        return net instanceof MultiLayerNetwork sequence ? sequence.output(x) : ((ComputationGraph) net).outputSingle(x);
    }

    static void assertClose(INDArray actual, double[] expected) {
        double[] found = actual.castTo(DataType.DOUBLE).dup('c').data().asDouble();
        assertThat(found).hasSameSizeAs(expected);
        double worst = 0;
        for (int i = 0; i < found.length; i++) {
            worst = Math.max(worst, Math.abs(found[i] - expected[i]));
        }
        assertThat(worst).isLessThan(1e-5);
    }

    /** What a convolution of kernel 2 by 3 makes of images of two channels, channels last, by the definition. */
    static INDArray convolved(INDArray x, INDArray kernel) {
        INDArray y = Nd4j.zeros(DataType.FLOAT, 3, 4, 4, C);
        for (int n = 0; n < 3; n++) {
            for (int h = 0; h < 4; h++) {
                for (int w = 0; w < 4; w++) {
                    for (int c = 0; c < C; c++) {
                        double sum = 0;
                        for (int k = 0; k < 12; k++) {
                            int i = k / 6;
                            int j = k / 2 % 3;
                            sum += x.getDouble(n, h + i, w + j, k % 2) * kernel.getDouble(i, j, k % 2, c);
                        }
                        y.putScalar(new int[]{n, h, w, c}, sum);
                    }
                }
            }
        }
        return y;
    }

    /** The options of such a convolution. */
    static Map<String, Object> convolution(boolean last) {
        Map<String, Object> options = new LinkedHashMap<>();
        options.put("filters", C);
        options.put("kernel_size", List.of(2, 3));
        options.put("strides", List.of(1, 1));
        options.put("padding", "valid");
        options.put("data_format", last ? "channels_last" : "channels_first");
        options.put("dilation_rate", List.of(1, 1));
        options.put("activation", "linear");
        options.put("use_bias", false);
        options.put("kernel_initializer", Map.of("class_name", "GlorotUniform", "config", Map.of()));
        options.put("bias_initializer", Map.of("class_name", "Zeros", "config", Map.of()));
        return options;
    }
}
