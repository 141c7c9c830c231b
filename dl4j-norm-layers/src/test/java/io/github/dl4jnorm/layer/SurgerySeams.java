// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static io.github.dl4jnorm.layer.Seam.Answer.WORKS;
import static io.github.dl4jnorm.layer.Seam.close;
import static io.github.dl4jnorm.layer.Seam.different;
import static io.github.dl4jnorm.layer.Seam.leftOut;
import static io.github.dl4jnorm.layer.Seam.refused;
import static io.github.dl4jnorm.layer.Seam.same;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.NormParameter;
import io.github.dl4jnorm.conf.Reparameterization;
import io.github.dl4jnorm.conf.RunningNormLayer;
import io.github.dl4jnorm.model.BatchNormFolding;
import io.github.dl4jnorm.model.DataDependentInit;
import io.github.dl4jnorm.model.Freeze;
import io.github.dl4jnorm.model.NormReplacement;
import io.github.dl4jnorm.model.NormSample;
import io.github.dl4jnorm.model.NormStatsListener;
import io.github.dl4jnorm.model.PopulationStatistics;
import io.github.dl4jnorm.model.PyTorchWeights;
import io.github.dl4jnorm.model.WeightFusion;
import io.github.dl4jnorm.norm.ChannelStatistics;
import io.github.dl4jnorm.norm.Parameter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.transferlearning.FineTuneConfiguration;
import org.deeplearning4j.nn.transferlearning.TransferLearning;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.api.iterator.MultiDataSetIterator;
import org.deeplearning4j.datasets.iterator.IteratorMultiDataSetIterator;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** Columns of the table of seams: what changes a network, or reads what it has learned. */
final class SurgerySeams {
    private SurgerySeams() {
    }

    static Map<String, Seam> all() {
        Map<String, Seam> seams = new LinkedHashMap<>();
        seams.put("replace by itself", SurgerySeams::replaceByItself);
        seams.put("replace by every other", SurgerySeams::replaceByEveryOther);
        seams.put("fold", SurgerySeams::fold);
        seams.put("freeze statistics", SurgerySeams::freezeStatistics);
        seams.put("freeze layer", SurgerySeams::freezeLayer);
        seams.put("recompute", SurgerySeams::recompute);
        seams.put("PyTorch archive", row -> pyTorch(row, "weights.npz"));
        seams.put("PyTorch directory", row -> pyTorch(row, "weights"));
        seams.put("listener", SurgerySeams::listener);
        seams.put("transfer learning", SurgerySeams::transferLearning);
        seams.put("fuse weights", SurgerySeams::fuseWeights);
        seams.put("data-dependent start", SurgerySeams::dataDependentStart);
        return seams;
    }

    private static boolean tracks(SeamRow row) {
        return row.conf() instanceof RunningNormLayer running && running.tracksStatistics();
    }

    private static boolean frozen(SeamRow row) {
        return row.conf() instanceof RunningNormLayer running && running.isStatisticsFrozen();
    }

    static boolean updates(SeamRow row) {
        return tracks(row) && !frozen(row) && ((RunningNormLayer) row.conf()).updatesStatistics();
    }

    private static Seam.Answer replaceByItself(SeamRow row) {
        SeamNet net = row.net().trained();
        List<String> asked = new ArrayList<>();
        SeamNet copy = net.with(NormReplacement.replace(net.graph(), (name, old) -> {
            asked.add(name);
            return old instanceof NormLayer norm ? norm : null;
        }));
        assertThat(asked).isEqualTo(row.isNorm() ? List.of("norm") : List.of());
        same("parameters and state of the updater", copy.everything(), net.everything());
        same("output", copy.output(), net.output());
        return row.isNorm() ? WORKS : leftOut("the rule is asked about norms alone");
    }

    private static Seam.Answer replaceByEveryOther(SeamRow row) throws Exception {
        SeamNet net = row.net().trained();
        for (SeamRow other : SeamRow.norms()) {
            SeamNet copy = net.with(NormReplacement.replace(net.graph(), (name, old) -> other.norm()));
            same("parameters before it", copy.params("before").get("W"), net.params("before").get("W"));
            if (!row.isNorm()) {
                same("output", copy.output(), net.output());
                continue;
            }
            assertThat(copy.layer().layerConf()).isInstanceOf(other.norm().getClass());
            Map<String, double[]> old = net.params();
            double offset = row.norm().getGammaOffset();
            old.computeIfPresent(NormParameter.GAMMA,
                    (name, gamma) -> Arrays.stream(gamma).map(g -> (float) (g + offset)).toArray());
            copy.params().forEach((name, values) -> {
                if (NormParameter.isTrained(name) && old.containsKey(name) && old.get(name).length == values.length) {
                    same(other + " " + name, values, old.get(name));
                }
            });
            if (tracks(row) && tracks(other)) {
                if (copy.params().containsKey(NormParameter.MEAN)) {
                    close(other + " mean", copy.layer().runningMean(), net.layer().runningMean());
                }
                if (copy.params().containsKey(NormParameter.VAR) || copy.params().containsKey(NormParameter.LOG10_STDEV)) {
                    close(other + " variance", copy.layer().runningVariance(), net.layer().runningVariance());
                }
            }
            assertThat(copy.output()).as(other.toString()).doesNotContain(Double.NaN);
        }
        return row.isNorm() ? WORKS : leftOut("the rule is asked about norms alone");
    }

