// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import java.util.List;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.InputPreProcessor;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.Convolution3D;
import org.deeplearning4j.nn.conf.memory.LayerMemoryReport;
import org.deeplearning4j.nn.conf.memory.MemoryReport;
import org.deeplearning4j.nn.conf.preprocessor.FeedForwardToCnnPreProcessor;

/**
 * Holds what a norm needs to know of Deeplearning4j's input types. Only this class uses the classes behind {@link InputType},
 * which later versions of Deeplearning4j have in other places.
 *
 * @param type         the input type
 * @param channels     number of channels
 * @param channelsLast whether the channels are the last axis
 * @param positions    sizes of the other axes behind that of the examples: none, T, H and W, or D, H and W
 */
public record InputTypes(InputType type, long channels, boolean channelsLast, List<Long> positions) {

    /**
     * Reads an input type.
     *
     * @param type        the input type; flattened images are seen as the NCHW that a preprocessor makes of them
     * @param lastIfDense where dense input, which has one axis, is to have its channels
     * @return what it says
     */
    public static InputTypes of(InputType type, boolean lastIfDense) {
        return switch (type.getType()) {
            case FF -> new InputTypes(type, ((InputType.InputTypeFeedForward) type).getSize(), lastIfDense, List.of());
            case RNN -> {
                InputType.InputTypeRecurrent rnn = (InputType.InputTypeRecurrent) type;
                yield new InputTypes(type, rnn.getSize(), rnn.getFormat() == RNNFormat.NWC, List.of(rnn.getTimeSeriesLength()));
            }
            case CNN -> {
                InputType.InputTypeConvolutional cnn = (InputType.InputTypeConvolutional) type;
                yield new InputTypes(type, cnn.getChannels(), cnn.getFormat() == CNN2DFormat.NHWC,
                        List.of(cnn.getHeight(), cnn.getWidth()));
            }
            case CNNFlat -> {
                InputType.InputTypeConvolutionalFlat flat = (InputType.InputTypeConvolutionalFlat) type;
                yield new InputTypes(type, flat.getDepth(), false, List.of(flat.getHeight(), flat.getWidth()));
            }
            case CNN3D -> {
                InputType.InputTypeConvolutional3D cnn = (InputType.InputTypeConvolutional3D) type;
                yield new InputTypes(type, cnn.getChannels(), cnn.getDataFormat() == Convolution3D.DataFormat.NDHWC,
                        List.of(cnn.getDepth(), cnn.getHeight(), cnn.getWidth()));
            }
        };
    }

    /** {@return the rank of arrays of this type} */
    public int rank() {
        return 2 + positions.size();
    }

    InputPreProcessor preProcessor() {
        return type.getType() == InputType.Type.CNNFlat
                ? new FeedForwardToCnnPreProcessor(positions.get(0), positions.get(1), channels) : null;
    }

    LayerMemoryReport memoryReport(NormLayer layer) {
        long parameters = 0;
        long updaterState = 0;
        for (NormParameter parameter : layer.parameters()) {
            parameters += parameter.length();
            updaterState += layer.getUpdaterByParam(parameter.name()).stateSize(parameter.length());
        }
        // Besides input and output a norm holds tables for each example and channel, in double: moments and sums.
        long perExample = rank() == 2 ? 0 : 6 * channels * 2;
        long fixed = 6 * channels * 2;
        return new LayerMemoryReport.Builder(layer.getLayerName(), layer.getClass(), type, type)
                .standardMemory(parameters, updaterState)
                .workingMemory(fixed, perExample, fixed, perExample)
                .cacheMemory(MemoryReport.CACHE_MODE_ALL_ZEROS, MemoryReport.CACHE_MODE_ALL_ZEROS)
                .build();
    }
}
