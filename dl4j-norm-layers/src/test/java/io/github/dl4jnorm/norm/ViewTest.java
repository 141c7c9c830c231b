// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.norm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

@Tag("once")
class ViewTest {

    private static Arguments shape(boolean channelsLast, int n, int c, int s, int[] positionAxes, long... shape) {
        return Arguments.of(shape, channelsLast, n, c, s, positionAxes);
    }

    static Stream<Arguments> shapes() {
        return Stream.of(
                shape(false, 2, 3, 1, new int[]{}, 2, 3),
                shape(true, 2, 3, 1, new int[]{}, 2, 3),
                shape(false, 2, 3, 5, new int[]{2}, 2, 3, 5),
                shape(true, 2, 5, 3, new int[]{1}, 2, 3, 5),
                shape(false, 2, 3, 35, new int[]{2, 3}, 2, 3, 5, 7),
                shape(true, 2, 7, 15, new int[]{1, 2}, 2, 3, 5, 7),
                shape(false, 2, 3, 385, new int[]{2, 3, 4}, 2, 3, 5, 7, 11),
                shape(true, 2, 11, 105, new int[]{1, 2, 3}, 2, 3, 5, 7, 11),
                shape(false, 1, 1, 1, new int[]{2, 3}, 1, 1, 1, 1));
    }

    @ParameterizedTest
    @MethodSource("shapes")
    void everyRankAndLayoutIsSeenAsExamplesChannelsAndPositions(long[] shape, boolean channelsLast, int n, int c, int s,
                                                               int[] positionAxes) {
        View view = View.of(shape, channelsLast);
        assertThat(view.examples()).as("N").isEqualTo(n);
        assertThat(view.channels()).as("C").isEqualTo(c);
        assertThat(view.positions()).as("S").isEqualTo(s);
        assertThat(view.length()).as("N·C·S").isEqualTo((long) n * c * s);
        assertThat(view.channelAxis()).isEqualTo(channelsLast ? shape.length - 1 : 1);
        assertThat(view.positionAxes()).containsExactly(positionAxes);
        assertThat(view.shape()).containsExactly(shape);
        assertThat(view.batchFolded()).isFalse();
        assertThat(view.channelsFolded()).isFalse();
    }

    @ParameterizedTest
    @MethodSource("shapes")
    void batchAsPositionsIsOneExample(long[] shape, boolean channelsLast, int n, int c, int s, int[] positionAxes) {
        View plain = View.of(shape, channelsLast);
        View view = plain.batchAsPositions();
        assertThat(view.examples()).as("N").isEqualTo(1);
        assertThat(view.channels()).as("C").isEqualTo(c);
        assertThat(view.positions()).as("S").isEqualTo(n * s);
        assertThat(view.length()).isEqualTo(plain.length());
        assertThat(view.batchFolded()).isTrue();
        assertThat(view.channelsFolded()).isFalse();
        assertThat(view.positionAxes()).hasSize(positionAxes.length + 1).startsWith(0).endsWith(positionAxes);
        assertThat(view.channelAxis()).isEqualTo(plain.channelAxis());
        assertThat(plain.batchFolded()).as("the view it was made from").isFalse();
    }

    @ParameterizedTest
    @MethodSource("shapes")
    void examplesApartUndoesBatchAsPositions(long[] shape, boolean channelsLast, int n, int c, int s, int[] positionAxes) {
        View view = View.of(shape, channelsLast).channelsAsPositions().batchAsPositions().examplesApart();
        assertThat(view.examples()).as("N").isEqualTo(n);
        assertThat(view.batchFolded()).isFalse();
        assertThat(view.channelsFolded()).as("the other fold stays").isTrue();
        assertThat(view.positions()).isEqualTo(c * s);
        assertThat(View.of(shape, channelsLast).batchAsPositions().examplesApart().positionAxes())
                .containsExactly(positionAxes);
    }

