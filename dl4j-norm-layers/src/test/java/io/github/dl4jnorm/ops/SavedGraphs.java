// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

import io.github.dl4jnorm.NamedArrays;
import io.github.dl4jnorm.conf.RunningStatistics;
import io.github.dl4jnorm.norm.Parameter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.VariableType;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Wrote the graphs that {@link SavedGraphsTest} loads. It stays as the description of what they are, and to add graphs for
 * operations that come later: {@code main} writes only graphs that are not there yet. A graph that is there is what some user
 * has saved; it must not be written again.
 *
 * <p>{@code <name>.fb} is the graph, {@code <name>.txt} what it gives.
 *
 * <pre>
 * mvn -pl dl4j-norm-layers test-compile exec:exec -Dexec.skip=false -Dexec.classpathScope=test \
 *     -Dexec.mainClass=io.github.dl4jnorm.ops.SavedGraphs -Dargs=dl4j-norm-layers/src/test/resources/saved/graphs
 * </pre>
 */
final class SavedGraphs {
    static final String GRADIENT = "gradient.";
    static final String TRAINED = "trained.";
    static final String X = "x";
    static final String LABELS = "labels";
    static final String PREDICTIONS = "predictions";
    private static final double EPS = 1e-3;
    private static final int CHANNELS = 4;
    private static final int EXAMPLES = 2;
    private static final List<String> OF_RANK_2 = List.of("batchNorm", "batchNormInference", "groupNorm", "layerNorm",
            "layerNormPerPosition", "switchableNorm", "switchableNormInference", "rmsNorm", "l2Normalize");
    private static final List<String> OF_ALL_RANKS = List.of("batchNorm", "batchNormInference", "groupNorm", "instanceNorm",
            "layerNorm", "layerNormPerPosition", "switchableNorm", "switchableNormInference", "rmsNorm", "l2Normalize",
            "filterResponseNorm", "globalResponseNorm");
    private static final List<String> LATER = List.of("scaleNorm", "meanOnlyBatchNorm", "meanOnlyBatchNormInference");

    private final Path directory;
    private final Random random = new Random(21);
    private double gammaOffset;

    private SavedGraphs(Path directory) {
        this.directory = directory;
    }

    /**
     * Writes the graphs that are not there.
     *
     * @param args directory, which is {@code src/test/resources/saved/graphs}
     */
    public static void main(String[] args) throws IOException {
        SavedGraphs saved = new SavedGraphs(Path.of(args[0]));
        saved.operations("dense", OF_RANK_2, DataType.FLOAT, null, true, EXAMPLES, CHANNELS);
        saved.operations("images", OF_ALL_RANKS, DataType.FLOAT, Layout.CHANNELS_FIRST, true, EXAMPLES, CHANNELS, 3, 2);
        saved.operations("sequences-without-gamma", OF_ALL_RANKS, DataType.DOUBLE, Layout.CHANNELS_FIRST, false, EXAMPLES,
                CHANNELS, 5);
        saved.operations("volumes-channels-last", OF_ALL_RANKS, DataType.DOUBLE, Layout.CHANNELS_LAST, true, EXAMPLES, 2, 1, 3,
                CHANNELS);
        saved.operations("images-later", LATER, DataType.FLOAT, Layout.CHANNELS_FIRST, true, EXAMPLES, CHANNELS, 3, 2);
        for (NormOps.Kind kind : NormOps.Kind.values()) {
            String operation = kind.toString();
            if (!OF_ALL_RANKS.contains(operation) && !LATER.contains(operation)) {
                saved.operations("images-" + operation, List.of(operation), DataType.FLOAT, Layout.CHANNELS_FIRST, true, EXAMPLES,
                        CHANNELS, 3, 2);
            }
        }
        saved.gammaOffset = 1;
        saved.operations("images-gamma-offset", List.of("batchNorm", "rmsNorm"), DataType.FLOAT, Layout.CHANNELS_FIRST, true,
                EXAMPLES, CHANNELS, 3, 2);
        saved.sumsAndAxes();
        saved.classifier();
        saved.statistics();
    }

    private boolean isThere(String name) {
        return Files.exists(directory.resolve(name + ".fb"));
    }

    private void save(String name, SameDiff sd) {
        sd.save(directory.resolve(name + ".fb").toFile(), true);
    }

