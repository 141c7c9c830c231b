// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import io.github.dl4jnorm.conf.AdaptiveInstanceNormalization;
import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.ConditionalNormalization;
import io.github.dl4jnorm.conf.LayerNormLSTM;
import io.github.dl4jnorm.conf.NormBuilder;
import io.github.dl4jnorm.conf.NormFactory;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.Reparameterization;
import io.github.dl4jnorm.conf.RunningStatistics;
import io.github.dl4jnorm.conf.SpectralNormalization;
import io.github.dl4jnorm.conf.WeightNormalization;
import io.github.dl4jnorm.conf.WeightStandardization;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.deeplearning4j.nn.conf.constraint.MaxNormConstraint;
import org.deeplearning4j.nn.conf.dropout.Dropout;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.activations.impl.ActivationReLU;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.regularization.L2Regularization;

/** A builder makes equal layers that have nothing in common, neither with one another nor with the builder. */
@Tag("once")
class BuilderTest {
    /** As many as the groups that group normalization has by default. */
    private static final int CHANNELS = 32;

    /** Every builder of a norm. */
    static Stream<NormBuilder<?, ?>> norms() {
        return new ClassFileImporter().withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
                .importPackages(NormBuilder.class.getPackageName()).stream()
                .filter(type -> type.isAssignableTo(NormBuilder.class) && !type.getModifiers().contains(JavaModifier.ABSTRACT))
                .map(type -> make(type.reflect()));
    }

    private static NormBuilder<?, ?> make(Class<?> type) {
        try {
            return (NormBuilder<?, ?>) type.getConstructor().newInstance();
        } catch (ReflectiveOperationException e) {
            throw new AssertionError(type + ": expected a constructor without arguments", e);
        }
    }

    @Test
    void everyNormOfTheFactoryHasABuilderHere() {
        DenseLayer dense = new DenseLayer.Builder().nIn(3).nOut(4).activation(Activation.RELU).build();
        Set<Class<?>> made = norms().map(builder -> builder.build().getClass()).collect(Collectors.toSet());
        for (String name : NormFactory.names()) {
            NormFactory.create(name).around(dense).stream().filter(NormLayer.class::isInstance)
                    .forEach(norm -> assertThat(made).contains(norm.getClass()));
        }
    }

    private static <T extends NormBuilder<T, ?>> T withOptions(NormBuilder<T, ?> builder) {
        return builder.eps(0.25).gammaInit(2).name("norm").activation(Activation.RELU).updater(new Adam(0.5)).l2(0.1)
                .dropOut(new Dropout(0.5)).gammaRegularization(new L2Regularization(0.2))
                .constrainGamma(new MaxNormConstraint(2, 0)).nOut(CHANNELS);
    }

    @ParameterizedTest
    @MethodSource("norms")
    void layersOfOneBuilderAreEqualAndIndependent(NormBuilder<?, ?> given) {
        NormBuilder<?, ?> builder = withOptions(given);
        NormLayer one = builder.build();
        NormLayer two = builder.build();
        assertThat(two).isEqualTo(one).isNotSameAs(one).hasSameClassAs(one);
        assertThat(two.toString()).isEqualTo(one.toString());

        NormLayer before = one.clone();
        assertThat(before).isEqualTo(one);
        two.setEps(3);
        two.setNOut(2 * CHANNELS);
        two.getGammaRegularization().clear();
        two.getRegularization().clear();
        two.getConstraints().clear();
        two.getIUpdater().setLrAndSchedule(7, null);
        ((Dropout) two.getIDropout()).setP(0.75);
        assertThat(one).isEqualTo(before);
        assertThat(one.getIUpdater().getLearningRate(0, 0)).isEqualTo(0.5);
        assertThat(((Dropout) one.getIDropout()).getP()).isEqualTo(0.5);
        assertThat(builder.build()).isEqualTo(before);
    }

    @ParameterizedTest
    @MethodSource("norms")
    void aBuilderCanBeChangedAfterwards(NormBuilder<?, ?> given) {
        NormBuilder<?, ?> builder = withOptions(given);
        NormLayer one = builder.build();
        NormLayer before = one.clone();
        NormLayer two = builder.eps(0.5).name("other").l2(0.3).nOut(2 * CHANNELS).activation(new ActivationReLU()).build();
        assertThat(one).isEqualTo(before);
        assertThat(two.getEps()).isEqualTo(0.5);
        assertThat(two.getLayerName()).isEqualTo("other");
        assertThat(two.getRegularization()).containsExactly(new L2Regularization(0.3));
        assertThat(two.getNIn()).isEqualTo(2 * CHANNELS);
    }

