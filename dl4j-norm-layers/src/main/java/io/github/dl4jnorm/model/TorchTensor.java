// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import io.github.dl4jnorm.conf.NormParameter;
import io.github.dl4jnorm.norm.Parameter;
import io.github.dl4jnorm.pass.Slices;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.IntStream;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.conf.layers.Convolution1D;
import org.deeplearning4j.nn.conf.layers.Convolution1DLayer;
import org.deeplearning4j.nn.conf.layers.Convolution2D;
import org.deeplearning4j.nn.conf.layers.Convolution3D;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.Deconvolution2D;
import org.deeplearning4j.nn.conf.layers.Deconvolution3D;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.DepthwiseConvolution2D;
import org.deeplearning4j.nn.conf.layers.EmbeddingLayer;
import org.deeplearning4j.nn.conf.layers.EmbeddingSequenceLayer;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.PReLULayer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.conf.layers.SeparableConvolution2D;
import org.deeplearning4j.nn.conf.layers.recurrent.Bidirectional;
import org.deeplearning4j.nn.conf.layers.recurrent.SimpleRnn;
import org.nd4j.common.util.ArrayUtil;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * A parameter of Deeplearning4j's layers and the tensor that PyTorch's module of the same kind has for it:
 * {@code tensor = param.reshape(stored).permute(axes).reshape(shape)}, with the blocks along the first axis in another order.
 *
 * @param names  the tensor's names behind that of the module; of several, the parameter is the sum
 * @param param  the parameter
 * @param stored sizes of what the parameter holds, whatever its own shape says
 * @param axes   for each axis of the tensor, the axis of what is stored
 * @param blocks for each block of the tensor, the block of what is stored; gates of recurrent layers
 * @param shape  of the tensor
 * @param log    whether the base-10 logarithm of the square root is stored
 */
record TorchTensor(List<String> names, INDArray param, long[] stored, int[] axes, int[] blocks, long[] shape, boolean log) {
    private static final Set<Class<?>> LINEAR = Set.of(DenseLayer.class, OutputLayer.class, RnnOutputLayer.class);
    private static final Set<Class<?>> EMBEDDING = Set.of(EmbeddingLayer.class, EmbeddingSequenceLayer.class);
    private static final Set<Class<?>> SEQUENCE = Set.of(Convolution1DLayer.class, Convolution1D.class);
    /** [out, in, kernel…], and [in, out, height, width], as in PyTorch. */
    private static final Set<Class<?>> ALIKE = Set.of(ConvolutionLayer.class, Convolution2D.class, Convolution3D.class,
            Deconvolution2D.class);
    private static final int[] ONE = {0};
    /** PyTorch has input, forget, cell and output gate, Deeplearning4j cell, forget, output and input gate. */
    private static final int[] LSTM_GATES = {3, 1, 0, 2};

    /** Whether it is one whose weights are [in, out]. */
    static boolean isLinear(Layer layer) {
        return LINEAR.contains(layer.getClass());
    }

    /**
     * The tensors of a layer.
     *
     * @param layer  configuration without wrappers; layers of classes that are not known have none
     * @param params its parameters
     * @param image  sizes [height, width, channels] or [depth, height, width, channels] of what is flattened in this order
     *               to the layer's input, or null
     * @param number which layer of a recurrent module with several it is
     */
    static List<TorchTensor> of(Layer layer, Map<String, INDArray> params, long[] image, int number) {
        String end = "_l" + number;
        if (layer instanceof Bidirectional both) {
            List<TorchTensor> tensors = new ArrayList<>(recurrent(NormLayers.inside(both.getFwd()), without("f", params), end));
            tensors.addAll(recurrent(NormLayers.inside(both.getBwd()), without("b", params), end + "_reverse"));
            return tensors;
        }
        if (layer instanceof LSTM || layer instanceof SimpleRnn) {
            return recurrent(layer, params, end);
        }
        if (layer instanceof BatchNormalization) {
            return params.entrySet().stream().map(param -> stock(param.getKey(), param.getValue())).toList();
        }
        INDArray weight = params.get("W");
        TorchTensor tensor = weight == null ? null : weight(layer.getClass(), weight, image);
        if (tensor == null) {
            return List.of();
        }
        List<TorchTensor> tensors = new ArrayList<>(List.of(tensor));
        String prefix = "";
        if (params.containsKey("pW")) {
            prefix = "pointwise.";
            tensors.add(same(prefix + "weight", params.get("pW"), params.get("pW").shape()));
        }
        if (params.containsKey("b") && !EMBEDDING.contains(layer.getClass())) {
            tensors.add(same(prefix + "bias", params.get("b"), params.get("b").length()));
        }
        return tensors;
    }

    /** Parameters of one direction. */
    private static Map<String, INDArray> without(String prefix, Map<String, INDArray> params) {
        Map<String, INDArray> found = new LinkedHashMap<>();
        params.forEach((key, param) -> {
            if (key.startsWith(prefix)) {
                found.put(key.substring(prefix.length()), param);
            }
        });
        return found;
    }

