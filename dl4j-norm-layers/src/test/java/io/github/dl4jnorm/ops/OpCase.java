// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

import io.github.dl4jnorm.norm.NormPlan;
import io.github.dl4jnorm.norm.Parameter;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** An operation with drawn inputs and a drawn gradient of its output. */
record OpCase(NormOps.Kind kind, Layout layout, int rank, boolean affine, int weights, DataType type) {
    private static final long[][] SIZES = {{}, {}, {}, {5}, {3, 2}, {2, 2, 3}};
    static final double EPS = 1e-3;
    static final int CHANNELS = 4;
    static final int GROUPS = 2;

    static Stream<OpCase> all(DataType type) {
        List<OpCase> cases = new ArrayList<>();
        for (NormOps.Kind kind : NormOps.Kind.values()) {
            for (Layout layout : Layout.values()) {
                for (int rank = kind.definition().minRank(); rank <= 5; rank++) {
                    boolean both = new OpMethod(kind).isAffine();
                    cases.add(new OpCase(kind, layout, rank, both, 3, type));
                    if (rank == 3 && both) {
                        cases.add(new OpCase(kind, layout, rank, false, 3, type));
                    }
                    if (hasPart(kind) && rank <= 3) {
                        cases.add(new OpCase(kind, layout, rank, true, 2, type));
                    }
                }
            }
        }
        return cases.stream();
    }

    /** Whether the batch is a part that may be left out. */
    private static boolean hasPart(NormOps.Kind kind) {
        return kind.definition().extras().contains(Parameter.MEAN_WEIGHT) && !kind.definition().isInference();
    }

    /** Whether a mean is subtracted. */
    boolean centers() {
        NormPlan plan = spec().plan(rank, CHANNELS, weights);
        return plan instanceof NormPlan.Channels channels ? channels.divisor().isCentered()
                : plan instanceof NormPlan.Positions positions && positions.divisor().isCentered();
    }

    NormSpec spec() {
        int groups = new OpMethod(kind).hasGroups() ? GROUPS : 1;
        return new NormSpec(kind, layout, affine, affine, groups, EPS, affine && rank == 4 ? 0.5 : 0);
    }

    long[] shape(long examples) {
        long[] positions = SIZES[rank];
        long[] shape = new long[rank];
        shape[0] = examples;
        shape[layout == Layout.CHANNELS_LAST ? rank - 1 : 1] = CHANNELS;
        System.arraycopy(positions, 0, shape, layout == Layout.CHANNELS_LAST ? 1 : 2, positions.length);
        return shape;
    }

    private Random random() {
        return new Random(31L * kind.ordinal() + 7L * rank + layout.ordinal());
    }

    /** The arrays by the names of the inputs, in order. */
    Map<String, INDArray> arrays(long examples) {
        Random random = random();
        Map<String, INDArray> arrays = new LinkedHashMap<>();
        arrays.put(NormSpec.X, draw(random, 2, 0.5, shape(examples)));
        for (Parameter parameter : spec().parameters()) {
            arrays.put(parameter.key(), switch (parameter) {
                case GAMMA -> draw(random, 0.5, 1, length(parameter));
                case VAR -> draw(random, 0.3, 1.5, CHANNELS);
                case MEAN_WEIGHT, VAR_WEIGHT -> draw(random, 0.7, 0, weights);
                default -> draw(random, 1, 0, length(parameter));
            });
        }
        return arrays;
    }

    private long length(Parameter parameter) {
        return kind.definition().length(parameter, CHANNELS);
    }

    INDArray gradient(long examples) {
        return draw(new Random(99), 1, 0.2, shape(examples));
    }

    private INDArray draw(Random random, double spread, double center, long... shape) {
        int length = 1;
        for (long size : shape) {
            length *= (int) size;
        }
        double[] values = random.doubles(length, center - spread / 2, center + spread / 2).toArray();
        return Nd4j.createFromArray(values).reshape('c', shape).castTo(type);
    }

    INDArray eager(Map<String, INDArray> arrays) {
        return new NDNorm().apply(spec(), List.copyOf(arrays.values()));
    }

    /** A graph of the operation and Σ y·dy. */
    Graph graph(boolean fused, Map<String, INDArray> arrays, INDArray dy) {
        SameDiff sd = SameDiff.create();
        List<SDVariable> inputs = arrays.entrySet().stream()
                .map(e -> sd.var(e.getKey(), e.getValue().dup('c'))).toList();
        SDVariable y = new SDNorm(sd, fused).apply(spec(), inputs);
        SDVariable loss = y.mul(sd.constant("dy", dy)).sum();
        loss.markAsLoss();
        return new Graph(sd, y, loss, inputs.stream().map(SDVariable::name).toList());
    }

    /** A graph with its names. */
    record Graph(SameDiff sd, SDVariable y, SDVariable loss, List<String> inputs) {
        INDArray output() {
            return y.eval();
        }

        Map<String, INDArray> gradients() {
            return sd.calculateGradients(Map.of(), (Collection<String>) inputs);
        }
    }
}