    private void write(String name, Map<String, INDArray> arrays) throws IOException {
        NamedArrays.write(arrays, directory.resolve(name + ".txt"));
    }

    private INDArray drawn(DataType type, double center, long... shape) {
        int length = (int) Arrays.stream(shape).reduce(1, (a, b) -> a * b);
        double[] numbers = new double[length];
        Arrays.setAll(numbers, i -> Math.round(32 * (center + random.nextDouble() - 0.5)) / 32.0);
        return Nd4j.createFromArray(numbers).reshape('c', shape).castTo(type);
    }

    /** Every operation with inputs of its own, and Σ y·dy over all. */
    private void operations(String name, List<String> operations, DataType type, Layout layout, boolean affine, long... shape)
            throws IOException {
        if (isThere(name)) {
            return;
        }
        SameDiff sd = SameDiff.create();
        SDVariable loss = null;
        for (String operation : operations) {
            SDVariable x = sd.var(operation + ".x", drawn(type, 0.25, shape));
            SDVariable y = apply(sd, operation, type, layout, affine, x);
            SDVariable weighed = y.mul(sd.constant(operation + ".dy", drawn(type, 0, shape))).sum();
            loss = loss == null ? weighed : loss.add(weighed);
        }
        save(name, sd, operations, loss);
    }

    /** Operations on sums and over any axes; both outputs of a sum count. */
    private void sumsAndAxes() throws IOException {
        String name = "sums-and-axes";
        if (isThere(name)) {
            return;
        }
        SameDiff sd = SameDiff.create();
        SDVariable loss = null;
        List<String> operations = List.of("addLayerNorm", "addRmsNorm", "normalize", "rmsNormalize", "layerNormLastAxes",
                "rmsNormLastAxes");
        for (String operation : operations) {
            SDVariable x = sd.var(operation + ".x", drawn(DataType.FLOAT, 0.25, EXAMPLES, 3, CHANNELS));
            SDVariable gamma = variable(sd, operation + ".gamma", DataType.FLOAT, 1, CHANNELS);
            SDVariable residual = sd.constant(operation + ".residual", drawn(DataType.FLOAT, 0, EXAMPLES, 3, CHANNELS));
            SDNorm norm = new SDNorm(sd).named(operation).layout(Layout.CHANNELS_LAST);
            SDVariable y = switch (operation) {
                case "addLayerNorm" -> both(norm.addLayerNorm(x, residual, gamma, gamma, EPS));
                case "addRmsNorm" -> both(norm.addRmsNorm(x, residual, gamma, null, EPS));
                case "normalize" -> norm.normalize(x, new int[]{0, 2}, new int[]{-1}, gamma, null, EPS);
                case "rmsNormalize" -> norm.rmsNormalize(x, new int[]{1}, new int[]{2}, gamma, gamma, EPS);
                case "layerNormLastAxes" -> norm.layerNormLastAxes(x, 1, gamma, null, EPS);
                default -> norm.rmsNormLastAxes(x, 2, null, null, EPS).mul(gamma);
            };
            SDVariable weighed = y.mul(residual).sum();
            loss = loss == null ? weighed : loss.add(weighed);
        }
        save(name, sd, operations, loss);
    }

    private static SDVariable both(ResidualNorm<SDVariable> both) {
        return both.sum().add(both.output());
    }

    private void save(String name, SameDiff sd, List<String> operations, SDVariable loss) throws IOException {
        loss.markAsLoss();
        List<String> variables = new ArrayList<>();
        sd.variables().stream().filter(v -> v.getVariableType() == VariableType.VARIABLE)
                .forEach(v -> variables.add(v.name()));
        Map<String, INDArray> arrays = new LinkedHashMap<>();
        Map<String, INDArray> outputs = sd.output(Map.of(), operations);
        operations.forEach(operation -> arrays.put(operation, outputs.get(operation)));
        Map<String, INDArray> gradients = sd.calculateGradients(Map.of(), variables);
        variables.forEach(variable -> arrays.put(GRADIENT + variable, gradients.get(variable)));
        save(name, sd);
        write(name, arrays);
    }

    private SDVariable variable(SameDiff sd, String name, DataType type, double center, long... shape) {
        return sd.var(name, drawn(type, center, shape));
    }

