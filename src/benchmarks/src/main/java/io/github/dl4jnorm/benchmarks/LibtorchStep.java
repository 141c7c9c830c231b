// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Adam;
import org.bytedeco.pytorch.AdamOptions;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/** A training step in libtorch, on all cores: forward pass, gradients by autograd, Adam. */
final class LibtorchStep implements Subject {
    private static final int SEED = 42;

    private final Network network;
    private final LibtorchBuilder builder;
    private final Tensor x;
    private final Tensor labels;
    private final Adam adam;

    LibtorchStep(Step step) {
        this(step, images(step), labels(step));
    }

    /**
     * Makes the parameters.
     *
     * @param x      images [N, 3, 32, 32]
     * @param labels classes [N], or [N, 1, 32, 32] with 0 and 1
     */
    LibtorchStep(Step step, Tensor x, Tensor labels) {
        network = step.network();
        this.x = x;
        this.labels = labels;
        builder = new LibtorchBuilder(step.norm());
        // One example suffices to make the parameters.
        builder.loss(network, x.narrow(0, 0, 1), labels.narrow(0, 0, 1));
        adam = new Adam(new TensorVector(builder.parameters.values().toArray(Tensor[]::new)),
                new AdamOptions(NetworkBuilder.LEARNING_RATE));
    }

    private static Tensor images(Step step) {
        torch.set_num_threads(Runtime.getRuntime().availableProcessors());
        torch.manual_seed(SEED);
        return torch.randn(step.examples(), NetworkBuilder.COLORS, NetworkBuilder.IMAGE, NetworkBuilder.IMAGE);
    }

    private static Tensor labels(Step step) {
        if (step.network() == Network.UNET) {
            return torch.randint(2, new long[]{step.examples(), 1, NetworkBuilder.IMAGE, NetworkBuilder.IMAGE})
                    .to(torch.ScalarType.Float);
        }
        return torch.arange(new Scalar(step.examples())).remainder(new Scalar(NetworkBuilder.CLASSES))
                .to(torch.ScalarType.Long);
    }

    /** The parameters by the names that Deeplearning4j gives them. */
    Map<String, Tensor> parameters() {
        return builder.parameters;
    }

    /** Trains one step; the loss is the one before. */
    @Override
    public Float run(int variant) {
        try (PointerScope scope = new PointerScope()) {
            adam.zero_grad();
            Tensor loss = builder.loss(network, x, labels);
            loss.backward();
            adam.step();
            return loss.item_float();
        }
    }
}
