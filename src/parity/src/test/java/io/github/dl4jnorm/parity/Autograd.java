// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.parity;

import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Assumptions;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Numbers into libtorch's tensors and out again, and its gradients. */
final class Autograd {
    private static final Logger LOG = LoggerFactory.getLogger(Autograd.class);

    private Autograd() {
    }

    /** Ends a test as not run where there is no libtorch. */
    static void load() {
        try {
            Loader.load(torch.class);
        } catch (LinkageError e) {
            String message = "Nothing is compared: there is no libtorch for " + Loader.getPlatform() + " (" + e + ")";
            LOG.warn(message);
            Assumptions.abort(message);
        }
        torch.set_num_threads(1);
    }

    static Tensor tensor(ScalarType type, double[] values, long... shape) {
        return torch.from_blob(new DoublePointer(values), shape, new TensorOptions(ScalarType.Double)).clone().to(type);
    }

    /** One to take gradients of. */
    static Tensor leaf(ScalarType type, double[] values, long... shape) {
        Tensor leaf = tensor(type, values, shape).detach();
        leaf.requires_grad_(true);
        return leaf;
    }

    static double[] numbers(Tensor tensor) {
        Tensor plain = tensor.detach().to(ScalarType.Double).contiguous();
        double[] values = new double[(int) plain.numel()];
        plain.data_ptr_double().get(values);
        return values;
    }

    /** Gradients of Σ dy·y. */
    static Map<String, Tensor> gradients(Tensor y, Tensor dy, Map<String, Tensor> sources) {
        TensorVector found = torch.grad(new TensorVector(y), new TensorVector(sources.values().toArray(new Tensor[0])),
                new TensorVector(dy), new BoolOptional(), false, false);
        Map<String, Tensor> gradients = new LinkedHashMap<>();
        int i = 0;
        for (String name : sources.keySet()) {
            gradients.put(name, found.get(i++));
        }
        return gradients;
    }
}
