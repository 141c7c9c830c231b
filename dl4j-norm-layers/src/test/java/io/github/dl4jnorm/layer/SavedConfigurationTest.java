// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.BatchRenormalization;
import io.github.dl4jnorm.conf.FilterResponseNormalization;
import io.github.dl4jnorm.conf.GhostBatchNormalization;
import io.github.dl4jnorm.conf.GlobalResponseNormalization;
import io.github.dl4jnorm.conf.GroupNormalization;
import io.github.dl4jnorm.conf.InstanceNormalization;
import io.github.dl4jnorm.conf.LayerNormalization;
import io.github.dl4jnorm.conf.MeanOnlyBatchNormalization;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.RmsNormalization;
import io.github.dl4jnorm.conf.RunningStatistics;
import io.github.dl4jnorm.conf.SwitchableNormalization;
import io.github.dl4jnorm.conf.SyncBatchNormalization;
import io.github.dl4jnorm.conf.UnitNormalization;
import io.github.dl4jnorm.layer.GradientCheckTest.Norm;
import java.io.InputStream;
import java.io.ObjectInputStream;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.constraint.NonNegativeConstraint;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.learning.regularization.L2Regularization;
import org.nd4j.shade.jackson.databind.ObjectMapper;
import org.nd4j.shade.jackson.databind.node.ObjectNode;

/** Configurations survive JSON, YAML, Java serialization and cloning, and equal what has the same options only. */
@Tag("once")
@Tag("full")
class SavedConfigurationTest {
    /** Fields of Deeplearning4j's own layers, and what the input type says. */
    private static final Set<String> NEVER_MISSING = Set.of("@class", "layerName", "nin", "nout", "dense", "positions",
            "iupdater", "constraints");