    @Test
    void wrappersOfOneBuilderAreEqualAndIndependent() {
        DenseLayer dense = new DenseLayer.Builder().nIn(3).nOut(4).name("dense").build();
        for (Reparameterization.Builder<?, ?> builder : List.of(new WeightNormalization.Builder(dense).eps(0.5),
                new WeightStandardization.Builder(dense).eps(0.5),
                new SpectralNormalization.Builder(dense).powerIterations(3).warmUp(2).eps(0.5))) {
            Reparameterization one = builder.build();
            Reparameterization before = one.clone();
            Reparameterization two = builder.build();
            assertThat(two).isEqualTo(one).isNotSameAs(one).hasSameClassAs(one);
            two.setEps(3);
            two.setLayerName("other");
            assertThat(one).isEqualTo(before);
            assertThat(one.getUnderlying()).isEqualTo(dense);
            assertThat(builder.eps(0.75).build().getEps()).isEqualTo(0.75);
            assertThat(one.getEps()).isEqualTo(0.5);
        }
        SpectralNormalization spectral = new SpectralNormalization.Builder(dense).powerIterations(3).warmUp(2).build();
        assertThat(spectral.getPowerIterations()).isEqualTo(3);
        assertThat(spectral.getWarmUp()).isEqualTo(2);
    }

    @Test
    void verticesOfOneBuilderAreEqualAndIndependent() {
        ConditionalNormalization.Builder conditional = new ConditionalNormalization.Builder().groups(2).gammaOffset(1).eps(0.5);
        ConditionalNormalization one = conditional.channelsLast(true).build();
        ConditionalNormalization two = conditional.build();
        assertThat(two).isEqualTo(one).isNotSameAs(one);
        two.setGroups(3);
        assertThat(one.getGroups()).isEqualTo(2);
        assertThat(conditional.groups(4).build().getGroups()).isEqualTo(4);
        assertThat(one.getGroups()).isEqualTo(2);
        assertThat(one.isChannelsLast() && one.isChannelsLastFixed()).isTrue();

        AdaptiveInstanceNormalization.Builder adaptive = new AdaptiveInstanceNormalization.Builder().eps(0.5);
        AdaptiveInstanceNormalization style = adaptive.build();
        assertThat(adaptive.build()).isEqualTo(style).isNotSameAs(style);
        assertThat(adaptive.eps(0.75).build().getEps()).isEqualTo(0.75);
        assertThat(style.getEps()).isEqualTo(0.5);
    }

    @Test
    void recurrentLayersOfOneBuilderAreEqualAndIndependent() {
        LayerNormLSTM.Builder builder = new LayerNormLSTM.Builder().nIn(2).nOut(3).eps(0.5).normalizeGates(true).l2(0.1);
        LayerNormLSTM one = builder.build();
        LayerNormLSTM two = builder.build();
        assertThat(two).isEqualTo(one).isNotSameAs(one);
        two.getRegularization().clear();
        builder.eps(0.75);
        assertThat(one.getRegularization()).hasSize(1);
        assertThat(one.getEps()).isEqualTo(0.5);
        assertThat(one.isNormalizeGates()).isTrue();
    }

    /** With a decay as in Deeplearning4j; with any other policy the data type of the network decides. */
    @Test
    void howTheVarianceIsStoredDependsOnThePolicyUnlessItIsGiven() {
        RunningStatistics policy = RunningStatistics.cumulative();
        assertThat(new BatchNormalization.Builder().build().getLogStdStored()).isTrue();
        assertThat(new BatchNormalization.Builder().runningStatistics(policy).build().getLogStdStored()).isNull();
        BatchNormalization decay = new BatchNormalization.Builder().runningStatistics(policy).decay(0.5).build();
        assertThat(decay.getLogStdStored()).isTrue();
        assertThat(decay.getRunningStatistics()).isEqualTo(RunningStatistics.decay(0.5).unbiased(false));
        for (boolean log : new boolean[]{true, false}) {
            assertThat(new BatchNormalization.Builder().useLogStd(log).runningStatistics(policy).build().getLogStdStored())
                    .isEqualTo(log);
            assertThat(new BatchNormalization.Builder().runningStatistics(policy).useLogStd(log).build().getLogStdStored())
                    .isEqualTo(log);
            assertThat(new BatchNormalization.Builder().useLogStd(log).decay(0.5).build().getLogStdStored()).isEqualTo(log);
        }
    }
}
