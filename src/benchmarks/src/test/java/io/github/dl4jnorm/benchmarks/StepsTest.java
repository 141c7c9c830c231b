// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.model.FastConvolution;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.ndarray.INDArray;

/** The training steps that are compared are those of the same network. */
class StepsTest {
    private static final int EXAMPLES = 2;
    private static final Set<String> STATISTICS = Set.of("mean", "var", "log10stdev");

    static Stream<Step> steps() {
        return Arrays.stream(Network.values()).flatMap(network ->
                Arrays.stream(StepNorm.values()).map(norm -> new Step(network, EXAMPLES, norm)));
    }

    @BeforeEach
    void libtorchIsThere() {
        SubjectsTest.assumeLibtorch();
    }

    @ParameterizedTest
    @MethodSource("steps")
    void libtorchTrainsTheSameNetwork(Step step) {
        compare(step, new StepSubject(step, true, fast()), 3);
    }

    @ParameterizedTest
    @EnumSource(Network.class)
    void stockTrainsTheSameNetwork(Network network) {
        Step step = new Step(network, EXAMPLES, StepNorm.BATCH);
        compare(step, new StepSubject(step, false, fast()), 3);
    }

    /** Deeplearning4j's own convolutions take their time. */
    @Tag("full")
    @ParameterizedTest
    @MethodSource("steps")
    void stockConvolutionsTrainTheSameNetwork(Step step) {
        compare(step, new StepSubject(step, true, false), 2);
    }

    private static boolean fast() {
        return FastConvolution.missing() == null;
    }

    /** Losses before the first step and after some steps from the same parameters, on the same batch. */
    private static void compare(Step step, StepSubject ours, int steps) {
        LibtorchStep theirs = new LibtorchStep(step, tensor(ours.batch.getFeatures()), labels(step, ours.batch.getLabels()));
        Map<String, INDArray> trained = trained(ours.network);
        assertThat(trained.keySet()).isEqualTo(theirs.parameters().keySet());
        theirs.parameters().forEach((name, tensor) -> {
            INDArray value = trained.get(name);
            INDArray theirOrder = step.network() != Network.UNET && isLast(name, trained) ? value.transpose() : value;
            assertThat(value.length()).as(name).isEqualTo(tensor.numel());
            tensor.detach().flatten().copy_(tensor(theirOrder).flatten());
        });
        float first = ours.run(0);
        assertThat(theirs.run(0)).isEqualTo(first, within(1e-4f * first));
        float last = first;
        for (int i = 1; i < steps; i++) {
            last = ours.run(0);
            assertThat(theirs.run(0)).isEqualTo(last, within(2e-3f * last));
        }
        assertThat(last).isLessThan(first);
    }

    private static boolean isLast(String name, Map<String, INDArray> trained) {
        int last = trained.keySet().stream().mapToInt(n -> Integer.parseInt(n.substring(0, n.indexOf('_')))).max().orElseThrow();
        return name.equals(last + "_W");
    }

    private static Map<String, INDArray> trained(ComputationGraph network) {
        Map<String, INDArray> trained = new TreeMap<>(network.paramTable());
        trained.keySet().removeIf(name -> STATISTICS.contains(name.substring(name.indexOf('_') + 1)));
        return trained;
    }

    private static Tensor labels(Step step, INDArray labels) {
        return step.network() == Network.UNET ? tensor(labels) : tensor(labels).argmax(new LongOptional(1), false);
    }

    private static Tensor tensor(INDArray a) {
        INDArray dense = a.dup('c');
        return torch.from_blob(new FloatPointer(dense.data().asFloat()), dense.shape()).clone();
    }

    @Test
    void everyStepIsMeasuredInJvmsOfItsOwn() {
        for (Step step : Step.all()) {
            assertThat(Step.find(step.name())).isEqualTo(step);
            List<Task> tasks = step.tasks(EnumSet.allOf(Implementation.class));
            assertThat(tasks).hasSize(step.norm() == StepNorm.BATCH ? 5 : 3).allSatisfy(task -> {
                assertThat(task.subject()).isEqualTo(step.name());
                assertThat(task.variants()).hasSize(1);
            });
            assertThat(tasks).extracting(Task::name).doesNotHaveDuplicates();
        }
        assertThat(Step.find("step")).isNull();
    }
}
