// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import io.github.dl4jnorm.conf.Reparameterization;
import io.github.dl4jnorm.conf.WeightParameter;
import io.github.dl4jnorm.conf.WeightShape;
import io.github.dl4jnorm.pass.WeightPass;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.gradient.Gradient;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** The weights of one layer that are computed from its parameters, in arrays of their own. */
final class ComputedWeights {
    private final Reparameterization wrapper;
    private final Map<String, INDArray> params;
    private final List<Weight> weights = new ArrayList<>();

    /** One weight: where it is, what computes it, and the array it is computed into. */
    private record Weight(WeightShape shape, WeightPass pass, INDArray computed) {
    }

    /**
     * Weights that are not computed yet.
     *
     * @param wrapper how they are computed
     * @param params  what they are computed from, by key
     */
    ComputedWeights(Reparameterization wrapper, Map<String, INDArray> params) {
        this.wrapper = wrapper;
        this.params = params;
        try (MemoryWorkspace outside = Nd4j.getMemoryManager().scopeOutOfWorkspaces()) {
            for (WeightShape shape : wrapper.weights()) {
                INDArray source = params.get(shape.key());
                INDArray computed = Nd4j.createUninitialized(source.dataType(), source.shape(), source.ordering());
                weights.add(new Weight(shape, pass(shape), computed));
            }
        }
    }

    private WeightPass pass(WeightShape shape) {
        return wrapper.pass(shape, ReparameterizationInitializer.of(wrapper, shape, params));
    }

    private INDArray source(WeightShape shape) {
        return shape.view(params.get(shape.key()));
    }

    /** What stands behind the weight in its array is no weight and stays as it is. */
    private void withRest(WeightShape shape, INDArray computed) {
        if (shape.isPart(computed)) {
            computed.assign(params.get(shape.key()));
        }
    }

    /** Parameters with the computed weights, as they are at any time, in place of what these are computed from. */
    Map<String, INDArray> inPlace(Map<String, INDArray> table) {
        Map<String, INDArray> result = new LinkedHashMap<>(table);
        weights.forEach(weight -> result.put(weight.shape().key(), weight.computed()));
        return result;
    }

    /** Copies of the weights in test mode, by key. A forward pass that waits for its backward pass is left alone. */
    Map<String, INDArray> inTestMode() {
        Map<String, INDArray> copies = new LinkedHashMap<>();
        for (Weight weight : weights) {
            INDArray copy = weight.computed().dup();
            withRest(weight.shape(), copy);
            pass(weight.shape()).forward(source(weight.shape()), false, weight.shape().view(copy));
            copies.put(weight.shape().key(), copy);
        }
        return copies;
    }

    void compute(boolean training) {
        for (Weight weight : weights) {
            withRest(weight.shape(), weight.computed());
            weight.pass().forward(source(weight.shape()), training, weight.shape().view(weight.computed()));
        }
    }

    /**
     * Makes gradients of what the weights are computed from out of those of the weights, which they replace.
     *
     * @param gradients arrays of all gradients, with those of the weights
     * @param gradient  receives the arrays of what the weights depend on besides
     */
    void backward(Map<String, INDArray> gradients, Gradient gradient) {
        for (Weight weight : weights) {
            WeightShape shape = weight.shape();
            INDArray dw = shape.view(gradients.get(shape.key()));
            INDArray dv = Nd4j.createUninitialized(dw.dataType(), dw.shape(), 'c');
            weight.pass().backward(source(shape), dw, ReparameterizationInitializer.of(wrapper, shape, gradients), dv);
            dw.assign(dv);
            for (WeightParameter parameter : wrapper.parameters(shape)) {
                INDArray view = gradients.get(shape.key() + parameter.suffix());
                if (!parameter.trained()) {
                    view.assign(0);
                }
                gradient.setGradientFor(shape.key() + parameter.suffix(), view);
            }
        }
    }
}
