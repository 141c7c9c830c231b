// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import io.github.dl4jnorm.conf.AdaptiveInstanceNormalization;
import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.BatchRenormalization;
import io.github.dl4jnorm.conf.ConditionalNormalization;
import io.github.dl4jnorm.conf.ConditionedNorm;
import io.github.dl4jnorm.conf.DynamicErf;
import io.github.dl4jnorm.conf.FeatureNormalization;
import io.github.dl4jnorm.conf.FilterResponseNormalization;
import io.github.dl4jnorm.conf.GroupNormalization;
import io.github.dl4jnorm.conf.InstanceNormalization;
import io.github.dl4jnorm.conf.LayerNormLSTM;
import io.github.dl4jnorm.conf.LayerNormalization;
import io.github.dl4jnorm.conf.NormFactory;
import io.github.dl4jnorm.conf.OrthogonalParametrization;
import io.github.dl4jnorm.conf.RmsNormalization;
import io.github.dl4jnorm.conf.ScaledWeightStandardization;
import io.github.dl4jnorm.conf.SpectralNormalization;
import io.github.dl4jnorm.conf.SwitchableNormalization;
import io.github.dl4jnorm.conf.WeightNormalization;
import io.github.dl4jnorm.conf.WeightStandardization;
import io.github.dl4jnorm.layer.Inside.Wrapper;
import io.github.dl4jnorm.model.Freeze;
import io.github.dl4jnorm.model.PopulationStatistics;
import io.github.dl4jnorm.model.PyTorchWeights;
import java.io.IOException;
import java.io.ObjectOutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.constraint.MaxNormConstraint;
import org.deeplearning4j.nn.conf.layers.BaseLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayerWithBackprop;
import org.deeplearning4j.nn.conf.layers.recurrent.Bidirectional;
import org.deeplearning4j.nn.conf.layers.recurrent.LastTimeStep;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.ViewIterator;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Wrote the networks that {@link SavedNetworksTest} loads. It stays as the description of what they are, and to add networks
 * for options that come later: {@code main} writes only networks that are not there yet. A network that is there is what some
 * user has saved; it must not be written again.
 *
 * <p>All are trained for two steps. FLOAT and HALF networks have Nesterovs as updater: Adam would turn the rounding errors of a
 * gradient that is 0, like that of a bias in front of batch norm, into steps.
 *
 * <pre>
 * mvn -pl dl4j-norm-layers test-compile exec:exec -Dexec.skip=false -Dexec.classpathScope=test \
 *     -Dexec.mainClass=io.github.dl4jnorm.layer.SavedNetworks -Dargs=dl4j-norm-layers/src/test/resources/saved/networks
 * </pre>
 */
final class SavedNetworks extends NetworkSaver {
    static final String SERIALIZED = "layers.ser";

    private SavedNetworks(Path directory) {
        super(directory);
    }

    /**
     * Writes the networks that are not there.
     *
     * @param args directory, which is {@code src/test/resources/saved/networks}
     */
    public static void main(String[] args) throws IOException {
        SavedNetworks saved = new SavedNetworks(Path.of(args[0]));
        saved.customized();
        saved.made();
        saved.special();
        saved.weights();
        saved.regularized();
        saved.recurrent();
        saved.conditioned();
        saved.together();
        new SavedVertices(Path.of(args[0])).save();
        saved.serialize();
    }

    /** Every option of every norm. */
    private void customized() throws IOException {
        for (Customized norm : Customized.values()) {
            for (Kind kind : List.of(Kind.DENSE, Kind.CNN_FIRST)) {
                DataType type = kind == Kind.DENSE ? DataType.DOUBLE : DataType.FLOAT;
                if (norm.takes(kind)) {
                    save(name(norm, kind), kind, type, norm.layer(kind));
                }
            }
        }
    }

    /** Every name of the factory, with a ReLU and else the defaults. */
    private void made() throws IOException {
        Kind kind = Kind.CNN_LAST;
        for (String norm : NormFactory.names()) {
            BaseLayer convolution = (BaseLayer) kind.before();
            convolution.setActivationFn(Activation.RELU.getActivationFunction());
            Map<String, Integer> options = norm.matches("group|evonorm-s0") ? Map.of("groups", 2)
                    : norm.equals("split") ? Map.of("splits", EXAMPLES) : Map.of();
            List<Layer> layers = new ArrayList<>(NormFactory.create(norm, options).around(convolution));
            layers.add(kind.output());
            Model model = TestNetwork.of(false, setup(DataType.FLOAT), kind.inputType(), layers).model();
            save(name("factory", norm), model, kind.labels(EXAMPLES, DataType.FLOAT), null, input(kind, DataType.FLOAT));
        }
    }

