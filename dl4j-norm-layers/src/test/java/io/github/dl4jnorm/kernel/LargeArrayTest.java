// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import com.sun.management.OperatingSystemMXBean;
import io.github.dl4jnorm.norm.Moments;
import io.github.dl4jnorm.norm.Norm;
import io.github.dl4jnorm.norm.NormGradients;
import io.github.dl4jnorm.norm.Pool;
import io.github.dl4jnorm.norm.Pooling;
import io.github.dl4jnorm.norm.View;
import java.io.File;
import java.lang.management.ManagementFactory;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Arrays of more than 2³¹ and 2³² bytes, in a JVM of its own that may hold them: with {@code -Dtests.excluded=none}, and
 * where 12 GB are free.
 */
@Tag("slow")
@EnabledIfSystemProperty(named = Kernels.PROPERTY, matches = "vector|scalar")
class LargeArrayTest {

    /** Forward and backward pass over [n, c, s] or [n, s, c], compared at a million places all over it. */
    static final class Program {
        private static final double EPS = 1e-2;
        private static int n;
        private static int c;
        private static int s;
        private static boolean channelsLast;

        public static void main(String[] args) {
            boolean batch = args[0].equals("batch");
            n = Integer.parseInt(args[1]);
            c = Integer.parseInt(args[2]);
            s = Integer.parseInt(args[3]);
            channelsLast = Boolean.parseBoolean(args[4]);
            long length = (long) n * c * s;
            INDArray x = Nd4j.createUninitialized(DataType.FLOAT, channelsLast ? new long[]{n, s, c} : new long[]{n, c, s});
            INDArray y = Nd4j.createUninitialized(DataType.FLOAT, x.shape());
            for (long i = 0; i < length; i++) {
                x.data().put(i, value(i));
            }
            View plain = View.of(x.shape(), channelsLast);
            View view = batch ? plain.batchAsPositions() : plain;
            Pooling pooling = batch ? Pooling.BATCH : Pooling.LAYER;
            int groups = pooling.groupsOf(c);
            Moments cells = new Moments(view.examples(), c);
            Norm norm = Norm.of(view.examples(), c, Pool.over(pooling, cells), null, null, EPS);
            Kernels.get().normalize(x, view, null, groups, cells, norm, false, y);
            int pools = batch ? c : n;
            double[] mean = new double[pools];
            double[] squares = new double[pools];
            double perPool = (double) length / pools;
            for (int pass = 0; pass < 2; pass++) {
                for (long i = 0; i < length; i++) {
                    int pool = pool(i, batch);
                    if (pass == 0) {
                        mean[pool] += value(i) / perPool;
                    } else {
                        squares[pool] += (value(i) - mean[pool]) * (value(i) - mean[pool]) / perPool;
                    }
                }
            }
            for (long i = 0; i < length; i += 1 + length / 1_000_003) {
                int pool = pool(i, batch);
                check("y", i, y.data().getFloat(i), (value(i) - mean[pool]) / Math.sqrt(squares[pool] + EPS));
            }
            // dy = x: what is left of it is eps/(v + eps) of the normalized input.
            NormGradients gradients = new NormGradients(norm, true);
            Kernels.get().normalizeGrad(x, x, view, null, groups, norm, false, gradients, y);
            for (long i = 0; i < length; i += 1 + length / 1_000_003) {
                int pool = pool(i, batch);
                double variance = squares[pool] + EPS;
                check("dx", i, y.data().getFloat(i), (value(i) - mean[pool]) * EPS / variance / Math.sqrt(variance));
            }
            System.out.println("right: " + length * Float.BYTES + " bytes");
        }

        private static void check(String what, long i, double actual, double expected) {
            if (!(Math.abs(actual - expected) <= 3e-5)) {
                throw new AssertionError(what + "[" + i + "]: expected " + expected + ", got " + actual);
            }
        }

        private static float value(long i) {
            return (i * 2_654_435_761L >>> 9 & 1023) / 256f + i % 7 + i / ((long) c * s);
        }

        private static int pool(long i, boolean batch) {
            return (int) (!batch ? i / ((long) c * s) : channelsLast ? i % c : i / s % c);
        }
    }

    @ParameterizedTest
    @CsvSource({"batch, 2, 16, 17000000, false", "batch, 2, 16, 17000000, true", "layer, 2, 16, 17000000, false",
        "batch, 3, 9, 40000000, false"})
    void arraysBeyondTheEndOfIntAreNormalized(String way, int n, int c, int s, boolean channelsLast) throws Exception {
        OperatingSystemMXBean machine = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        assumeThat(machine.getFreeMemorySize()).as("free memory").isGreaterThan(12L << 30);
        List<String> command = List.of(System.getProperty("java.home") + File.separator + "bin" + File.separator + "java",
                "-Xmx2g", "-Dorg.bytedeco.javacpp.maxbytes=11G", "-Dorg.bytedeco.javacpp.maxphysicalbytes=13G",
                "--add-modules", "jdk.incubator.vector", "-cp", System.getProperty("java.class.path"),
                "-D" + Kernels.PROPERTY + "=" + Kernels.get().name(), Program.class.getName(), way, String.valueOf(n),
                String.valueOf(c), String.valueOf(s), String.valueOf(channelsLast));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes());
        assertThat(process.waitFor()).as(output).isZero();
        assertThat(output).contains("right: " + 4L * n * c * s);
    }
}