    private SDVariable apply(SameDiff sd, String operation, DataType type, Layout layout, boolean affine, SDVariable x) {
        NormOps.Kind kind = Stream.of(NormOps.Kind.values()).filter(each -> each.toString().equals(operation)).findFirst()
                .orElseThrow();
        Definition definition = kind.definition();
        OpMethod method = new OpMethod(kind);
        Map<String, SDVariable> inputs = new LinkedHashMap<>(Map.of(NormSpec.X, x));
        List<Parameter> parameters = new ArrayList<>(definition.extras());
        if (affine && method.isAffine()) {
            parameters.addAll(0, List.of(Parameter.GAMMA, Parameter.BETA));
        }
        for (Parameter parameter : parameters) {
            double center = parameter == Parameter.GAMMA || parameter == Parameter.VAR ? 1 : 0;
            // Without gamma, without the part of the batch as well.
            long length = switch (parameter) {
                case MEAN_WEIGHT, VAR_WEIGHT -> affine || definition.isInference() ? Definition.PARTS : Definition.PARTS - 1;
                default -> definition.length(parameter, CHANNELS);
            };
            inputs.put(parameter.key(), variable(sd, operation + "." + parameter.key(), type, center, length));
        }
        SDNorm norm = new SDNorm(sd).gammaOffset(gammaOffset).named(operation);
        return method.call(layout == null ? norm : norm.layout(layout), inputs, 2, EPS);
    }

    /** {@link TestGraph}, trained, with the state of its updater. */
    private void classifier() throws IOException {
        train("classifier", TestGraph.create());
    }

    /** Batch norm with running statistics, which are constants of the graph. */
    private void statistics() throws IOException {
        Nd4j.getRandom().setSeed(22);
        int inputs = TestGraph.CHANNELS * TestGraph.TIMES;
        SameDiff sd = SameDiff.create();
        SDVariable x = sd.placeHolder(X, DataType.FLOAT, -1, TestGraph.CHANNELS, TestGraph.TIMES);
        SDVariable labels = sd.placeHolder(LABELS, DataType.FLOAT, -1, TestGraph.CLASSES);
        SDVariable gamma = sd.var("gamma", Nd4j.ones(DataType.FLOAT, TestGraph.CHANNELS));
        SDVariable weights = sd.var("weights", Nd4j.randn(DataType.FLOAT, inputs, TestGraph.CLASSES).muli(0.3));
        SDVariable mean = sd.constant("mean", Nd4j.zeros(DataType.FLOAT, TestGraph.CHANNELS));
        SDVariable var = sd.constant("var", Nd4j.ones(DataType.FLOAT, TestGraph.CHANNELS));
        SDNorm norm = new SDNorm(sd);
        SDVariable training = norm.named("training").batchNorm(x, gamma, null, EPS);
        SDVariable testing = norm.named("testing").batchNormInference(x, gamma, null, mean, var, EPS);
        sd.nn.softmax(PREDICTIONS, sd.reshape(testing, -1, inputs).mmul(weights), 1);
        sd.loss.softmaxCrossEntropy("loss", labels, sd.reshape(training, -1, inputs).mmul(weights), null);
        sd.setLossVariables("loss");
        sd.setTrainingConfig(TestGraph.config());
        train("statistics", sd);
    }

    /** Tracks the running statistics of a graph that has them. */
    static void track(SameDiff sd) {
        if (sd.hasVariable("mean")) {
            sd.setListeners(new RunningStatisticsListener(RunningStatistics.cumulative()).track(sd.getVariable(X),
                    sd.getVariable("mean"), sd.getVariable("var")));
        }
    }

    private void train(String name, SameDiff sd) throws IOException {
        if (isThere(name)) {
            return;
        }
        track(sd);
        sd.fit(TestGraph.iterator(TestGraph.data(24), 12), 1);
        save(name, sd);
        DataSet batch = TestGraph.data(12);
        Map<String, INDArray> arrays = new LinkedHashMap<>();
        arrays.put(X, batch.getFeatures());
        arrays.put(LABELS, batch.getLabels());
        arrays.put(PREDICTIONS, TestGraph.predict(sd, batch.getFeatures()));
        sd.fit(TestGraph.iterator(batch, 12), 1);
        sd.variables().stream().filter(variable -> variable.getVariableType() != VariableType.ARRAY
                && !variable.isPlaceHolder()).forEach(variable -> arrays.put(TRAINED + variable.name(), variable.getArr()));
        write(name, arrays);
    }
}
