// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.norm.Affine.Coefficients;
import java.util.Arrays;

/**
 * What a thread fills anew for the channels of each row and block. It lasts as long as the thread: for small input, to allocate
 * it takes as long as to fill it.
 */
final class RowTables {
    Coefficients coefficients = new Coefficients(0);
    double[] slopes = {};
    double[] shifts = {};
    double[] sums = {};
    double[] products = {};

    /** Makes room for some channels; what was in the tables may be lost. */
    void makeRoom(int channels) {
        // The last to be made: if one cannot be, the next pass tries again.
        if (channels > products.length) {
            coefficients = new Coefficients(channels);
            slopes = new double[channels];
            shifts = new double[channels];
            sums = new double[channels];
            products = new double[channels];
        }
    }

    /** The sums of some channels begin anew, at 0. */
    void startSums(int channels) {
        makeRoom(channels);
        Arrays.fill(sums, 0, channels, 0);
        Arrays.fill(products, 0, channels, 0);
    }
}
