// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.MemoryFormat;

/** The nearest that libtorch has to offer for a case, on all cores. */
final class LibtorchSubject implements Subject {
    private static final int SEED = 42;

    private final List<LibtorchOp> ways;
    private final Tensor x;
    private final Tensor dy;

    LibtorchSubject(Case c) {
        torch.set_num_threads(Runtime.getRuntime().availableProcessors());
        torch.manual_seed(SEED);
        // In libtorch the order in memory is no part of the shape.
        long[] shape = c.layout() == Layout.NHWC ? Layout.NCHW.shape(c) : c.shape();
        x = random(shape, c.layout());
        dy = random(shape, c.layout());
        ways = ways(c);
    }

    private static Tensor random(long[] shape, Layout layout) {
        Tensor standard = torch.randn(shape);
        Tensor shifted = standard.mul(new Scalar(2f)).add(new Scalar(1f));
        return shifted.contiguous(layout == Layout.NHWC ? MemoryFormat.ChannelsLast : MemoryFormat.Contiguous);
    }

    /** All ways to compute a case that might be the fastest. */
    static List<LibtorchOp> ways(Case c) {
        int channels = c.channels();
        List<LibtorchOp> ways = new ArrayList<>();
        switch (c.norm()) {
            case BATCH -> ways.add(new LibtorchBatch(channels, false));
            case BATCH_RELU -> ways.add(new LibtorchBatch(channels, true));
            case GROUP -> ways.add(new LibtorchGroup(channels, Norm.groups(channels)));
            case INSTANCE -> {
                ways.add(new LibtorchInstance(channels));
                ways.add(new LibtorchGroup(channels, channels));
            }
            case LAYER -> ways.add(new LibtorchGroup(channels, 1));
            case ROWS -> ways.add(new LibtorchLayer(channels));
            case POSITIONS -> ways.add(new LibtorchPositions(channels, c.shape().length));
            case SWITCHABLE -> ways.add(new LibtorchSwitchable(channels));
        }
        return ways;
    }

    @Override
    public Object run(int variant) {
        LibtorchOp op = ways.get(variant / 2);
        try (PointerScope scope = new PointerScope()) {
            Tensor[] forward = op.forward(x);
            return variant % 2 == 0 ? forward[0].address() : op.backward(dy, x, forward)[0].address();
        }
    }
}
