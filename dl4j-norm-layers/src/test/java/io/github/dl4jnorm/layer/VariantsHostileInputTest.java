// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jnorm.Thinned;
import io.github.dl4jnorm.conf.BatchRenormalization;
import io.github.dl4jnorm.conf.FilterResponseNormalization;
import io.github.dl4jnorm.conf.GhostBatchNormalization;
import io.github.dl4jnorm.conf.GlobalResponseNormalization;
import io.github.dl4jnorm.conf.NormBuilder;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.RunningStatistics;
import io.github.dl4jnorm.conf.SyncBatchNormalization;
import java.util.Arrays;
import java.util.Random;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.deeplearning4j.exception.DL4JInvalidInputException;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** What {@link HostileInputTest} and {@link BadInputTest} are to the norms with a reference, for the norms made of them. */
@Tag("long")
@Tag("vectors-first")
class VariantsHostileInputTest {
    private static final int CHANNELS = Harmless.CHANNELS;
    private static final RunningStatistics POLICY = RunningStatistics.momentum(0.25);

    enum Variant {
        SYNC(() -> new SyncBatchNormalization.Builder().runningStatistics(POLICY)),
        GHOST(() -> new GhostBatchNormalization.Builder(2).runningStatistics(POLICY)),
        RENORM(() -> new BatchRenormalization.Builder().rMax(2).dMax(1).schedule(0, 0, 0).runningStatistics(POLICY)),
        FILTER_RESPONSE(() -> new FilterResponseNormalization.Builder().learnedEps(true)),
        FILTER_RESPONSE_WITHOUT_THRESHOLD(() -> new FilterResponseNormalization.Builder().threshold(false)),
        GLOBAL_RESPONSE(GlobalResponseNormalization.Builder::new);

        private final Supplier<NormBuilder<?, ?>> builder;

        Variant(Supplier<NormBuilder<?, ?>> builder) {
            this.builder = builder;
        }

        NormLayer layer() {
            return (NormLayer) builder.get().eps(1e-3).build();
        }

        boolean overBatch() {
            return this == SYNC || this == GHOST || this == RENORM;
        }

        LayerUnderTest layer(Kind kind, DataType type) {
            return NormCases.layer(layer(), kind, CHANNELS, type);
        }
    }

    static Stream<Arguments> cases() {
        return Thinned.cases(Stream.of(Variant.values()).flatMap(variant -> Stream.of(Kind.values())
                .filter(kind -> variant.overBatch() || !kind.dense()).map(kind -> Arguments.of(variant, kind))));
    }

