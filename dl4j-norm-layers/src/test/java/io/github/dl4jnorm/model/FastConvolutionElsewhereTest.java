// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import static io.github.dl4jnorm.model.FastNets.IMAGES;
import static io.github.dl4jnorm.model.FastNets.assertClose;
import static io.github.dl4jnorm.model.FastNets.convolution;
import static io.github.dl4jnorm.model.FastNets.enabled;
import static io.github.dl4jnorm.model.FastNets.images;
import static io.github.dl4jnorm.model.FastNets.normed;
import static io.github.dl4jnorm.model.FastNets.output;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.bytedeco.javacpp.Pointer;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.layers.GlobalPoolingLayer;
import org.deeplearning4j.nn.conf.layers.PoolingType;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.deeplearning4j.parallelism.ParallelWrapper;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.ViewIterator;

/** Fast convolutions in several threads, in workers, in many steps, and in JVMs that do without something. */
@Tag("once")
@Tag("long")
@EnabledIf("io.github.dl4jnorm.model.FastNets#platformHasOneDnn")
class FastConvolutionElsewhereTest {
    private static final int WARM_UP = 2_000;
    private static final int LAST = 20_000;
    private static final int SIZES = 12;
    private static final String GREW = "grew by bytes: ";

    private static MultiLayerNetwork small() {
        return Nets.sequence(IMAGES, convolution(4, Activation.RELU), convolution(4, Activation.TANH),
                new GlobalPoolingLayer(PoolingType.MAX), output());
    }

    @Test
    void networksInSeveralThreadsTrainAsOneAfterAnother() throws Exception {
        int threads = 4;
        MultiLayerNetwork alone = normed();
        enabled(alone, 4);
        List<DataSet> batches = new ArrayList<>();
        for (int step = 0; step < 10; step++) {
            batches.add(images(step, 4 + step % 3));
        }
        batches.forEach(alone::fit);
        ExecutorService pool = Executors.newFixedThreadPool(threads);
        try {
            CountDownLatch start = new CountDownLatch(threads);
            List<Future<MultiLayerNetwork>> results = new ArrayList<>();
            for (int i = 0; i < threads; i++) {
                MultiLayerNetwork net = normed();
                results.add(pool.submit(() -> {
                    start.countDown();
                    start.await();
                    enabled(net, 4);
                    batches.forEach(batch -> net.fit(batch.copy()));
                    return net;
                }));
            }
            for (Future<MultiLayerNetwork> result : results) {
                assertClose(result.get().params(), alone.params(), 1e-5);
            }
        } finally {
            pool.shutdownNow();
        }
    }

    /** Counts the networks whose convolutions run on oneDNN. */
    private static final class Watcher extends BaseTrainingListener {
        private final List<Integer> counts = new ArrayList<>();

        @Override
        public synchronized void iterationDone(Model model, int iteration, int epoch) {
            counts.add(FastConvolution.count(model));
        }
    }

    @Test
    @Tag("workers")
    void aListenerEnablesTheWorkersOfAParallelWrapper() {
        MultiLayerNetwork net = small();
        enabled(net, 2);
        ParallelWrapper wrapper = new ParallelWrapper.Builder<>(net).workers(2).prefetchBuffer(0).averagingFrequency(2).build();
        Watcher watcher = new Watcher();
        wrapper.setListeners(FastConvolution.listener(), watcher);
        wrapper.fit(new ViewIterator(images(1, 64), 8));
        wrapper.shutdown();
        assertThat(watcher.counts).hasSizeGreaterThanOrEqualTo(4).containsOnly(2);
        assertThat(net.score()).isFinite();
    }

    /** Trains on more sizes of batches than a layer keeps primitives for, and prints by how many bytes the process grew. */
    static final class Endurance {
        public static void main(String[] args) {
            MultiLayerNetwork net = Nets.sequence(IMAGES, convolution(4, Activation.RELU), output());
            FastConvolution.enable(net);
            List<DataSet> batches = new ArrayList<>();
            for (int size = 1; size <= SIZES; size++) {
                batches.add(images(size, size));
            }
            long before = 0;
            for (int step = 0; step < LAST; step++) {
                net.fit(batches.get(step % SIZES));
                if (step == WARM_UP) {
                    System.gc();
                    before = Pointer.physicalBytes();
                }
            }
            System.gc();
            System.out.println(GREW + (Pointer.physicalBytes() - before));
            System.exit(0);
        }
    }

    @Test
    @Tag("full")
    void manyStepsOfManySizesKeepTheMemoryOfTheProcessWhereItWas() throws Exception {
        // A heap that is resident from the start, a compiler that is done early: the rest of the process is what natives take.
        String output = run(Endurance.class,
                List.of("-Xms256m", "-Xmx256m", "-XX:+AlwaysPreTouch", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
                System.getProperty("java.class.path"), "MALLOC_ARENA_MAX", "1");
        assertThat(output).contains(GREW);
        long grew = Long.parseLong(output.substring(output.indexOf(GREW) + GREW.length()).trim());
        assertThat(grew).as("bytes in %d steps", LAST - WARM_UP).isLessThan(24L << 20);
    }

    /** Enables a network, trains a step and prints what came of it. */
    static final class Program {
        public static void main(String[] args) {
            MultiLayerNetwork net = small();
            System.out.println(FastConvolution.enable(net));
            net.fit(images(1, 4));
            System.out.println("score is finite: " + Double.isFinite(net.score()));
            System.exit(0);
        }
    }

    private static String run(Class<?> program, List<String> options, String classPath, String... environment)
            throws Exception {
        List<String> command = new ArrayList<>(List.of(System.getProperty("java.home") + File.separator + "bin"
                + File.separator + "java"));
        command.addAll(options);
        command.addAll(List.of("-cp", classPath, program.getName()));
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        for (int i = 0; i < environment.length; i += 2) {
            builder.environment().put(environment[i], environment[i + 1]);
        }
        Process process = builder.start();
        String output = new String(process.getInputStream().readAllBytes());
        assertThat(process.waitFor(1, TimeUnit.MINUTES)).isTrue();
        return output;
    }

    @Test
    @Tag("full")
    void withoutOneDnnTheNetworkTrainsAsBeforeAndTheReasonNamesTheDependency() throws Exception {
        for (String part : new String[]{"dnnl-2.5.2", "linux-x86_64.jar"}) {
            String classPath = Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
                    .filter(entry -> !(entry.contains("dnnl") && entry.contains(part)))
                    .collect(Collectors.joining(File.pathSeparator));
            assertThat(run(Program.class, List.of(), classPath)).contains("0 of 2", "score is finite: true",
                    "add the dependency org.bytedeco:dnnl-platform:2.5.2-1.5.7");
        }
    }

    @Test
    @Tag("full")
    void processorsWithShorterVectorsGiveTheSame() throws Exception {
        for (String isa : new String[]{"AVX2", "AVX", "SSE41"}) {
            assertThat(run(Program.class, List.of(), System.getProperty("java.class.path"), "ONEDNN_MAX_CPU_ISA", isa))
                    .as(isa).contains("2 of 2", "score is finite: true");
        }
    }
}