    @ParameterizedTest
    @MethodSource("shapes")
    void channelsAsPositionsIsOneChannel(long[] shape, boolean channelsLast, int n, int c, int s, int[] positionAxes) {
        View plain = View.of(shape, channelsLast);
        View view = plain.channelsAsPositions();
        int[] allButTheFirst = new int[shape.length - 1];
        for (int axis = 1; axis < shape.length; axis++) {
            allButTheFirst[axis - 1] = axis;
        }
        assertThat(view.examples()).as("N").isEqualTo(n);
        assertThat(view.channels()).as("C").isEqualTo(1);
        assertThat(view.positions()).as("S").isEqualTo(c * s);
        assertThat(view.length()).isEqualTo(plain.length());
        assertThat(view.batchFolded()).isFalse();
        assertThat(view.channelsFolded()).isTrue();
        assertThat(view.positionAxes()).containsExactly(allButTheFirst);
        assertThat(view.channelAxis()).as("axis of the array itself").isEqualTo(plain.channelAxis());
    }

    @ParameterizedTest
    @MethodSource("shapes")
    void bothFoldsTogetherAreOneCell(long[] shape, boolean channelsLast, int n, int c, int s, int[] positionAxes) {
        View plain = View.of(shape, channelsLast);
        for (View view : new View[]{plain.batchAsPositions().channelsAsPositions(),
            plain.channelsAsPositions().batchAsPositions()}) {
            assertThat(view.examples()).isEqualTo(1);
            assertThat(view.channels()).isEqualTo(1);
            assertThat(view.positions()).isEqualTo(n * c * s);
            assertThat(view.positionAxes()).hasSize(shape.length).isSorted();
        }
    }

    @Test
    void theShapeCannotBeChangedFromOutside() {
        long[] shape = {2, 3, 4};
        View view = View.of(shape, false);
        shape[1] = 99;
        view.shape()[1] = 98;
        assertThat(view.shape()).containsExactly(2, 3, 4);
        assertThat(view.batchAsPositions().channels()).isEqualTo(3);
    }

    static Stream<long[]> invalidShapes() {
        return Stream.of(new long[]{}, new long[]{5}, new long[]{0, 3}, new long[]{2, 0}, new long[]{2, 3, 0},
                new long[]{2, 3, 4, 0}, new long[]{2, 3, -1, 4});
    }

    @ParameterizedTest
    @MethodSource("invalidShapes")
    void anEmptyDimensionOrTooLowARankIsAnErrorThatNamesTheShape(long[] shape) {
        for (boolean channelsLast : new boolean[]{false, true}) {
            assertThatThrownBy(() -> View.of(shape, channelsLast)).isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("rank >= 2").hasMessageContaining(Arrays.toString(shape));
        }
    }

    @Test
    void whatIntCannotCountIsAnError() {
        long tooMany = 1L << 31;
        assertThatThrownBy(() -> View.of(new long[]{tooMany, 2}, false)).isInstanceOf(ArithmeticException.class);
        assertThatThrownBy(() -> View.of(new long[]{2, tooMany}, false)).isInstanceOf(ArithmeticException.class);
        assertThatThrownBy(() -> View.of(new long[]{1, 1, 1 << 16, 1 << 15}, false)).isInstanceOf(ArithmeticException.class);
        assertThatThrownBy(() -> View.of(new long[]{1, 1, 1L << 32, 1L << 32}, false))
                .as("a product that wraps around to 0 in long").isInstanceOf(ArithmeticException.class);
        View large = View.of(new long[]{1 << 16, 2, 1 << 15}, false);
        assertThat(large.length()).isEqualTo(1L << 32);
        assertThatThrownBy(large::batchAsPositions).isInstanceOf(ArithmeticException.class);
    }

    @Test
    void theDescriptionNamesTheViewAndTheArray() {
        assertThat(View.of(new long[]{2, 3, 5, 7}, true)).hasToString("[N=2, C=7, S=15] of [2, 3, 5, 7]");
    }
}