    private static TorchTensor weight(Class<?> type, INDArray weight, long[] image) {
        long[] sizes = weight.shape();
        if (LINEAR.contains(type)) {
            long[] stored = image == null ? sizes : Arrays.copyOf(image, image.length + 1);
            int last = stored.length - 1;
            stored[last] = sizes[1];
            int[] axes = IntStream.concat(IntStream.of(last, last - 1), IntStream.range(0, last - 1)).toArray();
            return moved("weight", weight, stored, axes, sizes[1], sizes[0]);
        }
        if (ALIKE.contains(type) || EMBEDDING.contains(type)) {
            return same("weight", weight, sizes);
        }
        if (SEQUENCE.contains(type)) {
            // See LinearLayer.
            return moved("weight", weight, new long[]{sizes[2], sizes[1], sizes[0]}, new int[]{2, 1, 0},
                    sizes[0], sizes[1], sizes[2]);
        }
        if (type == Deconvolution3D.class) {
            return moved("weight", weight, sizes, new int[]{4, 3, 0, 1, 2}, sizes[4], sizes[3], sizes[0], sizes[1], sizes[2]);
        }
        if (type == DepthwiseConvolution2D.class) {
            return moved("weight", weight, sizes, new int[]{2, 3, 0, 1}, sizes[2] * sizes[3], 1, sizes[0], sizes[1]);
        }
        if (type == SeparableConvolution2D.class) {
            return moved("depthwise.weight", weight, sizes, new int[]{1, 0, 2, 3}, sizes[0] * sizes[1], 1, sizes[2], sizes[3]);
        }
        return type == PReLULayer.class && Arrays.stream(sizes).max().orElse(0) == weight.length()
                ? same("weight", weight, weight.length()) : null;
    }

    private static List<TorchTensor> recurrent(Layer layer, Map<String, INDArray> params, String end) {
        int[] gates = layer.getClass() == LSTM.class ? LSTM_GATES : layer.getClass() == SimpleRnn.class ? ONE : null;
        if (gates == null) {
            return List.of();
        }
        long size = params.get("RW").size(0);
        long all = size * gates.length;
        List<TorchTensor> tensors = new ArrayList<>();
        for (String key : List.of("W", "RW")) {
            INDArray param = params.get(key);
            long in = param.size(0);
            tensors.add(new TorchTensor(List.of((key.equals("W") ? "weight_ih" : "weight_hh") + end), param,
                    new long[]{in, gates.length, size}, new int[]{1, 2, 0}, gates, new long[]{all, in}, false));
        }
        tensors.add(new TorchTensor(List.of("bias_ih" + end, "bias_hh" + end), params.get("b"),
                new long[]{gates.length, size}, new int[]{0, 1}, gates, new long[]{all}, false));
        return tensors;
    }

    private static TorchTensor stock(String key, INDArray param) {
        return new TorchTensor(List.of(Parameter.of(key).pyTorch()), param, new long[]{param.length()}, ONE, ONE,
                new long[]{param.length()}, key.equals(NormParameter.LOG10_STDEV));
    }

    private static TorchTensor same(String name, INDArray param, long... shape) {
        return moved(name, param, shape, IntStream.range(0, shape.length).toArray(), shape);
    }

    private static TorchTensor moved(String name, INDArray param, long[] stored, int[] axes, long... shape) {
        return new TorchTensor(List.of(name), param, stored, axes, ONE, shape, false);
    }

    /** The tensors: where there are several, the parameter and zeros. */
    List<INDArray> tensors() {
        INDArray wide = param.dataType() == DataType.DOUBLE ? param : param.castTo(DataType.FLOAT);
        INDArray given = log ? each(param, NormArrays::variance).castTo(wide.dataType()) : wide;
        INDArray tensor = reordered(given.dup('c').reshape('c', stored).permute(axes), blocks).dup('c').reshape('c', shape);
        List<INDArray> tensors = new ArrayList<>(List.of(tensor));
        while (tensors.size() < names.size()) {
            tensors.add(Nd4j.zeros(tensor.dataType(), shape));
        }
        return tensors;
    }

    /** What the parameter has to be for such tensors. */
    INDArray param(List<INDArray> tensors) {
        INDArray sum = tensors.size() == 1 ? tensors.get(0) : tensors.stream().reduce(INDArray::add).orElseThrow();
        INDArray given = log ? each(sum, NormArrays::log10Stdev) : sum;
        long[] moved = Arrays.stream(axes).mapToLong(axis -> stored[axis]).toArray();
        return reordered(given.reshape('c', moved), ArrayUtil.invertPermutation(blocks))
                .permute(ArrayUtil.invertPermutation(axes)).dup('c').reshape('c', param.shape()).castTo(param.dataType());
    }

    private static INDArray each(INDArray values, DoubleUnaryOperator function) {
        return Nd4j.createFromArray(Arrays.stream(BatchNormMap.doubles(values)).map(function).toArray());
    }

    private static INDArray reordered(INDArray array, int[] blocks) {
        return blocks.length == 1 ? array : Nd4j.concat(0, Arrays.stream(blocks)
                .mapToObj(block -> Slices.range(array, 0, block, block + 1)).toArray(INDArray[]::new));
    }
}
