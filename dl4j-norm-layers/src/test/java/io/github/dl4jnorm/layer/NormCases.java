// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.RunningNormLayer;
import io.github.dl4jnorm.layer.GradientCheckTest.Norm;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.Arguments;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Every norm with every kind of input it takes, as single layers with parameters unlike those at the start. */
final class NormCases {
    private NormCases() {
    }

    static Stream<Arguments> all() {
        return Stream.of(Norm.values()).flatMap(norm -> Stream.of(Kind.values())
                .filter(kind -> takes(norm, kind)).map(kind -> Arguments.of(norm, kind)));
    }

    /** Of the norms that subtract a mean. */
    static Stream<Arguments> centering() {
        return all().filter(arguments -> ((Norm) arguments.get()[0]).centers());
    }

    static boolean takes(Norm norm, Kind kind) {
        return !(kind.dense() && isInstance(norm));
    }

    static boolean isInstance(Norm norm) {
        return norm == Norm.INSTANCE || norm == Norm.INSTANCE_TANH;
    }

    static long[] shape(Kind kind, long n, long c) {
        return shape(kind, n, c, 3, 5);
    }

    /** A shape of the kind with some axes of length a and b. */
    static long[] shape(Kind kind, long n, long c, long a, long b) {
        return switch (kind) {
            case DENSE -> new long[]{n, c};
            case RNN_FIRST -> new long[]{n, c, b};
            case RNN_LAST -> new long[]{n, b, c};
            case CNN_FIRST -> new long[]{n, c, a, b};
            case CNN_LAST -> new long[]{n, a, b, c};
            case CNN3D_FIRST -> new long[]{n, c, 2, a, b};
            case CNN3D_LAST -> new long[]{n, 2, a, b, c};
        };
    }

    static LayerUnderTest layer(Norm norm, Kind kind, long channels, DataType type) {
        return layer(norm.layer(), kind, channels, type);
    }

    /** Every parameter is exact in each data type. */
    static LayerUnderTest layer(NormLayer conf, Kind kind, long channels, DataType type) {
        conf.setChannelsLast(kind.channelsLast);
        if (conf instanceof RunningNormLayer running && running.getLogStdStored() == null) {
            // Else it would depend on the data type which parameters there are.
            running.setLogStdStored(true);
        }
        LayerUnderTest layer = new LayerUnderTest(conf, channels, type);
        conf.parameters().forEach(parameter -> {
            INDArray array = layer.param(parameter.name());
            for (int i = 0; i < array.length(); i++) {
                double start = parameter.name().equals("log10stdev") ? 0.25 : 0.75;
                array.putScalar(i, start + 0.5 * (i % 3));
            }
        });
        return layer;
    }

    static INDArray gaussian(Random random, double mean, double deviation, long... shape) {
        double[] values = new double[(int) Arrays.stream(shape).reduce(1, (a, b) -> a * b)];
        for (int i = 0; i < values.length; i++) {
            values[i] = mean + deviation * random.nextGaussian();
        }
        return Nd4j.createFromArray(values).reshape('c', shape);
    }
}