    private void special() throws IOException {
        Kind image = Kind.CNN_FIRST;
        save("group-eps-outside", image, DataType.FLOAT, new GroupNormalization.Builder(2).epsOutside(true).eps(0.1).build());
        save("derf-options", image, DataType.FLOAT, new DynamicErf.Builder().alphaInit(0.25).shiftInit(0.5).build());
        save("feature-affine", image, DataType.FLOAT,
                new FeatureNormalization.Builder().affine(true).leastDeviation(0.5).build());
        save("feature-inverse", image, DataType.FLOAT, new FeatureNormalization.Builder().inverse(true).build());
        save("feature-rescale", Kind.DENSE, DataType.DOUBLE, new FeatureNormalization.Builder()
                .rescale(new double[]{0.5, -2, 1, 3}, new double[]{-1}).build());
        save("frn-without-threshold", image, DataType.FLOAT,
                new FilterResponseNormalization.Builder().threshold(false).activation(Activation.RELU).build());
        save("renorm-clipped", image, DataType.FLOAT, new BatchRenormalization.Builder().rMax(1.2).dMax(0.5).schedule(0, 8, 6)
                .constrainBeta(new MaxNormConstraint(0.02, 0)).build());
        save("layer-per-position", image, DataType.FLOAT, new LayerNormalization.Builder().perPosition(true).build());
        save("layer-volume", Kind.CNN3D_FIRST, DataType.FLOAT, new LayerNormalization.Builder().elementwiseAffine(true).build());
        save("batch-frozen-layer", image, DataType.FLOAT, new FrozenLayer(new BatchNormalization.Builder().build()));
        save("batch-frozen-layer-with-backprop", image, DataType.FLOAT,
                new FrozenLayerWithBackprop(new BatchNormalization.Builder().build()));
        save("gamma-offset", image, DataType.FLOAT, new RmsNormalization.Builder().gammaOffset(1).build(),
                new BatchNormalization.Builder().gammaOffset(0.5).gammaInit(0.25).build());
        recomputed(image, DataType.FLOAT);
        frozen(Kind.CNN3D_LAST, DataType.FLOAT);
        frozen(Kind.RNN_FIRST, DataType.DOUBLE);
        half();
    }

    /** Statistics that do not come from training. */
    private void recomputed(Kind kind, DataType type) throws IOException {
        Model model = around(kind, type, new SwitchableNormalization.Builder().batchAverage(true).build(),
                new BatchNormalization.Builder().build());
        INDArray labels = kind.labels(EXAMPLES, type);
        train(model, labels, null, input(kind, type));
        PopulationStatistics.recompute((MultiLayerNetwork) model,
                new ViewIterator(new DataSet(input(kind, type), labels), EXAMPLES), PopulationStatistics.Method.PAPER);
        save("recomputed-statistics", model, labels, null, input(kind, type));
    }

    /** Trained, then frozen, and trained again. */
    private void frozen(Kind kind, DataType type) throws IOException {
        Model model = around(kind, type, new BatchNormalization.Builder().build(),
                new InstanceNormalization.Builder().trackRunningStats(true).build(),
                new BatchRenormalization.Builder().schedule(0, 4, 4).build(), new SwitchableNormalization.Builder().build());
        INDArray labels = kind.labels(EXAMPLES, type);
        train(model, labels, null, input(kind, type));
        Freeze.freezeStatistics(model);
        save(name("frozen-statistics", kind), model, labels, null, input(kind, type));
    }

    /** Types that choose how the variance is stored. */
    private void half() throws IOException {
        save("half", Kind.CNN_FIRST, DataType.HALF, new BatchNormalization.Builder().activation(Activation.RELU).build(),
                new GroupNormalization.Builder(2).build(), new InstanceNormalization.Builder().trackRunningStats(true).build());
        save("half-channels-last", Kind.RNN_LAST, DataType.HALF, new SwitchableNormalization.Builder().build(),
                new LayerNormalization.Builder().build(), new RmsNormalization.Builder().build());
    }

