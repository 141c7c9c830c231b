// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.util.stream.Stream;
import org.deeplearning4j.exception.DL4JInvalidConfigException;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.shade.jackson.databind.JsonNode;
import org.nd4j.shade.jackson.databind.ObjectMapper;

@Tag("once")
class RunningStatisticsTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    static Stream<RunningStatistics> policies() {
        return Stream.of(RunningStatistics.decay(0.9), RunningStatistics.decay(0), RunningStatistics.decay(1),
                        RunningStatistics.momentum(0.1), RunningStatistics.momentum(0.3), RunningStatistics.cumulative(),
                        RunningStatistics.decay(0.99).debiased())
                .flatMap(policy -> Stream.of(policy, policy.unbiased(false)));
    }

    @Test
    void decayIsTheWeightOfTheOldValue() {
        RunningStatistics policy = RunningStatistics.decay(0.75);
        assertThat(policy.decay()).isEqualTo(0.75);
        assertThat(policy.policy()).isEqualTo("decay");
        assertThat(policy.cumulativeMean()).isFalse();
        assertThat(policy.weight(0)).as("weight of the first batch").isEqualTo(0.25);
        assertThat(policy.weight(1000)).as("weight of a late batch").isEqualTo(0.25);
    }

    @Test
    void momentumIsTheWeightOfTheNewValue() {
        for (double momentum : new double[]{0, 0.001, 0.01, 0.1, 0.25, 0.5, 0.9, 1}) {
            assertThat(RunningStatistics.momentum(momentum).weight(3)).isEqualTo(momentum, within(1e-16));
        }
    }

    @Test
    void momentumOfATenthEqualsDecayOfNineTenths() {
        assertThat(RunningStatistics.momentum(0.1)).isEqualTo(RunningStatistics.decay(0.9))
                .hasSameHashCodeAs(RunningStatistics.decay(0.9))
                .hasToString(RunningStatistics.decay(0.9).toString());
        assertThat(RunningStatistics.momentum(0.25)).isEqualTo(RunningStatistics.decay(0.75));
        assertThat(RunningStatistics.momentum(0)).isEqualTo(RunningStatistics.decay(1));
        assertThat(RunningStatistics.momentum(1)).isEqualTo(RunningStatistics.decay(0));
    }

    /** After t batches, batch i has the weight dᵗ⁻ⁱ/Σdᵗ⁻ᵏ, and what was before has none. */
    @ParameterizedTest
    @ValueSource(doubles = {0, 0.5, 0.9, 0.999, 1 - 1e-12})
    void debiasedGivesWhatWasBeforeNoWeight(double decay) {
        RunningStatistics policy = RunningStatistics.decay(decay).debiased();
        assertThat(policy.countsBatches()).isTrue();
        assertThat(policy.weight(0)).isEqualTo(1);
        double[] batches = {3, -1, 7, 11, 0.5};
        double running = 1e30;
        double sum = 0;
        double weights = 0;
        for (int k = 0; k < batches.length; k++) {
            double weight = policy.weight(k);
            running = (1 - weight) * running + weight * batches[k];
            sum = decay * sum + batches[k];
            weights = decay * weights + 1;
        }
        assertThat(running).isEqualTo(sum / weights, within(1e-12));
        assertThat(policy.weight(1e6)).as("of a late batch").isEqualTo(Math.max(1 - decay, 1e-6), within(1e-8));
    }

    @Test
    void onlyAMovingAverageThatTakesUpBatchesHasABias() {
        assertThat(RunningStatistics.cumulative().debiased()).isEqualTo(RunningStatistics.cumulative());
        assertThatThrownBy(() -> RunningStatistics.decay(1).debiased()).isInstanceOf(DL4JInvalidConfigException.class)
                .hasMessage("Running statistics, debiased: expected decay in [0, 1), got 1.0");
        assertThat(RunningStatistics.momentum(0.25).unbiased(false).debiased()).hasToString("decay 0.75, debiased, biased");
    }

    @Test
    void cumulativeGivesEveryBatchTheSameWeight() {
        RunningStatistics policy = RunningStatistics.cumulative();
        assertThat(policy.policy()).isEqualTo("cumulative");
        assertThat(policy.cumulativeMean()).isTrue();
        assertThat(policy.decay()).isNull();
        assertThat(policy.weight(0)).isEqualTo(1);
        double[] batches = {3, -1, 7, 11, 0.5};
        double running = 1e30;
        for (int k = 0; k < batches.length; k++) {
            double weight = policy.weight(k);
            running = (1 - weight) * running + weight * batches[k];
        }
        assertThat(running).as("mean of the batches, whatever came before").isEqualTo(4.1, within(1e-14));
    }

    @Test
    void theVarianceIsUnbiasedUnlessToldOtherwise() {
        assertThat(RunningStatistics.decay(0.9).unbiased()).isTrue();
        assertThat(RunningStatistics.momentum(0.1).unbiased()).isTrue();
        assertThat(RunningStatistics.cumulative().unbiased()).isTrue();
        RunningStatistics biased = RunningStatistics.decay(0.9).unbiased(false);
        assertThat(biased.unbiased()).isFalse();
        assertThat(biased.decay()).isEqualTo(0.9);
        assertThat(RunningStatistics.cumulative().unbiased(false).cumulativeMean()).isTrue();
        assertThat(biased.unbiased(true)).isEqualTo(RunningStatistics.decay(0.9));
    }

    @Test
    void choosingTheVarianceLeavesTheOriginalPolicyAlone() {
        RunningStatistics policy = RunningStatistics.decay(0.9);
        policy.unbiased(false);
        assertThat(policy.unbiased()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(doubles = {-1, -1e-9, 1.0000001, 2, Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY})
    void aWeightOutsideTheRangeIsAnErrorThatNamesIt(double value) {
        assertThatThrownBy(() -> RunningStatistics.decay(value)).isInstanceOf(DL4JInvalidConfigException.class)
                .hasMessageContaining("decay in [0, 1]").hasMessageContaining(String.valueOf(value));
        assertThatThrownBy(() -> RunningStatistics.momentum(value)).isInstanceOf(DL4JInvalidConfigException.class)
                .hasMessageContaining("momentum in [0, 1]").hasMessageContaining(String.valueOf(value));
    }

    @Test
    void policiesThatDifferAreNotEqual() {
        RunningStatistics policy = RunningStatistics.decay(0.9);
        assertThat(policy).isNotEqualTo(RunningStatistics.decay(0.99));
        assertThat(policy).isNotEqualTo(policy.unbiased(false));
        assertThat(policy).isNotEqualTo(RunningStatistics.cumulative());
        assertThat(policy).isNotEqualTo(null);
        assertThat(policy).isNotEqualTo("decay 0.9");
        assertThat(RunningStatistics.cumulative()).isEqualTo(RunningStatistics.cumulative())
                .hasSameHashCodeAs(RunningStatistics.cumulative())
                .isNotEqualTo(RunningStatistics.cumulative().unbiased(false));
    }

    @Test
    void theDescriptionNamesPolicyAndBias() {
        assertThat(RunningStatistics.decay(0.9)).hasToString("decay 0.9");
        assertThat(RunningStatistics.cumulative().unbiased(false)).hasToString("cumulative, biased");
    }

    @ParameterizedTest
    @MethodSource("policies")
    void jsonAndBackGivesAnEqualPolicy(RunningStatistics policy) throws Exception {
        for (ObjectMapper mapper : new ObjectMapper[]{JSON, NeuralNetConfiguration.mapper()}) {
            String json = mapper.writeValueAsString(policy);
            assertThat(mapper.readValue(json, RunningStatistics.class)).as(json).isEqualTo(policy).hasSameHashCodeAs(policy);
        }
    }

    @ParameterizedTest
    @MethodSource("policies")
    void serializationAndBackGivesAnEqualPolicy(RunningStatistics policy) throws Exception {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
            out.writeObject(policy);
        }
        try (ObjectInputStream in = new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
            assertThat(in.readObject()).isEqualTo(policy).hasSameHashCodeAs(policy);
        }
    }

    @Test
    void jsonHoldsNothingButPolicyDecayAndUnbiased() throws Exception {
        JsonNode decay = JSON.readTree(JSON.writeValueAsString(RunningStatistics.decay(0.9).unbiased(false)));
        assertThat(decay).hasSize(3);
        assertThat(decay.get("policy").asText()).isEqualTo("decay");
        assertThat(decay.get("decay").asDouble()).isEqualTo(0.9);
        assertThat(decay.get("unbiased").asBoolean()).isFalse();
        JsonNode cumulative = JSON.readTree(JSON.writeValueAsString(RunningStatistics.cumulative()));
        assertThat(cumulative.get("policy").asText()).isEqualTo("cumulative");
        assertThat(cumulative.get("decay").isNull()).isTrue();
    }

    @Test
    void jsonWithoutUnbiasedMeansUnbiased() throws Exception {
        assertThat(JSON.readValue("{\"policy\":\"decay\",\"decay\":0.9}", RunningStatistics.class))
                .isEqualTo(RunningStatistics.decay(0.9));
        assertThat(JSON.readValue("{\"policy\":\"cumulative\",\"countedApart\":true}", RunningStatistics.class))
                .isEqualTo(RunningStatistics.cumulative());
    }

    @ParameterizedTest
    @ValueSource(strings = {"{}", "{\"policy\":\"decay\"}", "{\"policy\":\"other\",\"decay\":0.9}",
        "{\"policy\":\"decay\",\"decay\":-1}", "{\"policy\":\"decay\",\"decay\":1.5}"})
    void jsonThatNamesNoPolicyIsAnError(String json) {
        assertThatThrownBy(() -> JSON.readValue(json, RunningStatistics.class))
                .hasRootCauseInstanceOf(DL4JInvalidConfigException.class);
    }

    @Test
    void equalPoliciesHaveEqualHashCodesWhateverTheSignOfZero() {
        RunningStatistics positive = RunningStatistics.decay(0.0);
        RunningStatistics negative = RunningStatistics.decay(-0.0);
        assertThat(negative.equals(positive)).isTrue();
        assertThat(negative).hasSameHashCodeAs(positive);
    }
}
