// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.github.dl4jnorm.kernel.Kernels;
import io.github.dl4jnorm.layer.GradientCheckTest.Norm;
import io.github.dl4jnorm.norm.NormPlan;
import java.lang.management.ManagementFactory;
import java.util.EnumMap;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.memory.conf.WorkspaceConfiguration;
import org.nd4j.linalg.api.memory.enums.LearningPolicy;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** A training step allocates its output and the gradient of its input, and beside them nothing of their size. */
@EnabledIfSystemProperty(named = Kernels.PROPERTY, matches = "vector|scalar")
@Tag("full")
class AllocationTest {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final WorkspaceConfiguration ROOM = WorkspaceConfiguration.builder().initialSize(8 << 20)
            .policyLearning(LearningPolicy.NONE).build();
    private static final ArrayType[] TYPES = {ArrayType.ACTIVATIONS, ArrayType.FF_WORKING_MEM, ArrayType.ACTIVATION_GRAD,
        ArrayType.BP_WORKING_MEM};

    /** Of a million elements each: drawn once. */
    private static final Map<Kind, INDArray[]> DRAWN = new EnumMap<>(Kind.class);

    @AfterAll
    static void forgetTheArrays() {
        DRAWN.clear();
    }

    static Stream<Arguments> cases() {
        Set<Norm> norms = Set.of(Norm.BATCH, Norm.GROUP_RELU, Norm.INSTANCE, Norm.LAYER, Norm.LAYER_PER_POSITION,
                Norm.SWITCHABLE);
        return NormCases.all().filter(arguments -> norms.contains((Norm) arguments.get()[0]));
    }

    @AfterEach
    void freeTheWorkspaces() {
        Nd4j.getWorkspaceManager().destroyAllWorkspacesForCurrentThread();
    }

    private static LayerWorkspaceMgr manager() {
        LayerWorkspaceMgr.Builder builder = LayerWorkspaceMgr.builder();
        for (ArrayType type : TYPES) {
            builder.with(type, name(type), ROOM);
        }
        return builder.build();
    }

    private static String name(ArrayType type) {
        return "ALLOCATION_TEST_" + type;
    }

    @ParameterizedTest
    @MethodSource("cases")
    void aStepAllocatesItsResultsAndNothingElseOfTheirSize(Norm norm, Kind kind) {
        long[] shape = switch (kind) {
            case DENSE -> new long[]{2048, 512};
            case RNN_FIRST, RNN_LAST -> NormCases.shape(kind, 16, 64, 1, 1024);
            case CNN_FIRST, CNN_LAST -> NormCases.shape(kind, 16, 32, 32, 64);
            case CNN3D_FIRST, CNN3D_LAST -> NormCases.shape(kind, 16, 32, 32, 32);
        };
        INDArray[] drawn = DRAWN.computeIfAbsent(kind, key -> {
            Random random = new Random(3);
            return new INDArray[]{NormCases.gaussian(random, 1, 2, shape).castTo(DataType.FLOAT),
                NormCases.gaussian(random, 0, 1, shape).castTo(DataType.FLOAT)};
        });
        INDArray x = drawn[0];
        INDArray dy = drawn[1];
        LayerUnderTest layer = NormCases.layer(norm, kind, shape[kind.channelsLast ? shape.length - 1 : 1], DataType.FLOAT);
        LayerWorkspaceMgr manager = manager();
        long bytes = x.length() * Float.BYTES;
        long heap = Long.MAX_VALUE;
        for (int round = 0; round < 4; round++) {
            heap = Math.min(heap, step(layer, x, dy, manager, bytes, round > 0));
        }
        // The vector kernels differ in the innermost loop alone, but until that is compiled each vector is an object. Position
        // norms make some small objects for each position.
        if (Kernels.get().name().equals("scalar")
                && !(layer.layer.layerConf().plan(shape.length) instanceof NormPlan.Positions)) {
            assertThat(heap).as("bytes of heap for a step on %d bytes", bytes).isLessThan(bytes / 2);
        }
    }

    private static long step(LayerUnderTest layer, INDArray x, INDArray dy, LayerWorkspaceMgr manager, long bytes,
                             boolean check) {
        Map<ArrayType, MemoryWorkspace> open = new EnumMap<>(ArrayType.class);
        for (ArrayType type : TYPES) {
            open.put(type, manager.notifyScopeEntered(type));
        }
        try {
            long heap = THREADS.getThreadAllocatedBytes(Thread.currentThread().getId());
            layer.layer.activate(x, true, manager);
            layer.layer.backpropGradient(dy, manager);
            heap = THREADS.getThreadAllocatedBytes(Thread.currentThread().getId()) - heap;
            if (check) {
                assertThat(open.get(ArrayType.ACTIVATIONS).getThisCycleAllocations()).as("for y").isEqualTo(bytes);
                assertThat(open.get(ArrayType.ACTIVATION_GRAD).getThisCycleAllocations()).as("for dx").isEqualTo(bytes);
                assertThat(open.get(ArrayType.FF_WORKING_MEM).getThisCycleAllocations()).as("for work of the forward pass")
                        .isLessThan(bytes / 100);
                assertThat(open.get(ArrayType.BP_WORKING_MEM).getThisCycleAllocations()).as("for work of the backward pass")
                        .isLessThan(bytes / 100);
            }
            return heap;
        } finally {
            for (int i = TYPES.length - 1; i >= 0; i--) {
                open.get(TYPES[i]).close();
            }
        }
    }
}