    private void weights() throws IOException {
        for (Inside inside : Inside.values()) {
            for (Wrapper wrapper : Wrapper.values()) {
                // Every layer with one wrapper, and some with all.
                boolean some = inside == Inside.CNN || inside == Inside.LSTM || inside == Inside.DENSE;
                if (some || wrapper.ordinal() == inside.ordinal() % Wrapper.values().length) {
                    DataType type = inside.recurrent() ? DataType.DOUBLE : DataType.FLOAT;
                    Layer layer = wrapped(wrapper, inside.layer(Activation.TANH));
                    save(name(wrapper, inside), inside.sequence(Inside.base(type, setup(type).updater()), layer),
                            Inside.labels(EXAMPLES, type), null, drawn(type, inside.input(EXAMPLES, type).shape()));
                }
            }
        }
    }

    /** Regularization of what the weights are computed from. */
    private void regularized() throws IOException {
        for (Wrapper wrapper : Wrapper.values()) {
            Layer layer = wrapped(wrapper, Inside.DENSE.builder().activation(Activation.TANH).l2(0.1).l1(0.01).build());
            save(name(wrapper, "regularized"),
                    Inside.DENSE.sequence(Inside.base(DataType.FLOAT, setup(DataType.FLOAT).updater()), layer),
                    Inside.labels(EXAMPLES, DataType.FLOAT), null,
                    drawn(DataType.FLOAT, Inside.DENSE.input(EXAMPLES, DataType.FLOAT).shape()));
        }
    }

    private static Layer wrapped(Wrapper wrapper, Layer layer) {
        return switch (wrapper) {
            case WEIGHT -> new WeightNormalization.Builder(layer).eps(0.01).build();
            case STANDARDIZATION -> new WeightStandardization.Builder(layer).eps(0.01).build();
            case ORTHOGONAL -> new OrthogonalParametrization.Builder(layer).eps(1e-6).build();
            case SCALED -> new ScaledWeightStandardization.Builder(layer).eps(0.01).gammaAct(1.5).build();
            case SPECTRAL -> new SpectralNormalization.Builder(layer).eps(0.01).powerIterations(2).warmUp(3).build();
        };
    }

    private static LayerNormLSTM lstm(boolean perGate) {
        LayerNormLSTM.Builder builder = new LayerNormLSTM.Builder().nOut(Kind.CHANNELS).normalizeGates(perGate);
        return perGate ? builder.eps(0.01).forgetGateBiasInit(0.5).activation(Activation.SOFTSIGN).l2(0.01)
                .gateActivationFunction(Activation.HARDSIGMOID).constrainRecurrent(new MaxNormConstraint(0.8, 1))
                .constrainInputWeights(new MaxNormConstraint(0.9, 1)).build() : builder.build();
    }

    private void recurrent() throws IOException {
        Kind kind = Kind.RNN_FIRST;
        save("lstm", kind, DataType.DOUBLE, lstm(false));
        save("lstm-per-gate", kind, DataType.DOUBLE, lstm(true));
        save("lstm-float", kind, DataType.FLOAT, lstm(false), lstm(true));
        save("lstm-bidirectional", kind, DataType.FLOAT, new Bidirectional(Bidirectional.Mode.CONCAT, lstm(true)));
        Model last = TestNetwork.of(false, setup(DataType.DOUBLE), kind.inputType(),
                List.of(new LastTimeStep(lstm(false)), kind.denseOutput())).model();
        save("lstm-last-step", last, Kind.oneHot(EXAMPLES), null, input(kind, DataType.DOUBLE));
    }

    private void conditioned() throws IOException {
        ConditionedNorm adaptive = new AdaptiveInstanceNormalization.Builder().eps(0.01).build();
        ConditionedNorm conditional = new ConditionalNormalization.Builder().groups(2).gammaOffset(1).eps(0.01).build();
        conditioned("adaptive", Kind.CNN_FIRST, DataType.FLOAT, new AdaptiveInstanceNormalization());
        conditioned("adaptive-options", Kind.RNN_FIRST, DataType.DOUBLE, adaptive);
        conditioned("conditional", Kind.CNN3D_FIRST, DataType.FLOAT, new ConditionalNormalization());
        conditioned("conditional-options", Kind.CNN_LAST, DataType.DOUBLE, conditional);
        conditioned("conditional-ada-rms", Kind.RNN_FIRST, DataType.FLOAT,
                new ConditionalNormalization.Builder().perPosition(true).rms(true).gammaOffset(1).build());
        conditioned("conditional-film-gate", Kind.CNN_FIRST, DataType.FLOAT,
                new ConditionalNormalization.Builder().normalize(false).shift(false).build());
    }