    static Stream<Arguments> cases() {
        return Stream.of(Customized.values()).flatMap(norm -> Stream.of(Kind.values()).filter(norm::takes)
                .map(kind -> Arguments.of(norm, kind)));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void aConfigurationOfASequenceOfLayersSurvives(Customized norm, Kind kind) throws Exception {
        for (int steps : new int[]{0, 1}) {
            TestNetwork net = TestNetwork.around(false, TestNetwork.Setup.FLOAT, kind, norm.layer(kind));
            net.fit(steps, kind);
            MultiLayerConfiguration conf = net.sequence().getLayerWiseConfigurations();
            assertSame(MultiLayerConfiguration.fromJson(conf.toJson()), conf);
            assertSame(MultiLayerConfiguration.fromYaml(conf.toYaml()), conf);
            assertSame(conf.clone(), conf);
            assertSame(SaveAndLoadTest.throughJava(conf), conf);
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void aConfigurationOfAGraphSurvives(Customized norm, Kind kind) throws Exception {
        for (int steps : new int[]{0, 1}) {
            TestNetwork net = TestNetwork.around(true, TestNetwork.Setup.FLOAT, kind, norm.layer(kind));
            net.fit(steps, kind);
            ComputationGraphConfiguration conf = net.graph().getConfiguration();
            assertSame(ComputationGraphConfiguration.fromJson(conf.toJson()), conf);
            assertSame(ComputationGraphConfiguration.fromYaml(conf.toYaml()), conf);
            // Deeplearning4j's clone of a graph's configuration leaves out the number of iterations.
            assertSame(conf.clone().getVertices(), conf.getVertices());
            assertSame(SaveAndLoadTest.throughJava(conf), conf);
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void aLayerSurvives(Customized norm, Kind kind) throws Exception {
        NormLayer layer = norm.layer(kind);
        assertSame(layer.clone(), layer);
        assertSame(SaveAndLoadTest.throughJava(layer), layer);
        assertSame(norm.layer(kind), layer);
        NormLayer changed = layer.clone();
        changed.setNIn(77);
        changed.setEps(0.5);
        assertThat(changed).isNotEqualTo(layer);
        assertSame(norm.layer(kind), layer);
    }

    private static void assertSame(Object copy, Object original) {
        assertThat(copy).isNotSameAs(original).isEqualTo(original).hasSameHashCodeAs(original);
    }

    @Test
    void configurationsDifferWhereAnyOptionDiffers() {
        List<NormLayer> layers = new ArrayList<>(List.of(
                batch().build(), batch().decay(0.8).build(), batch().useLogStd(false).build(),
                batch().lockGammaBeta(true).build(), batch().minibatch(false).build(),
                batch().helperAllowFallback(false).build(), batch().synchronize(true).build(),
                batch().runningStatistics(RunningStatistics.cumulative()).build(),
                batch().runningStatistics(RunningStatistics.cumulative().unbiased(false)).build(),
                batch().runningStatistics(RunningStatistics.decay(0.9)).build(),
                group().build(), group().groups(2).build(), group().groupSize(2).build(), group().epsOutside(true).build(),
                group().eps(0.1).build(), group().scale(false).build(),
                group().center(false).build(), group().affine(false).build(), group().gammaInit(2).build(),
                group().betaInit(2).build(), group().activation(Activation.RELU).build(), group().nOut(4).build(),
                group().dataFormat(CNN2DFormat.NCHW).build(), group().dataFormat(CNN2DFormat.NHWC).build(),
                group().gammaRegularization(new L2Regularization(0.1)).build(),
                group().betaRegularization(new L2Regularization(0.1)).build(),
                group().constrainGamma(new NonNegativeConstraint()).build(),
                group().constrainBeta(new NonNegativeConstraint()).build(), group().name("other").build(),
                group().updater(new Sgd(0.3)).build(), new InstanceNormalization.Builder().build(),
                new InstanceNormalization.Builder().trackRunningStats(true).build(),
                new InstanceNormalization.Builder().epsOutside(true).build(),
                new InstanceNormalization.Builder().runningStatistics(RunningStatistics.decay(0.1)).build(),
                new LayerNormalization.Builder().build(), new LayerNormalization.Builder().perPosition(true).build(),
                new LayerNormalization.Builder().elementwiseAffine(true).build(),
                new SwitchableNormalization.Builder().build(), new SwitchableNormalization.Builder().useBatch(false).build(),
                new SwitchableNormalization.Builder().batchAverage(true).build(),
                new SwitchableNormalization.Builder().synchronize(true).build(),
                new SwitchableNormalization.Builder().runningStatistics(RunningStatistics.decay(0.1)).build(),
                new GhostBatchNormalization.Builder().build(), new GhostBatchNormalization.Builder(4).build(),
                new BatchRenormalization.Builder().build(), new BatchRenormalization.Builder().rMax(2).build(),
                new BatchRenormalization.Builder().dMax(2).build(), new BatchRenormalization.Builder().synchronize(true).build(),
                new MeanOnlyBatchNormalization.Builder().build(),
                new MeanOnlyBatchNormalization.Builder().synchronize(true).build(),
                new BatchRenormalization.Builder().schedule(1, 40_000, 25_000).build(),
                new BatchRenormalization.Builder().schedule(5_000, 6_000, 25_000).build(),
                new BatchRenormalization.Builder().schedule(5_000, 40_000, 6_000).build(),
                new FilterResponseNormalization.Builder().build(),
                new FilterResponseNormalization.Builder().threshold(false).build(),
                new FilterResponseNormalization.Builder().learnedEps(true).build(),
                new GlobalResponseNormalization.Builder().build(), new GlobalResponseNormalization.Builder().gammaInit(1).build(),
                new RmsNormalization.Builder().build(), new RmsNormalization.Builder().center(true).build(),
                new RmsNormalization.Builder().perPosition(false).build(),
                new UnitNormalization.Builder().build(), new UnitNormalization.Builder().eps(1e-6).build(),
                new UnitNormalization.Builder().perPosition(false).build()));
        assertThat(layers).doesNotHaveDuplicates();
        assertThat(new HashSet<>(layers)).hasSameSizeAs(layers);
        for (NormLayer layer : layers) {
            assertThat(layer.clone()).isEqualTo(layer).hasSameHashCodeAs(layer);
        }
    }

    /** What Deeplearning4j's own base classes fill in from the network is not compared. */
    private static void assertSameOptions(NormLayer constructed, NormLayer built) {
        assertThat(constructed).usingRecursiveComparison().ignoringFields("biasInit", "gainInit", "regularization",
                "regularizationBias", "gradientNormalization", "gradientNormalizationThreshold").isEqualTo(built);
    }

    private static BatchNormalization.Builder batch() {
        return new BatchNormalization.Builder();
    }

    private static GroupNormalization.Builder group() {
        return new GroupNormalization.Builder(4);
    }

    @Test
    void theDefaultConstructorsGiveWhatTheBuildersGive() {
        assertSameOptions(new BatchNormalization(), batch().build());
        assertSameOptions(new GroupNormalization(), new GroupNormalization.Builder().build());
        assertSameOptions(new InstanceNormalization(), new InstanceNormalization.Builder().build());
        assertSameOptions(new LayerNormalization(), new LayerNormalization.Builder().build());
        assertSameOptions(new SwitchableNormalization(), new SwitchableNormalization.Builder().build());
        assertSameOptions(new SyncBatchNormalization(), new SyncBatchNormalization.Builder().build());
        assertSameOptions(new GhostBatchNormalization(), new GhostBatchNormalization.Builder().build());
        assertSameOptions(new BatchRenormalization(), new BatchRenormalization.Builder().build());
        assertSameOptions(new FilterResponseNormalization(), new FilterResponseNormalization.Builder().build());
        assertSameOptions(new GlobalResponseNormalization(), new GlobalResponseNormalization.Builder().build());
        assertSameOptions(new RmsNormalization(), new RmsNormalization.Builder().build());
        assertSameOptions(new UnitNormalization(), new UnitNormalization.Builder().build());
    }

    @ParameterizedTest
    @EnumSource(value = Norm.class, names = {"BATCH", "INSTANCE", "LAYER", "SWITCHABLE"})
    void jsonWithoutTheOptionalFieldsGivesTheDefaults(Norm norm) throws Exception {
        NormLayer defaults = norm.layer();
        defaults.setEps(1e-5);
        TestNetwork net = TestNetwork.around(false, TestNetwork.Setup.FLOAT, Kind.CNN_FIRST, defaults);
        ObjectMapper mapper = new ObjectMapper();
        ObjectNode tree = (ObjectNode) mapper.readTree(net.sequence().getLayerWiseConfigurations().toJson());
        ObjectNode layer = (ObjectNode) tree.at("/confs/1/layer");
        assertThat(layer.has("eps")).isTrue();
        List<String> fields = new ArrayList<>();
        layer.fieldNames().forEachRemaining(fields::add);
        fields.removeAll(NEVER_MISSING);
        layer.remove(fields);

        MultiLayerConfiguration conf = MultiLayerConfiguration.fromJson(mapper.writeValueAsString(tree));
        NormLayer loaded = (NormLayer) conf.getConf(1).getLayer();
        assertThat(loaded.getEps()).isEqualTo(1e-5);
        assertThat(loaded.isScale() && loaded.isCenter()).isTrue();
        assertThat(loaded.getGammaInit()).isEqualTo(1);
        assertThat(loaded.getActivationFn()).isEqualTo(Activation.IDENTITY.getActivationFunction());
        assertThat(loaded.parameters())
                .isEqualTo(((NormLayer) net.sequence().getLayerWiseConfigurations().getConf(1).getLayer()).parameters());
    }

    /** Written before they had the option. */
    @Test
    void normsOfPositionsStayThatWithoutTheOption() throws Exception {
        List<NormLayer> now = List.of(new RmsNormalization.Builder().nOut(4).build(),
                new UnitNormalization.Builder().nOut(4).build());
        try (InputStream file = SavedConfigurationTest.class.getResourceAsStream("/models/rms-and-unit-by-position.ser");
                ObjectInputStream in = new ObjectInputStream(file)) {
            assertThat(in.readObject()).isEqualTo(now);
        }
        for (NormLayer layer : now) {
            TestNetwork net = TestNetwork.around(false, TestNetwork.Setup.FLOAT, Kind.CNN_FIRST, layer.clone());
            ObjectMapper mapper = new ObjectMapper();
            ObjectNode tree = (ObjectNode) mapper.readTree(net.sequence().getLayerWiseConfigurations().toJson());
            assertThat(((ObjectNode) tree.at("/confs/1/layer")).remove("overExample")).isNotNull();
            assertThat(MultiLayerConfiguration.fromJson(mapper.writeValueAsString(tree)))
                    .isEqualTo(net.sequence().getLayerWiseConfigurations());
        }
    }

    /** Written when only switchable norms had the option. */
    @Test
    void normsShareStatisticsAsBeforeTheyHadTheOption() throws Exception {
        List<NormLayer> now = List.of(new SyncBatchNormalization.Builder().nOut(4).build(),
                new SwitchableNormalization.Builder().synchronize(true).nOut(4).build(),
                new BatchNormalization.Builder().nOut(4).build(), new BatchRenormalization.Builder().nOut(4).build(),
                new MeanOnlyBatchNormalization.Builder().nOut(4).build(), new GhostBatchNormalization.Builder(2).nOut(4).build(),
                new InstanceNormalization.Builder().trackRunningStats(true).nOut(4).build());
        assertThat(now.stream().map(NormLayer::sharesStatistics)).containsExactly(true, true, false, false, false, false, false);
        try (InputStream file = SavedConfigurationTest.class.getResourceAsStream(
                "/models/batch-norms-without-synchronize.ser"); ObjectInputStream in = new ObjectInputStream(file)) {
            assertThat(in.readObject()).isEqualTo(now);
        }
        for (NormLayer layer : now) {
            assertThat(jsonOf(layer).has("synchronize")).as("JSON is what it was").isEqualTo(layer instanceof
                    SwitchableNormalization);
        }
        for (NormLayer layer : List.of(batch().synchronize(true).build(),
                new BatchRenormalization.Builder().synchronize(true).build(),
                new MeanOnlyBatchNormalization.Builder().synchronize(true).build())) {
            assertThat(jsonOf(layer).get("synchronize").asBoolean()).isTrue();
        }
    }

    /** What JSON says of a layer that it gives back. */
    private static ObjectNode jsonOf(NormLayer layer) throws Exception {
        TestNetwork net = TestNetwork.around(false, TestNetwork.Setup.FLOAT, Kind.CNN_FIRST, layer.clone());
        String json = net.sequence().getLayerWiseConfigurations().toJson();
        MultiLayerConfiguration read = MultiLayerConfiguration.fromJson(json);
        assertThat(read).isEqualTo(net.sequence().getLayerWiseConfigurations());
        assertThat(((NormLayer) read.getConf(1).getLayer()).sharesStatistics()).isEqualTo(layer.sharesStatistics());
        return (ObjectNode) new ObjectMapper().readTree(json).at("/confs/1/layer");
    }

    @Test
    void jsonOfPoliciesWithoutABiasIsUnbiased() throws Exception {
        NormLayer layer = batch().runningStatistics(RunningStatistics.decay(0.7)).build();
        TestNetwork net = TestNetwork.around(false, TestNetwork.Setup.FLOAT, Kind.CNN_FIRST, layer);
        ObjectMapper mapper = new ObjectMapper();
        ObjectNode tree = (ObjectNode) mapper.readTree(net.sequence().getLayerWiseConfigurations().toJson());
        ((ObjectNode) tree.at("/confs/1/layer/runningStatistics")).remove("unbiased");
        assertThat(MultiLayerConfiguration.fromJson(mapper.writeValueAsString(tree)))
                .isEqualTo(net.sequence().getLayerWiseConfigurations());
    }
}
