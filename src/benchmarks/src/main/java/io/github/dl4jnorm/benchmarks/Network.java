// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import java.util.Locale;

/** The networks whose training steps are measured, on images of 3 x 32 x 32. */
enum Network {
    /** Four convolutions and a classifier. */
    CNN("CNN", "four times (convolution 3x3 of 16 channels, norm, ReLU), global average pooling and a dense layer of 10 "
            + "classes") {
        @Override
        <T> void build(NetworkBuilder<T> builder) {
            T x = builder.input();
            for (int i = 0; i < 4; i++) {
                x = builder.block(x, 16, 3, 1, true);
            }
            builder.classes(x);
        }
    },

    /** Residual blocks (He, Zhang, Ren and Sun 2016, arXiv 1512.03385) in three stages. */
    RESNET("ResNet", "a convolution 3x3 of 16 channels, then three stages of 16, 32 and 64 channels with two residual blocks "
            + "each (two convolutions 3x3 with norms; a convolution 1x1 with a norm as shortcut where the stride is 2), global "
            + "average pooling and a dense layer of 10 classes") {
        @Override
        <T> void build(NetworkBuilder<T> builder) {
            T x = builder.block(builder.input(), 16, 3, 1, true);
            for (int channels = 16; channels <= 64; channels *= 2) {
                x = residual(builder, x, channels, channels == 16 ? 1 : 2);
                x = residual(builder, x, channels, 1);
            }
            builder.classes(x);
        }
    },

    /** A U-Net (Ronneberger, Fischer and Brox 2015, arXiv 1505.04597) of two levels. */
    UNET("U-Net", "two convolutions 3x3 with norms and ReLUs on each level: 16 channels at 32x32, 32 at 16x16, 64 at 8x8, and "
            + "back; max pooling 2x2 on the way down, transposed convolution 2x2 and concatenation on the way up, a convolution "
            + "1x1 and a sigmoid for each pixel") {
        @Override
        <T> void build(NetworkBuilder<T> builder) {
            T fine = twice(builder, builder.input(), 16);
            T middle = twice(builder, builder.halved(fine), 32);
            T coarse = twice(builder, builder.halved(middle), 64);
            T back = twice(builder, builder.joined(middle, builder.doubled(coarse, 32)), 32);
            builder.pixels(twice(builder, builder.joined(fine, builder.doubled(back, 16)), 16));
        }
    };

    private final String title;
    private final String description;

    Network(String title, String description) {
        this.title = title;
        this.description = description;
    }

    /** Builds the network from its input to its output. */
    abstract <T> void build(NetworkBuilder<T> builder);

    private static <T> T residual(NetworkBuilder<T> builder, T x, int channels, int stride) {
        T inner = builder.block(x, channels, 3, stride, true);
        T outer = builder.block(inner, channels, 3, 1, false);
        return builder.added(outer, stride == 1 ? x : builder.block(x, channels, 1, stride, false));
    }

    private static <T> T twice(NetworkBuilder<T> builder, T x, int channels) {
        return builder.block(builder.block(x, channels, 3, 1, true), channels, 3, 1, true);
    }

    /** As tables name it. */
    String title() {
        return title;
    }

    String description() {
        return description;
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
