// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import io.github.dl4jnorm.conf.NormParameter;
import io.github.dl4jnorm.conf.Reparameterization;
import io.github.dl4jnorm.conf.RunningNormLayer;
import io.github.dl4jnorm.layer.NormalizationLayer;
import io.github.dl4jnorm.layer.ReparameterizedLayer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.layers.normalization.BatchNormalization;
import org.deeplearning4j.nn.layers.wrapper.BaseWrapperLayer;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Lists the parameters of a network and separates learned parameters from running statistics, like Keras's
 * {@code summary()}.
 *
 * <p>Deeplearning4j's own {@code summary()} shows every norm as "NormalizationLayer" and counts running statistics as
 * trainable.
 *
 * <pre>{@code
 * System.out.println(NormSummary.of(net));
 * Files.writeString(Path.of("parameters.csv"), NormSummary.of(net).csv());
 * }</pre>
 */
public final class NormSummary {
    private static final Set<String> STOCK_STATISTICS =
            Set.of(NormParameter.MEAN, NormParameter.VAR, NormParameter.LOG10_STDEV);
    private static final String[] HEADINGS = {"layer", "type", "parameter", "shape", "role", "count"};

    private final List<Row> rows;

    /** Says how training changes a parameter. */
    public enum Role {
        /** Gradient descent updates the parameter. */
        LEARNED,
        /** The layer updates the parameter from the batches it receives. */
        STATISTIC,
        /** Training does not change the parameter. */
        FROZEN
    }

    /**
     * Describes a parameter array.
     *
     * @param layer     name of the layer or vertex, or its index if it has no name
     * @param type      class of the layer's configuration; a wrapper also names the wrapped class, such as
     *                  {@code WeightNormalization(DenseLayer)}
     * @param parameter key in the layer's parameter table
     * @param shape     shape of the array
     * @param role      how training changes it
     */
    public record Row(String layer, String type, String parameter, List<Long> shape, Role role) {
        /** {@return the number of elements} */
        public long count() {
            return shape.stream().reduce(1L, (a, b) -> a * b);
        }
    }

    private NormSummary(List<Row> rows) {
        this.rows = List.copyOf(rows);
    }

    /**
     * Summarizes the parameters of a network.
     *
     * @param net initialized MultiLayerNetwork or ComputationGraph
     * @return the summary
     * @throws IllegalArgumentException if the model is of another kind
     */
    public static NormSummary of(Model net) {
        List<Row> rows = new ArrayList<>();
        NormLayers.whole(net).forEach((key, layer) -> add(rows, key, layer));
        return new NormSummary(rows);
    }

    private static void add(List<Row> rows, String key, Layer layer) {
        Map<String, INDArray> parameters = layer.paramTable(false);
        if (parameters == null) {
            return;
        }
        String name = layer.conf().getLayer().getLayerName();
        String type = type(layer);
        parameters.forEach((parameter, array) -> rows.add(new Row(name == null ? key : name, type, parameter,
                Arrays.stream(shape(array)).boxed().toList(), role(layer, parameter))));
    }

    /** Deeplearning4j keeps vectors as rows. */
    private static long[] shape(INDArray array) {
        return array.rank() == 2 && array.size(0) == 1 ? new long[]{array.size(1)} : array.shape();
    }

    private static String type(Layer layer) {
        if (layer instanceof ReparameterizedLayer computed) {
            return computed.reparameterization().getClass().getSimpleName() + "(" + type(computed.getUnderlying()) + ")";
        }
        return Part.isFrozen(layer) ? type(((BaseWrapperLayer) layer).getUnderlying())
                : layer.conf().getLayer().getClass().getSimpleName();
    }

    private static Role role(Layer layer, String parameter) {
        if (Part.isFrozen(layer)) {
            return Role.FROZEN;
        }
        if (layer instanceof NormalizationLayer norm) {
            boolean frozen = norm.layerConf() instanceof RunningNormLayer conf && conf.isStatisticsFrozen();
            return NormParameter.isTrained(parameter, norm.layerConf()) ? Role.LEARNED
                    : frozen || NormParameter.isTrained(parameter) ? Role.FROZEN : Role.STATISTIC;
        }
        if (layer instanceof ReparameterizedLayer computed) {
            return isState(computed.reparameterization(), parameter) ? Role.STATISTIC : Role.LEARNED;
        }
        if (layer instanceof BatchNormalization) {
            return STOCK_STATISTICS.contains(parameter) ? Role.STATISTIC : Role.LEARNED;
        }
        return layer instanceof BaseWrapperLayer wrapper ? role(wrapper.getUnderlying(), parameter) : Role.LEARNED;
    }

    private static boolean isState(Reparameterization wrapper, String parameter) {
        return wrapper.weights().stream().anyMatch(weight -> wrapper.parameters(weight).stream()
                .anyMatch(one -> !one.trained() && parameter.equals(weight.key() + one.suffix())));
    }

    /** {@return all parameter arrays, from input to output} */
    public List<Row> rows() {
        return rows;
    }

    /** {@return the number of parameters that gradient descent updates} */
    public long trainable() {
        return rows.stream().filter(row -> row.role() == Role.LEARNED).mapToLong(Row::count).sum();
    }

    /** {@return the number of running statistics and frozen parameters} */
    public long nonTrainable() {
        return total() - trainable();
    }

    /** {@return the total number of parameters} */
    public long total() {
        return rows.stream().mapToLong(Row::count).sum();
    }

    /** {@return the summary as CSV, one line per parameter array: layer,type,parameter,shape,role,count} */
    public String csv() {
        return cells().stream().map(cells -> cells.stream().map(Csv::quoted).collect(Collectors.joining(",")))
                .collect(Collectors.joining("\n", String.join(",", HEADINGS) + "\n", "\n"));
    }

    private List<List<String>> cells() {
        return rows.stream().map(row -> List.of(row.layer(), row.type(), row.parameter(), row.shape().stream()
                .map(String::valueOf).collect(Collectors.joining("x")), row.role().name().toLowerCase(Locale.ROOT),
                String.valueOf(row.count()))).toList();
    }

    /** {@return the summary as a table with totals} */
    @Override
    public String toString() {
        List<List<String>> table = new ArrayList<>(List.of(List.of(HEADINGS)));
        table.addAll(cells());
        int[] widths = new int[HEADINGS.length];
        table.forEach(cells -> Arrays.setAll(widths, i -> Math.max(widths[i], cells.get(i).length())));
        StringBuilder text = new StringBuilder();
        for (List<String> cells : table) {
            StringBuilder line = new StringBuilder();
            for (int i = 0; i < widths.length; i++) {
                boolean number = i == widths.length - 1;
                line.append(i == 0 ? "" : "  ").append(String.format(Locale.ROOT, "%" + (number ? "" : "-") + widths[i] + "s",
                        cells.get(i)));
            }
            text.append(line.toString().stripTrailing()).append('\n');
        }
        return text.append(String.format(Locale.ROOT, "%nTotal params: %,d%nTrainable params: %,d%nNon-trainable params: %,d%n",
                total(), trainable(), nonTrainable())).toString();
    }
}
