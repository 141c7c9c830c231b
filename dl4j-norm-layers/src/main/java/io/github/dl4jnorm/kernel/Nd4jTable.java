// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.norm.Affine;
import io.github.dl4jnorm.norm.Affine.Coefficients;
import io.github.dl4jnorm.norm.GradAffine;
import io.github.dl4jnorm.norm.View;
import java.util.Arrays;
import org.nd4j.linalg.api.buffer.DataType;

/**
 * Coefficients of all examples and channels. The center is the mean rounded to the type of the arithmetic; what it lost goes
 * into the shifts, where it is small.
 */
final class Nd4jTable {
    /** The working type, or DOUBLE where differences of the largest numbers of FLOAT would leave its range. */
    final DataType type;
    final double[] scale;
    final double[] center;
    final double[] unit;
    final double[] shift;
    /** The center as it is rounded less the center. */
    final double[] lost;
    /** Whether anything is subtracted. */
    final boolean centered;

    Nd4jTable(View view, Affine affine, DataType working) {
        int channels = view.channels();
        int cells = view.examples() * channels;
        scale = new double[cells];
        center = new double[cells];
        unit = new double[cells];
        shift = new double[cells];
        lost = new double[cells];
        Coefficients k = new Coefficients(channels);
        boolean moderate = true;
        for (int n = 0; n < view.examples(); n++) {
            affine.row(n, 0, channels, k);
            System.arraycopy(k.scale, 0, scale, n * channels, channels);
            System.arraycopy(k.center, 0, center, n * channels, channels);
            System.arraycopy(k.unit, 0, unit, n * channels, channels);
            System.arraycopy(k.shift, 0, shift, n * channels, channels);
            for (int c = 0; c < channels; c++) {
                // NaN or infinity in the input is to change nothing outside of its group, not even by rounding.
                k.unit[c] = Double.isNaN(k.unit[c]) ? 1 : k.unit[c];
            }
            moderate &= Range.moderate(k.unit, channels);
        }
        type = moderate ? working : DataType.DOUBLE;
        for (int cell = 0; type != DataType.DOUBLE && cell < cells; cell++) {
            lost[cell] = (float) center[cell] - center[cell];
            center[cell] = (float) center[cell];
            shift[cell] += scale[cell] * lost[cell];
        }
        centered = Arrays.stream(center).anyMatch(value -> value != 0);
    }

    /** Whether elements less these pivots, of a type, are elements less the centers. */
    boolean isCenteredOn(double[] pivots, DataType ofPivots) {
        return type == ofPivots && Arrays.equals(center, pivots);
    }

    /** Whether {@code y = x}. */
    boolean isIdentity() {
        return !centered && Arrays.stream(scale).allMatch(value -> value == 1)
                && Arrays.stream(shift).allMatch(value -> value == 0);
    }

    /** What brings x − center to the size of 1 and can be divided by. */
    double[] factors() {
        return Arrays.stream(unit).map(Nd4jTable::factor).toArray();
    }

    private static double factor(double unit) {
        return unit == 0 || Double.isInfinite(unit) ? 1 : unit;
    }

    /** Slope and shift of the gradient with respect to the input: the slope of (x − center)·factor. */
    double[][] gradient(View view, Affine affine, GradAffine grad) {
        int channels = view.channels();
        double[][] slopeAndShift = new double[2][scale.length];
        Coefficients k = new Coefficients(channels);
        double[] slopes = new double[channels];
        double[] shifts = new double[channels];
        for (int n = 0; n < view.examples(); n++) {
            affine.row(n, 0, channels, k);
            grad.row(n, 0, channels, k, slopes, shifts);
            for (int c = 0; c < channels; c++) {
                int cell = n * channels + c;
                slopeAndShift[0][cell] = slopes[c] * (unit[cell] / factor(unit[cell]));
                slopeAndShift[1][cell] = shifts[c] + slopes[c] * unit[cell] * lost[cell];
            }
        }
        return slopeAndShift;
    }
}
