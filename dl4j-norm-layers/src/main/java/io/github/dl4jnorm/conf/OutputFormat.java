// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.layers.Convolution1DLayer;
import org.deeplearning4j.nn.conf.layers.Convolution3D;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.Deconvolution3D;
import org.deeplearning4j.nn.conf.layers.Layer;

/** Tells the data format of the output of dense layers and convolutions. */
public final class OutputFormat {
    private OutputFormat() {
    }

    /**
     * Returns whether the channels of a layer's output are the last axis.
     *
     * @param layer configuration of a layer
     * @return true for channels-last; false for channels-first and for layers without a data format
     */
    public static boolean isChannelsLast(Layer layer) {
        if (layer instanceof Convolution1DLayer sequence) {
            return sequence.getRnnDataFormat() == RNNFormat.NWC;
        }
        if (layer instanceof Convolution3D volume) {
            return volume.getDataFormat() == Convolution3D.DataFormat.NDHWC;
        }
        if (layer instanceof Deconvolution3D volume) {
            return volume.getDataFormat() == Convolution3D.DataFormat.NDHWC;
        }
        return layer instanceof ConvolutionLayer image && image.getCnn2dDataFormat() == CNN2DFormat.NHWC;
    }
}
