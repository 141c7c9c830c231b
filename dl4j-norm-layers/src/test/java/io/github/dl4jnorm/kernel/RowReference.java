// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.norm.Divisor;
import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.PositionNorm;
import java.util.Arrays;
import java.util.List;

/** Position normalization and its gradients, written straight from the definition. */
final class RowReference {
    /** What positions can be divided by. */
    static final List<Divisor> DIVISORS = Arrays.stream(Divisor.values())
            .filter(Divisor::fitsPositions).toList();

    final double[][][] y;
    final double[][][] dx;
    final double[] dGamma;
    final double[] dBeta;

    RowReference(double[][][] x, double[][][] dy, PositionNorm norm, boolean relu, Mask mask) {
        int n = x.length;
        int c = x[0].length;
        int s = x[0][0].length;
        y = new double[n][c][s];
        dx = new double[n][c][s];
        dGamma = new double[c];
        dBeta = new double[c];
        int size = c / norm.groups();
        for (int i = 0; i < n; i++) {
            for (int p = 0; p < s; p++) {
                for (int g = 0; g < norm.groups(); g++) {
                    boolean centered = norm.divisor() == Divisor.DEVIATION || norm.divisor() == Divisor.NOTHING;
                    boolean length = norm.divisor() == Divisor.LENGTH;
                    double m = 0;
                    double mean = 0;
                    double variance = 0;
                    for (int j = g * size; j < (g + 1) * size; j++) {
                        if (mask == null || mask.keeps(i, j, p)) {
                            m++;
                            mean += x[i][j][p];
                        }
                    }
                    mean = centered ? mean / m : 0;
                    for (int j = g * size; j < (g + 1) * size; j++) {
                        if (mask == null || mask.keeps(i, j, p)) {
                            variance += (x[i][j][p] - mean) * (x[i][j][p] - mean) / (length ? 1 : m);
                        }
                    }
                    double unit = norm.divisor() == Divisor.NOTHING ? 1 : length ? 1 / Math.max(Math.sqrt(variance), norm.eps())
                            : 1 / Math.sqrt(variance + norm.eps());
                    boolean constant = norm.divisor() == Divisor.NOTHING || length && Math.sqrt(variance) <= norm.eps();
                    double sum = 0;
                    double product = 0;
                    for (int pass = 0; pass < 2; pass++) {
                        for (int j = g * size; j < (g + 1) * size; j++) {
                            if (mask != null && !mask.keeps(i, j, p)) {
                                continue;
                            }
                            double hat = (x[i][j][p] - mean) * unit;
                            double z = norm.gamma(j) * hat + norm.beta(j);
                            double d = relu && z <= 0 ? 0 : dy[i][j][p];
                            if (pass == 0) {
                                y[i][j][p] = relu ? Math.max(z, 0) : z;
                                dGamma[j] += d * hat;
                                dBeta[j] += d;
                                sum += centered ? norm.gamma(j) * d / m : 0;
                                product += constant ? 0 : norm.gamma(j) * d * hat / (length ? 1 : m);
                            } else {
                                dx[i][j][p] = unit * (norm.gamma(j) * d - sum - hat * product);
                            }
                        }
                    }
                }
            }
        }
    }
}
