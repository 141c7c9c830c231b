// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import io.github.dl4jnorm.conf.FilterResponseNormalization;
import io.github.dl4jnorm.conf.GlobalResponseNormalization;
import io.github.dl4jnorm.conf.NormLayer;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;
import org.junit.jupiter.params.provider.MethodSource;

/** What holds for filter response and global response normalization by their nature, as in {@link NormPropertiesTest}. */
class ResponsePropertiesTest {

    private static NormLayer filter() {
        return new FilterResponseNormalization.Builder().build();
    }

    private static NormLayer global() {
        return new GlobalResponseNormalization.Builder().build();
    }

    static Stream<Arguments> cases() {
        return Stream.of(Kind.values()).filter(kind -> !kind.dense()).flatMap(kind -> {
            Supplier<NormLayer> filter = ResponsePropertiesTest::filter;
            Supplier<NormLayer> global = ResponsePropertiesTest::global;
            return Stream.of(Arguments.of(filter, kind), Arguments.of(global, kind));
        });
    }

    private static Drawn draw(Supplier<NormLayer> norm, Kind kind, int seed) {
        return new Drawn(norm, kind, 50_000 + 10L * seed + kind.ordinal());
    }

    /** Global response norm adds its input to what it normalizes. */
    @ParameterizedTest
    @EnumSource(value = Kind.class, names = "DENSE", mode = Mode.EXCLUDE)
    void scalingTheInputAndTheRootOfEpsChangesNothing(Kind kind) {
        draw(ResponsePropertiesTest::filter, kind, 1).scalingChangesNothing(2);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void examplesAndPositionsInAnotherOrderComeOutInThatOrder(Supplier<NormLayer> norm, Kind kind) {
        Drawn drawn = draw(norm, kind, 2);
        drawn.anotherOrderComesOutInThatOrder(0);
        drawn.anotherOrderComesOutInThatOrder(drawn.positionAxis());
    }

    @ParameterizedTest
    @MethodSource("cases")
    void anExampleAloneIsTrainedAsInABatch(Supplier<NormLayer> norm, Kind kind) {
        draw(norm, kind, 3).anExampleAloneIsAsInABatch();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void maskingIsDeleting(Supplier<NormLayer> norm, Kind kind) {
        draw(norm, kind, 4).maskingIsDeleting();
    }
}
