// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.convolution;

/** A layer on oneDNN. */
interface Fast {
    /** {@return the shape of a small input that oneDNN computes, null if there is none} */
    long[] sample();
}
