// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.norm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Which statistics a norm takes, by rank and options. */
@Tag("once")
class NormPlanTest {
    private static final int CHANNELS = 6;

    @Test
    void batchStatisticsAreReplacedByRunningOnes() {
        assertThat(NormPlan.batch()).isEqualTo(new NormPlan.Channels(List.of(Pooling.BATCH), 0, 0, Divisor.DEVIATION, null));
        assertThat(NormPlan.batch().hasRunning()).isTrue();
        assertThat(NormPlan.ghost(3)).isEqualTo(new NormPlan.Ghost(3));
        assertThat(NormPlan.ghost(3).hasRunning()).isTrue();
    }

    @Test
    void groupsOfDenseInputAreThoseOfEachPosition() {
        assertThat(NormPlan.group(2, 2)).isEqualTo(new NormPlan.Positions(Divisor.DEVIATION, 2, false));
        for (int rank = 3; rank <= 5; rank++) {
            assertThat(NormPlan.group(2, rank)).isEqualTo(NormPlan.channelGroups(2)).isEqualTo(
                    new NormPlan.Channels(List.of(Pooling.group(2)), 0, -1, Divisor.DEVIATION, null));
        }
        assertThat(NormPlan.group(2, 4).hasRunning()).isFalse();
    }

    @Test
    void instancesMayHaveRunningStatistics() {
        List<Pooling> each = List.of(Pooling.instance(CHANNELS));
        assertThat(NormPlan.instance(CHANNELS, false)).isEqualTo(new NormPlan.Channels(each, 0, -1, Divisor.DEVIATION, null));
        assertThat(NormPlan.instance(CHANNELS, true)).isEqualTo(new NormPlan.Channels(each, 0, 0, Divisor.DEVIATION, null));
        assertThat(NormPlan.instance(CHANNELS, true).by(Divisor.DEVIATION_PLUS_EPS))
                .isEqualTo(new NormPlan.Channels(each, 0, 0, Divisor.DEVIATION_PLUS_EPS, null));
    }

    @Test
    void layersOfSequencesAreThoseOfEachStep() {
        NormPlan positions = new NormPlan.Positions(Divisor.DEVIATION, 1, false);
        assertThat(NormPlan.layer(2)).isEqualTo(positions);
        assertThat(NormPlan.layer(3)).isEqualTo(positions).isEqualTo(NormPlan.position(Divisor.DEVIATION));
        assertThat(NormPlan.layer(3).hasRunning()).isFalse();
        assertThat(NormPlan.layer(4)).isEqualTo(new NormPlan.Channels(List.of(Pooling.LAYER), 0, -1, Divisor.DEVIATION, null));
        assertThat(NormPlan.elements()).isEqualTo(new NormPlan.Positions(Divisor.DEVIATION, 1, true));
    }

    @Test
    void examplesAreNormalizedByWhatAPositionIs() {
        for (Divisor divisor : List.of(Divisor.DEVIATION, Divisor.NOTHING, Divisor.ROOT_MEAN_SQUARE, Divisor.LENGTH)) {
            for (int rank = 2; rank <= 3; rank++) {
                assertThat(NormPlan.example(divisor, rank)).isEqualTo(NormPlan.position(divisor));
            }
            for (int rank = 4; rank <= 5; rank++) {
                assertThat(NormPlan.example(divisor, rank))
                        .isEqualTo(new NormPlan.Channels(List.of(Pooling.LAYER), 0, -1, divisor, null));
            }
        }
        assertThatThrownBy(() -> NormPlan.position(Divisor.DEVIATION_PLUS_EPS)).isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("DEVIATION_PLUS_EPS");
    }

    @Test
    void theBatchIsTheLastPartOfAMixture() {
        Pooling instance = Pooling.instance(CHANNELS);
        assertThat(NormPlan.switchable(CHANNELS, 4, true, false)).isEqualTo(new NormPlan.Channels(
                List.of(instance, Pooling.LAYER, Pooling.BATCH), 0, 2, Divisor.DEVIATION, null));
        assertThat(NormPlan.switchable(CHANNELS, 3, false, false)).isEqualTo(new NormPlan.Channels(
                List.of(instance, Pooling.LAYER), 0, -1, Divisor.DEVIATION, null));
        assertThat(NormPlan.switchable(CHANNELS, 2, true, false)).isEqualTo(new NormPlan.Channels(
                List.of(Pooling.LAYER, Pooling.BATCH), 1, 1, Divisor.DEVIATION, null));
        assertThat(NormPlan.switchable(CHANNELS, 2, true, true)).isEqualTo(new NormPlan.Channels(
                List.of(Pooling.LAYER, Pooling.BATCH), 0, 1, Divisor.DEVIATION, null));
    }

    @Test
    void responsesAreDividedByRootMeanSquares() {
        assertThat(NormPlan.filterResponse(CHANNELS)).isEqualTo(new NormPlan.Channels(
                List.of(Pooling.instance(CHANNELS)), 0, -1, Divisor.ROOT_MEAN_SQUARE, null));
        assertThat(NormPlan.rootMeanSquareOverBatch()).isEqualTo(new NormPlan.Channels(
                List.of(Pooling.BATCH), 0, -1, Divisor.ROOT_MEAN_SQUARE, null));
        assertThat(NormPlan.globalResponse()).isEqualTo(new NormPlan.Responses());
    }
}
