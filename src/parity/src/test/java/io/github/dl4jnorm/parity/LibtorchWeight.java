// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.parity;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.LongStream;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** A layer with computed weights composed as PyTorch composes them; gradients by libtorch's autograd. */
final class LibtorchWeight {
    private final WeightCase drawn;
    private final ScalarType type;
    private final double eps;
    private final Map<String, Tensor> params = new LinkedHashMap<>();
    private Tensor u;
    private Tensor v;
    private Tensor x;
    private Tensor computed;
    private Tensor y;

    LibtorchWeight(WeightCase drawn, ScalarType type, double eps, Map<String, double[]> values) {
        this.drawn = drawn;
        this.type = type;
        this.eps = eps;
        params.put("W", Autograd.leaf(type, values.get("W"), drawn.weightShape()));
        params.put("b", Autograd.leaf(type, values.get("b"), drawn.out()));
        if (values.containsKey("Wg")) {
            params.put("Wg", Autograd.leaf(type, values.get("Wg"), perUnit()));
        }
        if (values.containsKey("Wu")) {
            u = Autograd.tensor(type, values.get("Wu"), drawn.out());
            v = Autograd.tensor(type, values.get("Wv"), drawn.inputs());
        }
    }

    private long[] perUnit() {
        long[] shape = LongStream.generate(() -> 1).limit(drawn.weightShape().length).toArray();
        shape[drawn.unitAxis()] = drawn.out();
        return shape;
    }

    private Tensor weight(boolean training) {
        Tensor w = params.get("W");
        return switch (drawn.wrapper()) {
            case WEIGHT -> {
                // As torch._weight_norm, but for eps, which counts where a unit has a single small weight.
                Tensor squares = torch.norm_except_dim(w, 2, drawn.unitAxis()).square();
                yield w.mul(params.get("Wg").div(squares.add(new Scalar(eps)).sqrt()));
            }
            case STANDARDIZATION, SCALED -> {
                Tensor rows = rows(w);
                TensorOptional none = new TensorOptional();
                TensorOptional gain = drawn.wrapper() == WeightCase.Wrapper.SCALED ? new TensorOptional(params.get("Wg").flatten()
                        .mul(new Scalar(WeightCase.GAMMA_ACT / Math.sqrt(drawn.inputs())))) : none;
                Tensor standardized = torch.batch_norm(rows.unsqueeze(0), gain, none, none, none, true, 0, eps, false);
                yield standardized.reshape(unitsFirst(w).shape()).transpose(0, drawn.unitAxis());
            }
            case SPECTRAL -> spectral(w, training);
            case ORTHOGONAL -> {
                Tensor rows = rows(w);
                boolean wide = drawn.inputs() > drawn.out();
                Tensor tall = wide ? rows.t() : rows;
                // libtorch's reflections have a 1 on the diagonal.
                Tensor reflections = tall.tril().div(tall.diagonal());
                Tensor strength = reflections.square().sum(0).reciprocal().mul(new Scalar(2.0));
                Tensor product = torch.linalg_householder_product(reflections, strength);
                yield (wide ? product.t() : product).reshape(unitsFirst(w).shape()).transpose(0, drawn.unitAxis());
            }
        };
    }

    private Tensor unitsFirst(Tensor w) {
        return w.transpose(0, drawn.unitAxis());
    }

    private Tensor rows(Tensor w) {
        return unitsFirst(w).reshape(drawn.out(), drawn.inputs());
    }

    /** As torch.nn.utils.parametrizations.spectral_norm has it, without its clones. */
    private Tensor spectral(Tensor w, boolean training) {
        Tensor matrix = rows(w);
        Tensor constant = matrix.detach();
        for (int i = 0; training && i < drawn.powers(); i++) {
            u = unit(torch.mv(constant, v));
            v = unit(torch.mv(constant.t(), u));
        }
        Tensor sigma = torch.dot(u, torch.mv(matrix, v));
        return w.div(sigma);
    }

    private Tensor unit(Tensor vector) {
        return vector.div(vector.norm().clamp_min(new Scalar(eps)));
    }

    double[] forward(double[] input, boolean training) {
        x = Autograd.leaf(type, input, drawn.inputShape());
        computed = weight(training);
        TensorOptional bias = new TensorOptional(params.get("b"));
        y = switch (drawn.inside()) {
            case DENSE -> torch.linear(x, computed, bias);
            case CNN -> torch.conv2d(x, computed, bias, new long[]{1, 1}, new long[]{0, 0}, new long[]{1, 1},
                    1);
            case VOLUME -> torch.conv3d(x, computed, bias, new long[]{1, 1, 1}, new long[]{0, 0, 0},
                    new long[]{1, 1, 1}, 1);
            case DECONVOLUTION -> torch.conv_transpose2d(x, computed, bias, new long[]{1, 1}, new long[]{0, 0},
                    new long[]{0, 0}, 1, 1, 1);
        };
        return Autograd.numbers(y);
    }

    /**
     * Gradients of the parameters and of the input, "dx".
     *
     * @param dy gradient of the output
     * @return gradients by name; "computed" is that of the computed weight
     */
    Map<String, double[]> backward(double[] dy) {
        Map<String, Tensor> sources = new LinkedHashMap<>(params);
        sources.put("dx", x);
        sources.put("computed", computed);
        Map<String, double[]> gradients = new LinkedHashMap<>();
        Autograd.gradients(y, Autograd.tensor(type, dy, y.shape()), sources)
                .forEach((name, gradient) -> gradients.put(name, Autograd.numbers(gradient)));
        return gradients;
    }

    /**
     * How many times larger a unit's computed weights change than its weights do, at most. Where a unit's weights are nearly
     * equal, or short, most of the large terms of their gradient cancel, and what rounding leaves of them is as large as this
     * says, however small the gradient.
     */
    double steepest() {
        return Autograd.numbers(range(rows(computed)).div(range(rows(params.get("W")))).max())[0];
    }

    private static Tensor range(Tensor rows) {
        return rows.amax(new long[]{1}, false).sub(rows.amin(new long[]{1}, false));
    }

    /** u and v, or nothing. */
    Map<String, double[]> state() {
        return u == null ? Map.of() : Map.of("Wu", Autograd.numbers(u), "Wv", Autograd.numbers(v));
    }
}
