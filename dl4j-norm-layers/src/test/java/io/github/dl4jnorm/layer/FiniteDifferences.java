// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.conf.NormParameter;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Gradients of a layer in training mode, in double, against differences of its output alone. */
final class FiniteDifferences {
    private static final double STEP = 1e-5;
    private static final double TOLERANCE = 2e-7;

    private FiniteDifferences() {
    }

    /** Of Σ weight·y, for x and for every parameter that is trained; what the backward pass changes is put back. */
    static void check(LayerUnderTest layer, INDArray x, INDArray weight) {
        INDArray params = layer.params.dup();
        layer.forward(x, true);
        double[] dx = TestNetwork.numbers(layer.dx(weight));
        layer.params.assign(params);
        for (int i = 0; i < dx.length; i += 1 + dx.length / 60) {
            assertClose(dx[i], layer, x, x, weight, i, "dx");
        }
        layer.layer.layerConf().initializer().getGradientsFromFlattened(layer.layer.conf(), layer.gradients)
                .forEach((name, gradient) -> {
                    int count = NormParameter.isTrained(name) ? (int) gradient.length() : 0;
                    for (int i = 0; i < count; i += 1 + count / 30) {
                        assertClose(gradient.getDouble(i), layer, x, layer.param(name), weight, i, name);
                    }
                });
    }

    private static void assertClose(double gradient, LayerUnderTest layer, INDArray x, INDArray varied, INDArray weight, int i,
                                    String what) {
        double difference = slope(layer, x, varied, weight, i, STEP);
        if (Math.abs(gradient - difference) > tolerance(difference)) {
            // Of a norm with a maximum, a kink may lie within the step.
            difference = slope(layer, x, varied, weight, i, STEP / 30);
        }
        assertThat(gradient).as("%s[%d]", what, i).isCloseTo(difference, within(tolerance(difference)));
    }

    private static double tolerance(double difference) {
        return TOLERANCE * Math.max(1, Math.abs(difference));
    }

    private static double slope(LayerUnderTest layer, INDArray x, INDArray varied, INDArray weight, int i, double step) {
        double before = varied.getDouble(i);
        varied.putScalar(i, before + step);
        double above = layer.forward(x, true).mul(weight).sumNumber().doubleValue();
        varied.putScalar(i, before - step);
        double below = layer.forward(x, true).mul(weight).sumNumber().doubleValue();
        varied.putScalar(i, before);
        return (above - below) / (2 * step);
    }
}
