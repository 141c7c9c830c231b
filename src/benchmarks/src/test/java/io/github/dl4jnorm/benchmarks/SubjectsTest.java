// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.MemoryFormat;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.ndarray.INDArray;

/** What is compared computes the same, and in memory that is reused. */
class SubjectsTest {
    static Stream<Case> cases() {
        List<Case> cases = new ArrayList<>();
        for (Norm norm : Norm.values()) {
            switch (norm) {
                case ROWS -> cases.add(new Case(norm, Layout.ROWS, 3, 8, 1, 1));
                case POSITIONS -> {
                    cases.add(new Case(norm, Layout.NCW, 3, 8, 1, 5));
                    cases.add(new Case(norm, Layout.NCHW, 3, 8, 4, 5));
                }
                default -> {
                    cases.add(new Case(norm, Layout.NCHW, 3, 8, 4, 5));
                    cases.add(new Case(norm, Layout.NHWC, 3, 8, 4, 5));
                }
            }
        }
        return cases.stream();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void libtorchComputesTheSame(Case c) {
        assumeLibtorch();
        LayerSubject layers = new LayerSubject(c, List.of(c.norm().layer(c.channels())));
        for (LibtorchOp op : LibtorchSubject.ways(c)) {
            compare(c, op, layers);
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void stockComputesTheSame(Case c) {
        Assumptions.assumeTrue(Implementation.STOCK.serves(c));
        assumeLibtorch();
        compare(c, LibtorchSubject.ways(c).get(0), new LayerSubject(c, LayerSubject.stock(c)));
    }

    static void assumeLibtorch() {
        try {
            Loader.load(torch.class);
        } catch (UnsatisfiedLinkError | NoClassDefFoundError e) {
            Assumptions.abort("There is no libtorch for this platform");
        }
    }

    private static void compare(Case c, LibtorchOp op, LayerSubject layers) {
        Tensor x = tensor(layers.x, c.layout());
        Tensor dy = tensor(layers.dy, c.layout());
        Tensor[] forward = op.forward(x);
        Tensor dx = op.backward(dy, x, forward)[0];
        List<INDArray> results = layers.results();
        assertSame(c, forward[0], results.get(0));
        assertSame(c, dx, results.get(1));
        // Instance normalization of PyTorch is the only one that does not keep the order in memory.
        if (c.layout() == Layout.NHWC && !(op instanceof LibtorchInstance)) {
            assertThat(forward[0].is_contiguous(MemoryFormat.ChannelsLast)).isTrue();
            assertThat(dx.is_contiguous(MemoryFormat.ChannelsLast)).isTrue();
        }
    }

    private static INDArray channelsFirst(INDArray a, Layout layout) {
        return (layout == Layout.NHWC ? a.permute(0, 3, 1, 2) : a).dup('c');
    }

    private static Tensor tensor(INDArray a, Layout layout) {
        INDArray first = channelsFirst(a, layout);
        Tensor tensor = torch.from_blob(new FloatPointer(first.data().asFloat()), first.shape()).clone();
        return tensor.contiguous(layout == Layout.NHWC ? MemoryFormat.ChannelsLast : MemoryFormat.Contiguous);
    }

    private static void assertSame(Case c, Tensor theirs, INDArray ours) {
        float[] expected = new float[c.elements()];
        theirs.contiguous().data_ptr_float().get(expected);
        float[] actual = channelsFirst(ours, c.layout()).data().asFloat();
        for (int i = 0; i < expected.length; i++) {
            assertThat(actual[i]).isEqualTo(expected[i], within(2e-4f));
        }
    }

    @Test
    void allWaysThroughSameDiffGiveTheSame() {
        List<INDArray> gradients = new SameDiffSubject().results();
        for (INDArray gradient : gradients) {
            assertThat(gradient.sub(gradients.get(0)).amaxNumber().doubleValue()).isLessThan(1e-3);
        }
    }

    @Test
    void outputMemoryIsReused() {
        Case c = new Case(Norm.BATCH, Layout.NCHW, 4, 16, 8, 8);
        LayerSubject layers = new LayerSubject(c, List.of(c.norm().layer(c.channels())));
        for (int variant = 0; variant < 2; variant++) {
            for (int i = 0; i < 3; i++) {
                layers.run(variant);
            }
            Object address = layers.run(variant);
            assertThat(layers.run(variant)).isEqualTo(address);
            assertThat(layers.run(variant)).isEqualTo(address);
        }
    }
}
