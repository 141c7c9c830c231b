// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.norm.Divisor;
import io.github.dl4jnorm.norm.View;
import java.util.Arrays;

/** A norm and its gradients in plain loops over double, straight from the definition: what {@link SelfCheck} compares with. */
final class PlainNorm {
    final double[] gammaGradient;
    final double[] betaGradient;

    private final SelfCheck.Kind kind;
    private final View view;
    private final boolean channelsLast;
    private final boolean[] keep;
    private final double[] gamma;
    private final double[] beta;
    private final boolean relu;
    private final boolean centered;
    private double[] count;
    private double[] unit;
    private double[] hat;
    private double[] y;

    PlainNorm(SelfCheck.Kind kind, SelfCheck.Layout layout, boolean[] keep, double[] gamma, double[] beta, boolean relu) {
        this.kind = kind;
        this.view = layout.view();
        this.channelsLast = layout.channelsLast;
        this.keep = keep;
        this.gamma = gamma;
        this.beta = beta;
        this.relu = relu;
        centered = kind.divisor == Divisor.DEVIATION;
        gammaGradient = new double[view.channels()];
        betaGradient = new double[view.channels()];
    }

    private int channel(int i) {
        return channelsLast ? i % view.channels() : i / view.positions() % view.channels();
    }

    private int position(int i) {
        return channelsLast ? i / view.channels() % view.positions() : i % view.positions();
    }

    private int example(int i) {
        return i / view.channels() / view.positions();
    }

    private boolean kept(int i) {
        return keep[example(i) * view.positions() + position(i)];
    }

    /** Which elements share statistics: those with the same number. */
    private int pool(int i) {
        return switch (kind) {
            case BATCH -> channel(i);
            case INSTANCE -> example(i) * view.channels() + channel(i);
            case LAYER_PER_POSITION, RMS_PER_POSITION -> example(i) * view.positions() + position(i);
            default -> example(i) * kind.groups + channel(i) * kind.groups / view.channels();
        };
    }

    private double[] sums(double[] values) {
        double[] sums = new double[values.length];
        for (int i = 0; i < values.length; i++) {
            if (kept(i)) {
                sums[pool(i)] += values[i];
            }
        }
        return sums;
    }

    /** y = gamma·x̂ + beta with x̂ = (x − mean)/√(var + eps), or x/√(mean square + eps). */
    double[] forward(double[] x) {
        double[] ones = new double[x.length];
        Arrays.fill(ones, 1);
        count = sums(ones);
        double[] sum = sums(x);
        hat = new double[x.length];
        Arrays.setAll(hat, i -> centered ? x[i] - sum[pool(i)] / Math.max(1, count[pool(i)]) : x[i]);
        double[] squares = new double[x.length];
        Arrays.setAll(squares, i -> hat[i] * hat[i]);
        double[] square = sums(squares);
        unit = new double[x.length];
        // A single element less its mean is nothing, without a gradient.
        Arrays.setAll(unit, p -> centered && count[p] <= 1 ? 0
                : 1 / Math.sqrt(square[p] / Math.max(1, count[p]) + SelfCheckPass.EPS));
        Arrays.setAll(hat, i -> hat[i] * unit[pool(i)]);
        y = new double[x.length];
        Arrays.setAll(y, i -> kept(i) ? gamma[channel(i)] * hat[i] + beta[channel(i)] : 0);
        return relu ? Arrays.stream(y).map(value -> Math.max(value, 0)).toArray() : y;
    }

    /** dx = (g − mean of g − x̂·mean of g·x̂)/√(var + eps) with g = gamma·dy where the ReLU is active; sums up the others. */
    double[] backward(double[] dy) {
        double[] g = new double[dy.length];
        double[] products = new double[dy.length];
        for (int i = 0; i < dy.length; i++) {
            double active = kept(i) && (!relu || y[i] > 0) ? dy[i] : 0;
            gammaGradient[channel(i)] += active * hat[i];
            betaGradient[channel(i)] += active;
            g[i] = active * gamma[channel(i)];
            products[i] = g[i] * hat[i];
        }
        double[] sum = sums(g);
        double[] product = sums(products);
        double[] dx = new double[dy.length];
        for (int i = 0; i < dx.length; i++) {
            int p = pool(i);
            double m = Math.max(1, count[p]);
            dx[i] = kept(i) ? unit[p] * (g[i] - (centered ? sum[p] / m : 0) - hat[i] * product[p] / m) : 0;
        }
        return dx;
    }
}
