// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * Runs a network eagerly with operations of libtorch. Building the network is a forward pass; the first one makes the
 * parameters, which have the names and the order in memory of Deeplearning4j's, but for the transposed weights of the classifier.
 */
final class LibtorchBuilder extends NetworkBuilder<Tensor> {
    private static final long[] ONE = {1, 1};
    private static final long[] TWO = {2, 2};
    private static final long[] NO_PADDING = {0, 0};

    final Map<String, Tensor> parameters = new LinkedHashMap<>();
    private final Map<String, UnaryOperator<Tensor>> layers = new HashMap<>();
    private Tensor x;
    private Tensor labels;
    private Tensor loss;

    LibtorchBuilder(StepNorm norm) {
        super(norm);
    }

    /**
     * Runs a forward pass.
     *
     * @param images images [N, 3, 32, 32]
     * @param truth  classes [N], or [N, 1, 32, 32] with 0 and 1
     * @return the loss of the average example; that of an example with pixels is the sum over the pixels
     */
    Tensor loss(Network network, Tensor images, Tensor truth) {
        again();
        x = images;
        labels = truth;
        network.build(this);
        return loss;
    }

    private Tensor parameter(String name, Tensor value) {
        parameters.put(name, value.set_requires_grad(true));
        return value;
    }

    private Tensor weight(String name, long... shape) {
        return parameter(name + "_W", torch.randn(shape).mul(new Scalar(0.1f)));
    }

    private TensorOptional bias(String name, long channels) {
        return new TensorOptional(parameter(name + "_b", torch.zeros(channels)));
    }

    /** Runs a layer, which is made with its parameters the first time. */
    private Tensor run(String name, Tensor input, Supplier<UnaryOperator<Tensor>> maker) {
        return layers.computeIfAbsent(name, key -> maker.get()).apply(input);
    }

    @Override
    Tensor input() {
        return x;
    }

    @Override
    Tensor convolution(String name, Tensor input, int[] size, boolean bias, boolean relu) {
        return run(name, input, () -> convolution(name, input.size(1), size, bias, relu));
    }

    private UnaryOperator<Tensor> convolution(String name, long inputs, int[] size, boolean bias, boolean relu) {
        Tensor weight = weight(name, size[0], inputs, size[1], size[1]);
        TensorOptional shift = bias ? bias(name, size[0]) : new TensorOptional();
        long[] stride = {size[2], size[2]};
        long[] padding = {size[1] / 2, size[1] / 2};
        return a -> {
            Tensor y = torch.conv2d(a, weight, shift, stride, padding, ONE, 1);
            return relu ? y.relu_() : y;
        };
    }

    @Override
    Tensor norm(String name, Tensor input, StepNorm kind, boolean relu) {
        return run(name, input, () -> {
            UnaryOperator<Tensor> norm = norm(name, kind, Math.toIntExact(input.size(1)));
            return relu ? a -> norm.apply(a).relu_() : norm;
        });
    }

    private UnaryOperator<Tensor> norm(String name, StepNorm kind, int channels) {
        if (kind == StepNorm.SWITCHABLE) {
            LibtorchSwitchable norm = new LibtorchSwitchable(channels);
            norm.parameters().forEach((key, value) -> parameters.put(name + "_" + key, value));
            return norm::apply;
        }
        TensorOptional gamma = new TensorOptional(parameter(name + "_gamma", torch.ones(channels)));
        TensorOptional beta = new TensorOptional(parameter(name + "_beta", torch.zeros(channels)));
        if (kind == StepNorm.BATCH) {
            TensorOptional mean = new TensorOptional(torch.zeros(channels));
            TensorOptional variance = new TensorOptional(torch.ones(channels));
            return a -> torch.batch_norm(a, gamma, beta, mean, variance, true, 0.1, LibtorchParameters.EPS, true);
        }
        int groups = kind == StepNorm.LAYER ? 1 : StepNorm.GROUPS;
        return a -> torch.group_norm(a, groups, gamma, beta, LibtorchParameters.EPS, true);
    }

    @Override
    Tensor sum(String name, Tensor a, Tensor b) {
        return a.add(b).relu_();
    }

    @Override
    Tensor pool(String name, Tensor input) {
        return torch.max_pool2d(input, TWO, TWO, NO_PADDING, ONE, false);
    }

    @Override
    Tensor transposed(String name, Tensor input, int channels) {
        return run(name, input, () -> {
            Tensor weight = weight(name, input.size(1), channels, 2, 2);
            TensorOptional bias = bias(name, channels);
            return a -> torch.conv_transpose2d(a, weight, bias, TWO, NO_PADDING, NO_PADDING, 1, ONE);
        });
    }

    @Override
    Tensor concatenation(String name, Tensor a, Tensor b) {
        return torch.cat(new TensorVector(a, b), 1);
    }

    @Override
    Tensor average(String name, Tensor input) {
        return input.mean(2, 3);
    }

    @Override
    void classifier(String name, Tensor input) {
        Tensor scores = run(name, input, () -> {
            Tensor weight = weight(name, CLASSES, input.size(1));
            TensorOptional bias = bias(name, CLASSES);
            return a -> torch.linear(a, weight, bias);
        });
        loss = torch.cross_entropy_loss(scores, labels);
    }

    @Override
    void loss(String name, Tensor input) {
        loss = torch.binary_cross_entropy_with_logits(input, labels).mul(new Scalar((float) (IMAGE * IMAGE)));
    }
}
