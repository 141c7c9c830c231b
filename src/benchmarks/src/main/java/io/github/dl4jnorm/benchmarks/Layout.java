// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.inputs.InputType;

/** How the numbers of an array lie in memory. */
enum Layout {
    ROWS, NCW, NCHW, NHWC;

    long[] shape(Case c) {
        return switch (this) {
            case ROWS -> new long[]{c.examples(), c.channels()};
            case NCW -> new long[]{c.examples(), c.channels(), c.width()};
            case NCHW -> new long[]{c.examples(), c.channels(), c.height(), c.width()};
            case NHWC -> new long[]{c.examples(), c.height(), c.width(), c.channels()};
        };
    }

    InputType inputType(Case c) {
        return switch (this) {
            case ROWS -> InputType.feedForward(c.channels());
            case NCW -> InputType.recurrent(c.channels(), c.width());
            case NCHW -> InputType.convolutional(c.height(), c.width(), c.channels(), CNN2DFormat.NCHW);
            case NHWC -> InputType.convolutional(c.height(), c.width(), c.channels(), CNN2DFormat.NHWC);
        };
    }
}
