// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

/** Coefficients of columns in ${lane}. */
abstract class ${Lane}ColumnTables implements ColumnOps {
    ${lane}[] zoom = {};
    /** −center. */
    ${lane}[] offset = {};
    ${lane}[] factor = {};
    ${lane}[] shift = {};
    ${lane}[] scale = {};
    ${lane}[] slope = {};
    ${lane}[] gradShift = {};

    @Override
    public final void columns(int size) {
        if (size > zoom.length) {
            zoom = new ${lane}[size];
            offset = new ${lane}[size];
            factor = new ${lane}[size];
            shift = new ${lane}[size];
            scale = new ${lane}[size];
            slope = new ${lane}[size];
            gradShift = new ${lane}[size];
        }
    }

    @Override
    public final void set(int column, Line k) {
        zoom[column] = (${lane}) k.zoom;
        offset[column] = (${lane}) -k.center;
        factor[column] = (${lane}) k.factor;
        shift[column] = (${lane}) k.shift;
        scale[column] = (${lane}) k.scale;
        slope[column] = (${lane}) k.slope;
        gradShift[column] = (${lane}) k.gradShift;
    }

    static void add(${lane}[] sums, int length, double[] into, int from) {
        for (int i = 0; i < length; i++) {
            into[from + i] += sums[i];
        }
    }
}
