// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

/** Says which axis of an array holds the channels. Axis 0 always holds the examples. */
public enum Layout {
    /** Channels in axis 1: {@code [N, C]}, {@code [N, C, T]}, {@code [N, C, H, W]}, {@code [N, C, D, H, W]}. */
    CHANNELS_FIRST,
    /** Channels in the last axis: {@code [N, C]}, {@code [N, T, C]}, {@code [N, H, W, C]}, {@code [N, D, H, W, C]}. */
    CHANNELS_LAST
}
