// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import io.github.dl4jnorm.Thinned;
import io.github.dl4jnorm.conf.BatchRenormalization;
import io.github.dl4jnorm.conf.NormLayer;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Every norm of the factory against finite differences, for every kind of input that it takes: drawn sizes, parameters and
 * masks. Batch renormalization is left out, since its gradient takes r and d for constants.
 */
@Tag("vectors-first")
class FactoryGradientsTest {
    private static final int CHANNELS = 4;
    private static final long SEED = new Random().nextInt(1_000_000);

    private static Stream<Arguments> all() {
        return SeamRow.norms().stream().filter(row -> !(row.norm() instanceof BatchRenormalization))
                .flatMap(row -> Stream.of(Kind.values()).filter(row::takes).flatMap(kind -> Stream.of(false, true)
                        .map(masked -> Arguments.of(row, kind, masked, SEED + row.toString().hashCode() % 1000))));
    }

    /** Each kind of input with one of two masks. */
    static Stream<Arguments> cases() {
        return Thinned.cases(all().filter(arguments -> (((Kind) arguments.get()[1]).ordinal() + arguments.get()[0].toString()
                .length()) % 2 == ((boolean) arguments.get()[2] ? 1 : 0)));
    }

    static Stream<Arguments> rest() {
        return Thinned.cases(all());
    }

    @ParameterizedTest(name = "{0} {1} masked {2} seed {3}")
    @MethodSource("cases")
    void gradientsAgreeWithFiniteDifferences(SeamRow row, Kind kind, boolean masked, long seed) {
        check(row.norm(), kind, masked, new Random(seed));
    }

    @ParameterizedTest(name = "{0} {1} masked {2} seed {3}")
    @MethodSource("rest")
    @Tag("full")
    void gradientsOfOtherDrawsAgree(SeamRow row, Kind kind, boolean masked, long seed) {
        for (int i = 1; i <= 8; i++) {
            check(row.norm(), kind, masked, new Random(seed + i));
        }
    }

    private static void check(NormLayer conf, Kind kind, boolean masked, Random random) {
        conf.setChannelsLast(kind.channelsLast);
        conf.setEps(1e-2);
        LayerUnderTest layer = new LayerUnderTest(conf, CHANNELS, DataType.DOUBLE);
        for (int i = 0; i < layer.params.length(); i++) {
            layer.params.putScalar(i, (random.nextBoolean() ? 1 : -1) * (0.4 + random.nextDouble()));
        }
        long[] shape = NormCases.shape(kind, 4, CHANNELS, 2 + random.nextInt(2), 3 + random.nextInt(3));
        INDArray x = NormCases.gaussian(random, 0.4, 1, shape);
        layer.mask(masked ? mask(shape, kind, random) : null);
        FiniteDifferences.check(layer, x, NormCases.gaussian(random, 0.3, 1, shape));
    }

    /** Most elements count: channels first and the same for all channels; of dense input, whole examples. */
    private static INDArray mask(long[] shape, Kind kind, Random random) {
        long[] ofMask = shape.clone();
        if (kind.channelsLast) {
            System.arraycopy(shape, 1, ofMask, 2, shape.length - 2);
        }
        ofMask[1] = 1;
        double[] keep = random.doubles(Arrays.stream(ofMask).reduce(1, (a, b) -> a * b)).map(d -> d < 0.8 ? 1 : 0).toArray();
        keep[0] = 1;
        INDArray mask = Nd4j.createFromArray(keep).reshape('c', ofMask);
        return kind.rnn() ? mask.reshape(ofMask[0], ofMask[2]) : mask;
    }
}