    private static Seam.Answer fold(SeamRow row) {
        SeamNet net = row.net().trained();
        BatchNormFolding.Result<ComputationGraph> result = BatchNormFolding.fold(net.graph());
        close("output", net.output(result.net()), net.output());
        List<BatchNormFolding.Outcome> outcomes =
                result.outcomes().stream().filter(outcome -> outcome.norm().equals("norm")).toList();
        if (row.isNorm() || !outcomes.isEmpty()) {
            assertThat(outcomes).as("outcomes about the norm").hasSize(1);
            assertThat(result.net().getVertex("norm") == null).isEqualTo(outcomes.get(0).folded());
            assertThat(outcomes.get(0).folded()).as("a norm with running statistics is an affine map at test time: "
                    + outcomes.get(0)).isEqualTo(tracks(row) && row.norm().plan(4).isAffineWhenGiven());
        }
        if (!outcomes.isEmpty() && outcomes.get(0).folded()) {
            return WORKS;
        }
        return leftOut(outcomes.isEmpty() ? "no norm in a layer of its own" : outcomes.get(0).reason());
    }

    private static Seam.Answer freezeStatistics(SeamRow row) {
        SeamNet net = row.net().trained();
        List<String> names = Freeze.freezeStatistics(net.graph());
        assertThat(names).isEqualTo(tracks(row) ? List.of("norm") : List.of());
        Map<String, double[]> before = net.params();
        net.trained();
        Map<String, double[]> after = net.params();
        before.forEach((name, values) -> {
            if (!row.isNorm() || NormParameter.isTrained(name)) {
                assertThat(after.get(name)).as(name).doesNotContain(Double.NaN);
            } else {
                same(name, after.get(name), values);
            }
        });
        different("the network", net.params("out").get("W"), row.net().trained().params("out").get("W"));
        return tracks(row) ? WORKS : leftOut("keeps no running statistics");
    }

    private static Seam.Answer freezeLayer(SeamRow row) throws Exception {
        SeamNet net = row.net().trained();
        if (row.isVertex()) {
            // Deeplearning4j freezes the layers up to a vertex.
            SeamNet frozen = net.with(new TransferLearning.GraphBuilder(net.graph()).setFeatureExtractor("norm").build());
            frozen.trained();
            same("the condition's layer", frozen.params("other").get("W"), net.params("other").get("W"));
            return WORKS;
        }
        SeamNet frozen = net.with(new TransferLearning.GraphBuilder(net.graph()).setFeatureExtractor("norm").build());
        Map<String, double[]> before = frozen.params();
        same("output", frozen.output(), net.output());
        frozen.trained();
        assertThat(frozen.params().keySet()).isEqualTo(net.params().keySet());
        before.forEach((name, values) -> same(name, frozen.params().get(name), values));
        different("what is not frozen", frozen.params("out").get("W"), net.params("out").get("W"));
        return WORKS;
    }

    private static Seam.Answer recompute(SeamRow row) {
        SeamNet net = row.net().trained();
        Map<String, double[]> before = net.params();
        MultiDataSetIterator data = new IteratorMultiDataSetIterator(
                List.<org.nd4j.linalg.dataset.api.MultiDataSet>of(net.batch(21), net.batch(22)).iterator(), SeamNet.EXAMPLES);
        double[] expected = meanOfInput(net);
        Map<String, ChannelStatistics> found =
                PopulationStatistics.recompute(net.graph(), data, PopulationStatistics.Method.EXACT);
        assertThat(List.copyOf(found.keySet())).isEqualTo(tracks(row) && !frozen(row) ? List.of("norm") : List.of());
        if (found.isEmpty()) {
            before.forEach((name, values) -> same(name, net.params().get(name), values));
            return leftOut(tracks(row) ? "its statistics are frozen" : "keeps no running statistics");
        }
        close("mean", found.get("norm").mean(), expected);
        if (before.containsKey(NormParameter.MEAN)) {
            close("running mean", net.layer().runningMean(), expected);
        }
        if (before.containsKey(NormParameter.VAR)) {
            close("running variance", net.layer().runningVariance(), found.get("norm").variance());
        }
        before.forEach((name, values) -> {
            if (NormParameter.isTrained(name)) {
                same(name, net.params().get(name), values);
            }
        });
        return WORKS;
    }

    /** Of two batches, channel by channel, in double. */
    private static double[] meanOfInput(SeamNet net) {
        double[] mean = new double[Kind.CHANNELS];
        int[] count = new int[Kind.CHANNELS];
        for (int seed = 21; seed <= 22; seed++) {
            INDArray x = net.graph().feedForward(net.inputs(seed), false).get("before");
            double[] values = TestNetwork.numbers(x);
            int positions = (int) (x.length() / x.size(0) / Kind.CHANNELS);
            for (int i = 0; i < values.length; i++) {
                int c = net.kind().channelsLast ? i % Kind.CHANNELS : i / positions % Kind.CHANNELS;
                mean[c] += values[i];
                count[c]++;
            }
        }
        Arrays.setAll(mean, c -> mean[c] / count[c]);
        return mean;
    }