    private void conditioned(String name, Kind kind, DataType type, ConditionedNorm norm) throws IOException {
        boolean vector = norm instanceof ConditionalNormalization;
        Model model = new ConditionedGraph(kind, norm, type, setup(type).updater()).graph;
        INDArray condition = ConditionedGraph.condition(kind, vector, EXAMPLES, random, type);
        save(name, model, Kind.oneHot(EXAMPLES).castTo(type), null, input(kind, type), drawn(type, condition.shape()));
    }

    /** Several norms behind each other: masked, in a graph, with weights for PyTorch. */
    private void together() throws IOException {
        Kind sequence = Kind.RNN_LAST;
        INDArray mask = Nd4j.create(new double[][]{{1, 1, 1, 1}, {1, 0, 0, 0}, {1, 1, 1, 0}});
        for (List<Customized> norms : List.of(
                List.of(Customized.BATCH, Customized.GROUP, Customized.INSTANCE, Customized.LAYER, Customized.RENORM,
                        Customized.SYNC),
                List.of(Customized.SWITCHABLE, Customized.GHOST, Customized.FILTER_RESPONSE, Customized.GLOBAL_RESPONSE,
                        Customized.BATCH_LOCKED, Customized.LAYER_ELEMENTWISE),
                List.of(Customized.RMS, Customized.UNIT, Customized.SWITCHABLE_WITHOUT_BATCH, Customized.BATCH_CUMULATIVE,
                        Customized.SWITCHABLE_BATCH_AVERAGE, Customized.RMS_OF_EXAMPLE, Customized.UNIT_OF_EXAMPLE))) {
            save(name("masked-from", norms.get(0)), around(sequence, DataType.DOUBLE, layers(norms, sequence)),
                    sequence.labels(EXAMPLES, DataType.DOUBLE), mask, input(sequence, DataType.DOUBLE));
        }
        Kind volume = Kind.CNN3D_LAST;
        List<Layer> layers = new ArrayList<>(List.of(volume.before()));
        layers.addAll(List.of(layers(List.of(Customized.BATCH, Customized.LAYER_ELEMENTWISE, Customized.RMS_OF_EXAMPLE,
                Customized.SYNC), volume)));
        layers.add(volume.output());
        save("graph", TestNetwork.of(true, setup(DataType.DOUBLE), volume.inputType(), layers).model(),
                volume.labels(EXAMPLES, DataType.DOUBLE), null, input(volume, DataType.DOUBLE));
        forPyTorch();
    }

    private static Layer[] layers(List<Customized> norms, Kind kind) {
        return norms.stream().map(norm -> {
            Layer layer = norm.layer(kind);
            layer.setLayerName(name(norm));
            return layer;
        }).toArray(Layer[]::new);
    }

    /** Java's serialization, in which Spark sends configurations. */
    private void serialize() throws IOException {
        Path file = directory.resolve(SERIALIZED);
        if (!Files.exists(file)) {
            LinkedHashMap<String, Layer> layers = new LinkedHashMap<>();
            for (Path zip : SavedNetwork.saved(directory)) {
                String name = SavedNetwork.name(zip);
                SavedNetwork.read(directory, name).layers().forEach((key, layer) -> layers.put(name + " " + key, layer));
            }
            try (ObjectOutputStream out = new ObjectOutputStream(Files.newOutputStream(file))) {
                out.writeObject(layers);
            }
        }
    }

    private void forPyTorch() throws IOException {
        String name = "pytorch";
        if (!isThere(name)) {
            Kind kind = Kind.CNN_FIRST;
            Model model = around(kind, DataType.FLOAT, layers(List.of(Customized.BATCH, Customized.BATCH_CUMULATIVE,
                    Customized.GROUP, Customized.SWITCHABLE, Customized.FILTER_RESPONSE, Customized.RENORM), kind));
            train(model, kind.labels(EXAMPLES, DataType.FLOAT), null, input(kind, DataType.FLOAT));
            PyTorchWeights.write(model, directory.resolve(name + ".npz"));
            SavedNetwork.of(model, kind.labels(EXAMPLES, DataType.FLOAT), null, input(kind, DataType.FLOAT))
                    .write(directory, name);
        }
    }
}
