// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.keras;

import io.github.dl4jnorm.conf.InputTypes;
import io.github.dl4jnorm.conf.NormBuilder;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.NormParameter;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.Convolution3D;
import org.deeplearning4j.nn.modelimport.keras.KerasLayer;
import org.deeplearning4j.nn.modelimport.keras.exceptions.InvalidKerasConfigurationException;
import org.deeplearning4j.nn.modelimport.keras.exceptions.UnsupportedKerasConfigurationException;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * What the imports of normalization layers have in common. Options are looked at when the type of the input is known:
 * only then can an axis be told from another, and exceptions thrown earlier would not reach the caller as they are.
 */
abstract class KerasNorm extends KerasLayer {
    private static final double KERAS_EPSILON = 1e-3;

    private final KerasOptions options;
    private InputType outputType;
    private boolean inputChannelsLast;

    /** Keeps the configuration; weights are checked against {@link #weightNames}. */
    KerasNorm(Map<String, Object> layerConfig)
            throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        super(layerConfig, false);
        options = new KerasOptions(className, layerName, layerConfig);
    }

    final KerasOptions options() {
        return options;
    }

    /** Whether the model has the channels of the layer's input last. */
    final boolean isInputChannelsLast() {
        return inputChannelsLast;
    }

    /** What Keras adds if the configuration does not say. */
    double defaultEpsilon() {
        return KERAS_EPSILON;
    }

    /** Whether the weights are in the file. */
    boolean isStored() {
        return true;
    }

    /** Whether channels are the last axis of input of a rank. */
    boolean channelsLast(int rank) throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        return options.channelsLast(rank);
    }

    /** The norm for input of a rank, without what {@link #common} sets. */
    abstract NormBuilder<?, ?> builder(int rank, int channels)
            throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException;

    /** Keras's names of weights, by name of the parameter. */
    Map<String, String> weightNames() throws InvalidKerasConfigurationException {
        Map<String, String> names = new LinkedHashMap<>();
        if (options.flag("scale", true)) {
            names.put(NormParameter.GAMMA, "gamma");
        }
        if (options.flag("center", true)) {
            names.put(NormParameter.BETA, "beta");
        }
        return names;
    }

    @Override
    public InputType getOutputType(InputType... inputType)
            throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        if (inputType.length != 1 || inputType[0] == null) {
            throw options.invalid("one input of known type", inputType.length);
        }
        if (outputType == null) {
            long[] shape = shape(inputType[0]);
            int rank = shape.length + 1;
            inputChannelsLast = InputTypes.of(inputType[0], true).channelsLast();
            boolean last = channelsLast(rank);
            int channels = Math.toIntExact(shape[last ? rank - 2 : 0]);
            if (channels < 1) {
                throw options.invalid("a known number of channels", inputType[0]);
            }
            NormLayer norm = common(builder(rank, channels), rank, last, channels);
            outputType = type(inputType[0], shape, last);
            norm.setNIn(outputType, false);
            layer = norm;
        }
        return outputType;
    }

    private NormLayer common(NormBuilder<?, ?> builder, int rank, boolean last, int channels)
            throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        if (rank > 2) {
            builder.channelsLast(last);
        }
        return builder.name(layerName).nIn(channels).nOut(channels)
                .eps(options.number("epsilon", defaultEpsilon()))
                .scale(weightNames().containsKey(NormParameter.GAMMA))
                .center(weightNames().containsKey(NormParameter.BETA))
                .gammaInit(options.initializer("gamma_initializer", 1))
                .betaInit(options.initializer("beta_initializer", 0))
                .gammaRegularization(options.regularizer("gamma_regularizer"))
                .betaRegularization(options.regularizer("beta_regularizer"))
                .constrainGamma(options.constraint("gamma_constraint", conf))
                .constrainBeta(options.constraint("beta_constraint", conf)).build();
    }

    /** The axes behind that of the examples, as the array has them. */
    private long[] shape(InputType type) throws InvalidKerasConfigurationException {
        if (type.getType() == InputType.Type.CNNFlat) {
            throw options.invalid("dense input, a sequence, an image or a volume", type);
        }
        InputTypes known = InputTypes.of(type, true);
        return ordered(known.channelsLast(), known.channels(), known.positions().stream().mapToLong(size -> size).toArray());
    }

    private static long[] ordered(boolean last, long channels, long... positions) {
        long[] shape = new long[positions.length + 1];
        System.arraycopy(positions, 0, shape, last ? 0 : 1, positions.length);
        shape[last ? positions.length : 0] = channels;
        return shape;
    }

    /** The same array with its channels where this layer sees them. */
    private static InputType type(InputType given, long[] shape, boolean last) {
        long c = shape[last ? shape.length - 1 : 0];
        long[] p = last ? Arrays.copyOf(shape, shape.length - 1) : Arrays.copyOfRange(shape, 1, shape.length);
        return switch (given.getType()) {
            case RNN -> InputType.recurrent(c, p[0], last ? RNNFormat.NWC : RNNFormat.NCW);
            case CNN -> InputType.convolutional(p[0], p[1], c, last ? CNN2DFormat.NHWC : CNN2DFormat.NCHW);
            case CNN3D -> InputType.convolutional3D(last ? Convolution3D.DataFormat.NDHWC : Convolution3D.DataFormat.NCDHW,
                    p[0], p[1], p[2], c);
            default -> given;
        };
    }

    @Override
    public int getNumParams() {
        try {
            return weightNames().size();
        } catch (InvalidKerasConfigurationException e) {
            throw new IllegalStateException(e.getMessage(), e);
        }
    }

    @Override
    public void setWeights(Map<String, INDArray> given) throws InvalidKerasConfigurationException {
        Map<String, String> names = weightNames();
        if (!given.keySet().equals(new HashSet<>(names.values()))) {
            throw options.invalid("weights " + names.values(), List.copyOf(given.keySet()));
        }
        Map<String, Long> lengths = new HashMap<>();
        if (layer != null) {
            ((NormLayer) layer).parameters().forEach(parameter -> lengths.put(parameter.name(), parameter.length()));
        }
        Map<String, INDArray> checked = new HashMap<>();
        for (Map.Entry<String, String> name : names.entrySet()) {
            INDArray array = given.get(name.getValue());
            long length = lengths.getOrDefault(name.getKey(), array.length());
            if (array.length() != length) {
                throw options.invalid(length + " elements in " + name.getValue(), "shape " + Arrays.toString(array.shape()));
            }
            checked.put(name.getKey(), array.reshape(array.length()));
        }
        weights = checked;
    }
}
