// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

/** Which axis of an array holds the channels; axis 0 always holds the examples. */
public enum Layout {
    /** Axis 1: {@code [N, C]}, {@code [N, C, T]}, {@code [N, C, H, W]}, {@code [N, C, D, H, W]}. */
    CHANNELS_FIRST,
    /** The last axis: {@code [N, C]}, {@code [N, T, C]}, {@code [N, H, W, C]}, {@code [N, D, H, W, C]}. */
    CHANNELS_LAST
}
