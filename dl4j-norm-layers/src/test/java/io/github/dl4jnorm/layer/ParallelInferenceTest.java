// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.Thinned;
import io.github.dl4jnorm.layer.GradientCheckTest.Norm;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.parallelism.ParallelInference;
import org.deeplearning4j.parallelism.inference.InferenceMode;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Several threads asking one trained network. */
@Tag("workers")
@Tag("long")
class ParallelInferenceTest {

    @ParameterizedTest
    @CsvSource({"BATCH, BATCHED, false", "GROUP_RELU, SEQUENTIAL, true", "INSTANCE, INPLACE, false",
        "LAYER, BATCHED, true", "SWITCHABLE, BATCHED, false", "SWITCHABLE, INPLACE, true"})
    void everyThreadGetsWhatTheNetworkGives(Norm norm, InferenceMode mode, boolean graph) throws Exception {
        Nd4j.getRandom().setSeed(44);
        Kind kind = Kind.CNN_FIRST;
        TestNetwork net = TestNetwork.around(graph, TestNetwork.Setup.FLOAT, kind, norm.layer());
        net.fit(2, kind);
        List<INDArray> inputs = new ArrayList<>();
        List<double[]> expected = new ArrayList<>();
        for (int i = 0; i < 24; i++) {
            inputs.add(kind.input(1 + i % 3, DataType.FLOAT));
            expected.add(TestNetwork.numbers(net.output(inputs.get(i))));
        }
        ExecutorService threads = Executors.newFixedThreadPool(4);
        ParallelInference parallel = new ParallelInference.Builder(net.model()).inferenceMode(mode).workers(2)
                .batchLimit(8).build();
        try {
            List<Future<double[]>> results = new ArrayList<>();
            for (INDArray input : inputs) {
                results.add(threads.submit(() -> TestNetwork.numbers(parallel.output(input))));
            }
            for (int i = 0; i < inputs.size(); i++) {
                double[] actual = results.get(i).get();
                assertThat(actual).hasSameSizeAs(expected.get(i));
                for (int k = 0; k < actual.length; k++) {
                    assertThat(actual[k]).isCloseTo(expected.get(i)[k], within(1e-5));
                }
            }
        } finally {
            parallel.shutdown();
            threads.shutdownNow();
        }
    }

    @Test
    void eightThreadsGetBitForBitWhatOneGets() throws Exception {
        askTogether(Thinned.length(300, 50));
    }

    @Test
    @Tag("slow")
    void eightThreadsGetBitForBitWhatOneGetsTenThousandTimes() throws Exception {
        askTogether(10_000);
    }

    /** 8 threads ask a network of our layers alone, each for one of several answers at a time. */
    private static void askTogether(int calls) throws Exception {
        OwnNetwork own = new OwnNetwork(3, 4, false);
        MultiLayerNetwork net = own.ofAll();
        Random random = new Random(45);
        for (int step = 0; step < 3; step++) {
            net.fit(own.batch(random, 4));
        }
        List<INDArray> inputs = new ArrayList<>();
        List<float[]> expected = new ArrayList<>();
        for (int i = 0; i < 16; i++) {
            inputs.add(own.input(random, 1 + i % 5));
            expected.add(net.output(inputs.get(i)).dup('c').data().asFloat());
        }
        ExecutorService threads = Executors.newFixedThreadPool(8);
        ParallelInference parallel = new ParallelInference.Builder(net).inferenceMode(InferenceMode.SEQUENTIAL).workers(2)
                .build();
        try {
            List<Future<?>> all = new ArrayList<>();
            for (int thread = 0; thread < 8; thread++) {
                int first = thread;
                all.add(threads.submit(() -> {
                    for (int call = 0; call < calls; call++) {
                        int i = (first + call) % inputs.size();
                        float[] actual = parallel.output(inputs.get(i)).dup('c').data().asFloat();
                        assertThat(Arrays.mismatch(actual, expected.get(i))).as("call %d for input %d", call, i).isEqualTo(-1);
                    }
                }));
            }
            for (Future<?> one : all) {
                one.get();
            }
        } finally {
            parallel.shutdown();
            threads.shutdownNow();
        }
    }
}