    private static Seam.Answer pyTorch(SeamRow row, String file) throws Exception {
        SeamNet net = row.net().trained();
        Path directory = Files.createTempDirectory("seams");
        try {
            Path path = directory.resolve(file);
            if (row.isVertex()) {
                assertThatThrownBy(() -> PyTorchWeights.write(net.graph(), path)).isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("expected a network with norms");
                return leftOut("has no parameters of its own");
            }
            if (!row.isNorm() || net.params().isEmpty()) {
                return refused(row, () -> PyTorchWeights.write(net.graph(), path));
            }
            PyTorchWeights.write(net.graph(), path);
            SeamNet fresh = row.net();
            net.params().forEach((name, values) -> {
                // With frozen statistics, all parts of a batch use the parameters of the first.
                boolean used = Parameter.of(name).key().equals(name) || !frozen(row);
                if (NormParameter.isTrained(name) ? used && NormParameter.isTrained(name, row.norm()) : updates(row)) {
                    different(name + " in training", values, fresh.params().get(name));
                }
            });
            assertThat(PyTorchWeights.read(fresh.graph(), path)).containsExactly("norm");
            net.params().forEach((name, values) -> close(name, fresh.params().get(name), values, 1e-7));
            return WORKS;
        } finally {
            org.nd4j.shade.guava.io.MoreFiles.deleteRecursively(directory,
                    org.nd4j.shade.guava.io.RecursiveDeleteOption.ALLOW_INSECURE);
        }
    }

    private static Seam.Answer listener(SeamRow row) {
        SeamNet net = row.net();
        NormStatsListener listener = new NormStatsListener.Builder().interval(1).build();
        net.graph().setListeners(listener);
        net.trained();
        SeamNet plain = row.net().trained();
        same("training watched", net.everything(), plain.everything());
        if (!row.isNorm()) {
            assertThat(listener.layers()).isEmpty();
            return leftOut("not among the layers of the listener");
        }
        List<NormSample> samples = listener.samples("norm");
        assertThat(samples).hasSize(3);
        for (NormSample sample : samples) {
            assertThat(sample.inputGradient()).isPositive();
            assertThat(sample.gamma() != null).isEqualTo(net.params().containsKey(NormParameter.GAMMA)
                    && net.params().get(NormParameter.GAMMA).length == Kind.CHANNELS);
            assertThat(sample.runningMean() != null).isEqualTo(tracks(row));
            assertThat(sample.batchMean() != null).as("statistics of the batch").isEqualTo(tracks(row) && !frozen(row));
        }
        return WORKS;
    }

    private static Seam.Answer transferLearning(SeamRow row) {
        SeamNet net = row.net().trained();
        ComputationGraph tuned = new TransferLearning.GraphBuilder(net.graph())
                .fineTuneConfiguration(new FineTuneConfiguration.Builder().updater(new Sgd(0.1)).build())
                .removeVertexKeepConnections("out")
                .addLayer("out", new OutputLayer.Builder(LossFunction.MCXENT).nIn(Kind.CHANNELS).nOut(3)
                        .activation(Activation.SOFTMAX).build(), net.kind().dense() ? "norm" : "pool")
                .setOutputs("out").build();
        SeamNet copy = net.with(tuned);
        net.params().forEach((name, values) -> same(name, copy.params().get(name), values));
        INDArray[] x = net.inputs(5);
        same("output of the norm", TestNetwork.numbers(tuned.feedForward(x, false).get("norm")),
                TestNetwork.numbers(net.graph().feedForward(x, false).get("norm")));
        copy.fit(1);
        assertThat(copy.everything()).doesNotContain(Double.NaN);
        return WORKS;
    }

    private static Seam.Answer fuseWeights(SeamRow row) {
        SeamNet net = row.net().trained();
        ComputationGraph fused = WeightFusion.fuse(net.graph());
        close("output", net.output(fused), net.output());
        if (!(row.conf() instanceof Reparameterization)) {
            same("parameters", net.with(fused).everything(), net.everything());
            return leftOut("computes no weights");
        }
        assertThat(fused.getLayer("norm")).isNotInstanceOf(ReparameterizedLayer.class);
        return WORKS;
    }

    private static Seam.Answer dataDependentStart(SeamRow row) {
        SeamNet net = row.net();
        Map<String, double[]> before = net.params();
        List<String> set = DataDependentInit.apply(net.graph(), net.batch(4));
        if (set.isEmpty()) {
            before.forEach((name, values) -> same(name, net.params().get(name), values));
            return leftOut("has no gain that data could set");
        }
        assertThat(set).containsExactly("norm");
        assertThat(net.everything()).doesNotContain(Double.NaN);
        different("output", net.output(), row.net().output());
        return WORKS;
    }
}
