// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.convolution;

import java.util.function.Supplier;
import org.bytedeco.dnnl.IntMemoryMap;
import org.bytedeco.dnnl.primitive;

/**
 * A convolution of given sizes: oneDNN's primitives and how arrays get to them. Not thread-safe, as little as the layer it
 * belongs to.
 */
final class Plan implements AutoCloseable {
    private final Natives natives = new Natives();
    private final Primitives primitives;
    private final boolean relu;
    private final Step forward;
    private Step backwardData;
    private Step backwardWeights;
    private Relu reluBackward;

    /**
     * Makes the primitives of the forward pass.
     *
     * @param primitives describes the convolution
     */
    Plan(Supplier<Primitives> primitives, boolean relu) {
        this.relu = relu;
        this.primitives = natives.make(primitives);
        forward = natives.make(() -> this.primitives.forward(relu));
    }

    /** A primitive and its arguments. */
    static final class Step implements AutoCloseable {
        final primitive primitive;
        final Port activations;
        final Port weights;
        /** Null where there is none. */
        final Port bias;
        final Port result;
        private final IntMemoryMap arguments = new IntMemoryMap();

        /**
         * Names the arguments.
         *
         * @param names of oneDNN, for activations, weights, bias and result
         */
        Step(primitive primitive, int[] names, Port activations, Port weights, Port bias, Port result) {
            this.primitive = primitive;
            this.activations = activations;
            this.weights = weights;
            this.bias = bias;
            this.result = result;
            Port[] ports = {activations, weights, bias, result};
            for (int i = 0; i < ports.length; i++) {
                if (ports[i] != null) {
                    arguments.put(names[i], ports[i].memory());
                }
            }
        }

        void run(OneDnn session) {
            primitive.execute(session.stream(), arguments);
        }

        @Override
        public void close() {
            for (Port port : new Port[]{activations, weights, bias, result}) {
                if (port != null) {
                    port.close();
                }
            }
        }

        long scratch() {
            return activations.scratch() + weights.scratch() + result.scratch() + (bias == null ? 0 : bias.scratch());
        }
    }

    /** {@return how many numbers a forward pass keeps} */
    long keptLength() {
        return forward.result.bytes() / Float.BYTES;
    }

    /**
     * Computes the output.
     *
     * @param bias null if the convolution has none
     * @param keep gets the output as the primitive writes it, for the backward pass of a ReLU; null if nothing is kept
     */
    void forward(Tensor x, Tensor weights, Tensor bias, Tensor y, Tensor keep) {
        OneDnn session = OneDnn.begin(forward.scratch());
        forward.activations.read(session, x);
        forward.weights.read(session, weights);
        if (bias != null) {
            forward.bias.read(session, bias);
        }
        if (keep == null) {
            forward.result.place(session, y);
        } else {
            forward.result.place(y, keep);
        }
        forward.run(session);
        forward.result.written(session);
        session.stream()._wait();
    }

    /**
     * Computes the gradients.
     *
     * @param kept what the forward pass kept; only read where a ReLU is part of the convolution
     * @param dy   gradient of the output
     * @param db   gradient of the bias, null if there is none
     */
    void backward(Tensor x, Tensor weights, Tensor kept, Tensor dy, Tensor dx, Tensor dw, Tensor db) {
        if (backwardWeights == null) {
            backwardWeights = natives.make(primitives::backwardWeights);
            backwardData = natives.make(primitives::backwardData);
            reluBackward = relu ? natives.make(() -> new Relu(forward.result.desc(), backwardWeights.result.desc())) : null;
        }
        OneDnn session = OneDnn.begin(backwardWeights.scratch() + backwardData.scratch()
                + (relu ? reluBackward.scratch() : 0));
        backwardWeights.activations.read(session, x);
        // Of this step, what the others call the result is an input: the gradient of the output.
        Port gradient = backwardWeights.result;
        gradient.read(session, dy);
        if (relu) {
            reluBackward.run(session, kept, gradient);
        }
        backwardWeights.weights.place(session, dw);
        if (db != null) {
            backwardWeights.bias.place(session, db);
        }
        backwardWeights.run(session);
        backwardWeights.weights.written(session);
        if (db != null) {
            backwardWeights.bias.written(session);
        }
        backwardData.weights.read(session, weights);
        backwardData.activations.read(session, gradient);
        backwardData.result.place(session, dx);
        backwardData.run(session);
        backwardData.result.written(session);
        session.stream()._wait();
    }

    @Override
    public void close() {
        forward.close();
        if (backwardWeights != null) {
            backwardWeights.close();
            backwardData.close();
        }
        if (reluBackward != null) {
            reluBackward.close();
        }
        natives.close();
    }
}
