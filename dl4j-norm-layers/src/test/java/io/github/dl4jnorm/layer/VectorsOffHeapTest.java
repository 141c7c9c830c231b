// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.github.dl4jnorm.kernel.Kernels;
import io.github.dl4jnorm.layer.GradientCheckTest.Norm;
import java.io.File;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Once their loops are compiled, vectors live in registers: one that the compiler makes an object of costs 48 bytes of heap
 * for 8 floats, and many times the time. What is compiled, and together with what, depends on what ran before: this has a
 * process of its own, in which all norms on few elements come first.
 */
@EnabledIfSystemProperty(named = Kernels.PROPERTY, matches = "vector")
@Tag("full")
class VectorsOffHeapTest {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final int STEPS = 20;
    private static final long SHORT = TimeUnit.SECONDS.toNanos(8);
    private static final long PATIENCE = TimeUnit.SECONDS.toNanos(90);
    private static final Kind[] KINDS = {Kind.CNN_FIRST, Kind.CNN_LAST, Kind.DENSE};

    /** Some training steps of a layer. */
    private record Steps(LayerUnderTest layer, INDArray x, INDArray dy) {
        static Steps of(Norm norm, Kind kind, Random random, long... shape) {
            long channels = shape[kind.channelsLast ? shape.length - 1 : 1];
            return new Steps(NormCases.layer(norm, kind, channels, DataType.FLOAT),
                    NormCases.gaussian(random, 1, 2, shape).castTo(DataType.FLOAT),
                    NormCases.gaussian(random, 0, 1, shape).castTo(DataType.FLOAT));
        }

        /** {@return bytes of heap that the calling thread took for each byte of x} */
        double run() {
            long before = THREADS.getThreadAllocatedBytes(Thread.currentThread().getId());
            for (int i = 0; i < STEPS; i++) {
                layer.forward(x, true);
                layer.backward(dy);
            }
            long bytes = THREADS.getThreadAllocatedBytes(Thread.currentThread().getId()) - before;
            return (double) bytes / STEPS / (x.length() * Float.BYTES);
        }
    }

    @Test
    void noVectorBecomesAnObjectOnceTheLoopsAreCompiled() throws Exception {
        Process process = new ProcessBuilder(System.getProperty("java.home") + File.separator + "bin" + File.separator + "java",
                "-Xmx1g", "--add-modules", "jdk.incubator.vector", "-cp", System.getProperty("java.class.path"),
                "-D" + Kernels.PROPERTY + "=vector", VectorsOffHeapTest.class.getName()).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes());
        assertThat(process.waitFor()).as(output).isZero();
        assertThat(output).contains("layers with vectors on the heap: []");
    }

    /** Prints which layers have vectors on the heap for as long as patience lasts. */
    public static void main(String[] args) {
        Random random = new Random(5);
        runShort(random);
        Map<String, Steps> waiting = new LinkedHashMap<>();
        for (Kind kind : KINDS) {
            long[] shape = kind == Kind.DENSE ? new long[]{1024, 512} : NormCases.shape(kind, 8, 64, 16, 16);
            for (Norm norm : new Norm[]{Norm.BATCH, Norm.GROUP_RELU, Norm.LAYER, Norm.LAYER_PER_POSITION}) {
                waiting.put(norm + " of " + kind, Steps.of(norm, kind, random, shape));
            }
        }
        Map<String, Double> least = new LinkedHashMap<>();
        long end = System.nanoTime() + PATIENCE;
        while (!waiting.isEmpty() && System.nanoTime() < end) {
            List<String> done = new ArrayList<>();
            waiting.forEach((name, steps) -> {
                double share = least.merge(name, steps.run(), Math::min);
                // Tables and statistics take a fifth; a vector of one loop takes one and a half, of which a helper may have half.
                if (share < 0.6) {
                    done.add(name);
                }
            });
            waiting.keySet().removeAll(done);
        }
        System.out.println("bytes of heap for each byte of x: " + least);
        System.out.println("layers with vectors on the heap: " + waiting.keySet());
        System.exit(0);
    }

    /**
     * All norms on few elements by turns: then the callers of the loops are compiled before the loops are. A loop that is
     * compiled as a part of its caller finds no room there for all of its vectors (see HotLoopsTest), and stays so.
     */
    private static void runShort(Random random) {
        List<Steps> few = new ArrayList<>();
        for (Kind kind : KINDS) {
            for (Norm norm : Norm.values()) {
                for (int channels = 4; NormCases.takes(norm, kind) && channels < 24; channels += 8) {
                    long[] shape = kind == Kind.DENSE ? new long[]{3, channels} : NormCases.shape(kind, 2, channels, 3, 3);
                    few.add(Steps.of(norm, kind, random, shape));
                }
            }
        }
        long end = System.nanoTime() + SHORT;
        while (System.nanoTime() < end) {
            few.forEach(Steps::run);
        }
    }
}