    @ParameterizedTest
    @EnumSource(Variant.class)
    void everyRankIsNormalizedOrRejected(Variant variant) {
        for (int rank = 0; rank <= 7; rank++) {
            long[] shape = new long[rank];
            Arrays.fill(shape, 2);
            if (rank > 1) {
                shape[1] = CHANNELS;
            }
            LayerUnderTest layer = variant.layer(Kind.CNN_FIRST, DataType.FLOAT);
            INDArray x = rank == 0 ? Nd4j.scalar(3f) : Nd4j.ones(DataType.FLOAT, shape);
            if (rank >= (variant.overBatch() ? 2 : 3) && rank <= 5) {
                assertThat(layer.forward(x, true).shape()).containsExactly(shape);
                assertThat(layer.dx(x).shape()).containsExactly(shape);
            } else {
                assertThatThrownBy(() -> layer.forward(x, true)).isExactlyInstanceOf(DL4JInvalidInputException.class)
                        .hasMessageContaining("got rank " + rank);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void whatCannotBeNormalizedIsRejected(Variant variant, Kind kind) {
        Harmless harmless = new Harmless(variant.layer(), kind);
        long[] more = NormCases.shape(kind, 2, CHANNELS + 1);
        harmless.rejects(layer -> layer.forward(Nd4j.ones(DataType.FLOAT, more), true), "expected 4 channels in dimension "
                + (kind.channelsLast ? more.length - 1 : 1), "got 5", Arrays.toString(more));
        harmless.rejectsAnEmptyBatch(kind);
        harmless.rejectsWholeNumbers(kind);
        harmless.rejectsMasksOfOtherShapes(kind);
        harmless.rejectsGradientsOfOtherShapes(kind);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void numbersFromTheEndsOfTheRangeGiveFiniteOnes(Variant variant, Kind kind) {
        long[] shape = NormCases.shape(kind, 4, CHANNELS);
        for (DataType type : new DataType[]{DataType.FLOAT, DataType.DOUBLE, DataType.HALF}) {
            // Global response norm adds to its input, and gradients of gamma sum it up: in HALF that has to fit.
            double large = variant == Variant.GLOBAL_RESPONSE ? 1e2 : 1e4;
            double[] sizes = type == DataType.HALF ? new double[]{0, 1e-7, large}
                    : type == DataType.FLOAT ? new double[]{0, 1e-42, 1e-30, 1e30}
                    : new double[]{0, 1e-320, 1e-30, 1e30, 1e160, 1e300};
            for (double size : sizes) {
                if (variant == Variant.GLOBAL_RESPONSE && Thinned.onNd4j() && size > 0 && size < 1e-38) {
                    // The reciprocal of the length is beyond the range of the type, in which ND4J's operations have it.
                    continue;
                }
                Random random = new Random(41);
                LayerUnderTest layer = variant.layer(kind, type);
                INDArray x = NormCases.gaussian(random, size / 2, size, shape).castTo(type);
                assertThat(TestNetwork.isFinite(layer.forward(x, true))).as("y of %s in %s", size, type).isTrue();
                assertThat(TestNetwork.isFinite(layer.dx(NormCases.gaussian(random, 0.2, 1, shape).castTo(type))))
                        .as("dx of %s in %s", size, type).isTrue();
                assertThat(TestNetwork.isFinite(layer.gradients)).as("gradients of %s in %s", size, type).isTrue();
                assertThat(TestNetwork.isFinite(layer.params)).as("parameters of %s in %s", size, type).isTrue();
            }
        }
    }

    /** In the last example: of norms by example, and of a ghost batch that it is not part of, the first ones know nothing. */
    @ParameterizedTest
    @MethodSource("cases")
    void oneElementThatIsNotFiniteReachesNoRunningStatisticsAndNoOtherExample(Variant variant, Kind kind) {
        Random random = new Random(42);
        INDArray x = NormCases.gaussian(random, 0.5, 1, NormCases.shape(kind, 4, CHANNELS));
        INDArray dy = NormCases.gaussian(random, 0.2, 1, x.shape());
        LayerUnderTest twin = variant.layer(kind, DataType.DOUBLE);
        double[] y = TestNetwork.numbers(twin.forward(x, true));
        double[] dx = TestNetwork.numbers(twin.dx(dy));
        int safe = variant == Variant.SYNC || variant == Variant.RENORM ? 0 : y.length / 2;
        for (double bad : new double[]{Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY}) {
            LayerUnderTest layer = variant.layer(kind, DataType.DOUBLE);
            double[] params = TestNetwork.numbers(layer.params);
            double[] spoiled = TestNetwork.numbers(layer.forward(x.dup().putScalar(x.length() - 1, bad), true));
            assertThat(Arrays.mismatch(spoiled, 0, safe, y, 0, safe)).as("first y that differs with %s", bad).isEqualTo(-1);
            assertThat(Double.isFinite(spoiled[spoiled.length - 1])).as("the spoiled element's y").isFalse();
            double[] spoiledDx = TestNetwork.numbers(layer.dx(dy));
            assertThat(Arrays.mismatch(spoiledDx, 0, safe, dx, 0, safe)).as("first dx that differs").isEqualTo(-1);
            if (variant == Variant.GHOST) {
                // Its first ghost batch is as good as ever.
                assertThat(TestNetwork.isFinite(layer.params)).isTrue();
            } else {
                assertThat(TestNetwork.numbers(layer.params)).containsExactly(params);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void aBatchThatIsMaskedAltogetherChangesNothing(Variant variant, Kind kind) {
        LayerUnderTest layer = variant.layer(kind, DataType.FLOAT);
        double[] params = TestNetwork.numbers(layer.params);
        layer.mask(Nd4j.zeros(DataType.FLOAT, 3, kind.rnn() ? 5 : 1));
        INDArray x = Nd4j.valueArrayOf(NormCases.shape(kind, 3, CHANNELS), Float.NaN, DataType.FLOAT);
        assertThat(TestNetwork.numbers(layer.forward(x, true))).containsOnly(0);
        assertThat(TestNetwork.numbers(layer.dx(x))).containsOnly(0);
        assertThat(TestNetwork.numbers(layer.gradients)).containsOnly(0);
        assertThat(TestNetwork.numbers(layer.params)).containsExactly(params);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void broadcastViewsGiveWhatTheirCopiesGive(Variant variant, Kind kind) {
        Random random = new Random(43);
        INDArray x = NormCases.gaussian(random, 0.5, 1, NormCases.shape(kind, 4, CHANNELS));
        INDArray dy = NormCases.gaussian(random, 0.2, 1, x.shape());
        for (int axis = -1; axis < x.rank(); axis++) {
            INDArray sameX = HostileInputTest.broadcast(x, axis);
            INDArray sameDy = HostileInputTest.broadcast(dy, axis);
            LayerUnderTest layer = variant.layer(kind, DataType.DOUBLE);
            LayerUnderTest twin = variant.layer(kind, DataType.DOUBLE);
            DataTypeTest.assertClose(layer.forward(sameX, true), twin.forward(copy(sameX), true), 1e-9, "y");
            DataTypeTest.assertClose(layer.dx(sameDy), twin.dx(copy(sameDy)), 1e-9, "dx");
            DataTypeTest.assertClose(layer.gradients, twin.gradients, 1e-9, "gradients");
        }
    }

    private static INDArray copy(INDArray view) {
        return Nd4j.createFromArray(TestNetwork.numbers(view)).reshape(view.shape());
    }

    @ParameterizedTest
    @EnumSource(Variant.class)
    void oneChannelAndVeryManyAreNormalized(Variant variant) {
        for (int channels : new int[]{1, 65_537}) {
            for (Kind kind : new Kind[]{Kind.RNN_FIRST, Kind.CNN_LAST}) {
                INDArray x = NormCases.gaussian(new Random(44), 0.5, 1, NormCases.shape(kind, 2, channels, 1, 2))
                        .castTo(DataType.FLOAT);
                LayerUnderTest layer = NormCases.layer(variant.layer(), kind, channels, DataType.FLOAT);
                LayerUnderTest twin = NormCases.layer(variant.layer(), kind, channels, DataType.DOUBLE);
                INDArray wide = x.castTo(DataType.DOUBLE);
                DataTypeTest.assertClose(layer.forward(x, true), twin.forward(wide, true), 2e-5, "y");
                DataTypeTest.assertClose(layer.dx(x), twin.dx(wide), 2e-5, "dx");
            }
        }
    }
}
