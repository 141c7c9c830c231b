// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.InputPreProcessor;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.Convolution3D;
import org.deeplearning4j.nn.conf.memory.LayerMemoryReport;
import org.deeplearning4j.nn.conf.memory.MemoryReport;
import org.deeplearning4j.nn.conf.preprocessor.FeedForwardToCnnPreProcessor;

/** What a norm needs to know of Deeplearning4j's input types. */
record InputTypes(InputType type, long channels, boolean channelsLast, int rank) {

    /** Of a type; dense input has its channels wherever it is told. */
    static InputTypes of(InputType type, boolean lastIfDense) {
        return switch (type.getType()) {
            case FF -> new InputTypes(type, ((InputType.InputTypeFeedForward) type).getSize(), lastIfDense, 2);
            case RNN -> {
                InputType.InputTypeRecurrent rnn = (InputType.InputTypeRecurrent) type;
                yield new InputTypes(type, rnn.getSize(), rnn.getFormat() == RNNFormat.NWC, 3);
            }
            case CNN -> {
                InputType.InputTypeConvolutional cnn = (InputType.InputTypeConvolutional) type;
                yield new InputTypes(type, cnn.getChannels(), cnn.getFormat() == CNN2DFormat.NHWC, 4);
            }
            // A preprocessor makes NCHW of it.
            case CNNFlat -> new InputTypes(type, ((InputType.InputTypeConvolutionalFlat) type).getDepth(), false, 4);
            case CNN3D -> {
                InputType.InputTypeConvolutional3D cnn = (InputType.InputTypeConvolutional3D) type;
                yield new InputTypes(type, cnn.getChannels(), cnn.getDataFormat() == Convolution3D.DataFormat.NDHWC, 5);
            }
        };
    }

    InputPreProcessor preProcessor() {
        if (type instanceof InputType.InputTypeConvolutionalFlat flat) {
            return new FeedForwardToCnnPreProcessor(flat.getHeight(), flat.getWidth(), flat.getDepth());
        }
        return null;
    }

    LayerMemoryReport memoryReport(NormLayer layer) {
        long parameters = 0;
        long updaterState = 0;
        for (NormParameter parameter : layer.parameters()) {
            parameters += parameter.length();
            updaterState += layer.getUpdaterByParam(parameter.name()).stateSize(parameter.length());
        }
        // Besides input and output a norm holds tables for each example and channel, in double: moments and sums.
        long perExample = rank == 2 ? 0 : 6 * channels * 2;
        long fixed = 6 * channels * 2;
        return new LayerMemoryReport.Builder(layer.getLayerName(), layer.getClass(), type, type)
                .standardMemory(parameters, updaterState)
                .workingMemory(fixed, perExample, fixed, perExample)
                .cacheMemory(MemoryReport.CACHE_MODE_ALL_ZEROS, MemoryReport.CACHE_MODE_ALL_ZEROS)
                .build();
    }
}
