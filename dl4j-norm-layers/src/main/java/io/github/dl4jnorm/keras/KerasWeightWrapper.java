// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.keras;

import io.github.dl4jnorm.conf.Reparameterization;
import io.github.dl4jnorm.conf.SpectralNormalization;
import io.github.dl4jnorm.conf.WeightNormalization;
import io.github.dl4jnorm.conf.WeightShape;
import io.github.dl4jnorm.model.WeightFusion;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.modelimport.keras.KerasLayer;
import org.deeplearning4j.nn.modelimport.keras.exceptions.InvalidKerasConfigurationException;
import org.deeplearning4j.nn.modelimport.keras.layers.convolutional.KerasConvolution1D;
import org.deeplearning4j.nn.modelimport.keras.layers.convolutional.KerasConvolution2D;
import org.deeplearning4j.nn.modelimport.keras.layers.convolutional.KerasConvolution3D;
import org.deeplearning4j.nn.modelimport.keras.layers.convolutional.KerasDeconvolution2D;
import org.deeplearning4j.nn.modelimport.keras.layers.convolutional.KerasDeconvolution3D;
import org.deeplearning4j.nn.modelimport.keras.layers.core.KerasDense;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.params.DefaultParamInitializer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.ops.transforms.Transforms;

/**
 * A wrapper of Keras that normalizes the kernel of a layer. Where it takes the same weights together as this library's
 * wrapper, that becomes of it, with what it has learned; elsewhere the layer inside gets the kernel that it has at test time.
 */
final class KerasWeightWrapper {
    private static final String SPECTRAL = "SpectralNormalization";
    /** That of TensorFlow Probability. */
    private static final String PROBABILITY = "WeightNorm";
    private static final Set<String> KNOWN = Set.of(SPECTRAL, "WeightNormalization", PROBABILITY);
    private static final String KERNEL = "kernel";
    /** Below it, Keras takes it for the square of a length. */
    private static final double LEAST_SQUARE = 1e-12;

    private final KerasOptions options;
    private final String kind;
    private final int powerIterations;
    /** u or g, if this library's wrapper is to have it. */
    private INDArray vector;

    private KerasWeightWrapper(KerasOptions options, String kind) throws InvalidKerasConfigurationException {
        this.options = options;
        this.kind = kind;
        powerIterations = options.integer("power_iterations", 1);
        if (powerIterations < 1) {
            throw options.invalid("power_iterations >= 1", powerIterations);
        }
    }

    /** The wrapper that a layer of a model is, or null. */
    static KerasWeightWrapper of(Map<String, Object> layer) throws InvalidKerasConfigurationException {
        String className = String.valueOf(layer.get("class_name"));
        String kind = className.replace(KerasImport.ADDONS, "");
        if (!KNOWN.contains(kind)) {
            return null;
        }
        Object name = layer.get("config") instanceof Map<?, ?> config ? config.get("name") : null;
        return new KerasWeightWrapper(new KerasOptions(className, String.valueOf(name), layer), kind);
    }

    private boolean isSpectral() {
        return kind.equals(SPECTRAL);
    }

    /**
     * Takes its own arrays from those of the layer inside, whose kernel becomes that of test time unless this library's wrapper
     * computes it.
     */
    void take(KerasLayer layer, Map<String, INDArray> weights) throws InvalidKerasConfigurationException {
        INDArray own = isSpectral() ? weights.containsKey("sn_u") ? weights.remove("sn_u") : weights.remove("vector_u")
                : weights.remove("g");
        // Weight normalization of recurrent layers is one of the recurrent kernel.
        String key = !isSpectral() && weights.containsKey("recurrent_kernel") ? "recurrent_kernel" : KERNEL;
        INDArray kernel = isSpectral() && weights.containsKey("embeddings") ? weights.get("embeddings") : weights.get(key);
        boolean transposed = layer instanceof KerasDeconvolution2D || layer instanceof KerasDeconvolution3D;
        boolean unitsLast = !transposed || !kind.equals(PROBABILITY);
        int axis = kernel == null ? 0 : kernel.rank() - (unitsLast ? 1 : 2);
        if (own == null || kernel == null || own.length() != kernel.size(axis)) {
            throw options.invalid((isSpectral() ? "a vector u" : "g") + " with one element per "
                    + (transposed && unitsLast ? "input channel" : "unit") + " of the kernel",
                    own == null ? "weights " + weights.keySet() : own.length() + " and weights " + weights.keySet());
        }
        if (isSpectral() && !(own.norm2Number().doubleValue() > 0)) {
            throw options.invalid("a vector u with a positive norm", own.norm2Number());
        }
        boolean sameUnits = layer instanceof KerasDense || layer instanceof KerasConvolution1D
                || layer instanceof KerasConvolution2D || layer instanceof KerasConvolution3D || transposed && !unitsLast;
        if (sameUnits && WeightShape.of(layer.getLayer()) != null && !isConstrained(layer)) {
            vector = own.reshape(own.length());
        } else if (!isSpectral()) {
            weights.put(key, ofLength(own, kernel, axis));
        }
    }

    /** Constraints on weights that are computed have no meaning; this library refuses them. */
    private static boolean isConstrained(KerasLayer layer) {
        return layer.getLayer().getConstraints() != null && layer.getLayer().getConstraints().stream()
                .anyMatch(constraint -> constraint.getParams().contains(DefaultParamInitializer.WEIGHT_KEY));
    }

    /** g·v/‖v‖ for each place on an axis. */
    private static INDArray ofLength(INDArray length, INDArray direction, int axis) {
        long[] shape = new long[direction.rank()];
        Arrays.fill(shape, 1);
        shape[axis] = length.length();
        int[] others = IntStream.range(0, shape.length).filter(i -> i != axis).toArray();
        INDArray exact = direction.castTo(DataType.DOUBLE);
        INDArray norm = Transforms.sqrt(Transforms.max(exact.mul(exact).sum(true, others), LEAST_SQUARE));
        INDArray factor = length.castTo(DataType.DOUBLE).reshape(shape).div(norm.reshape(shape));
        return exact.mul(factor.broadcast(direction.shape())).castTo(direction.dataType());
    }

    /** The network with this library's wrappers around layers whose kernels were left as they are before normalization. */
    static Model around(Model net, Map<String, KerasWeightWrapper> wrappers) {
        List<String> names = wrappers.keySet().stream().filter(name -> wrappers.get(name).vector != null).toList();
        if (names.isEmpty()) {
            return net;
        }
        Model wrapped = WeightFusion.unfuse(net,
                (name, layer) -> names.contains(name) ? wrappers.get(name).around(layer) : null);
        for (String name : names) {
            wrappers.get(name).setParameters(wrapped instanceof MultiLayerNetwork sequence ? sequence.getLayer(name)
                    : ((ComputationGraph) wrapped).getLayer(name));
        }
        return wrapped;
    }

    private Reparameterization around(org.deeplearning4j.nn.conf.layers.Layer layer) {
        return isSpectral() ? new SpectralNormalization.Builder(layer).powerIterations(powerIterations).build()
                : new WeightNormalization(layer);
    }

    private void setParameters(Layer made) {
        String key = DefaultParamInitializer.WEIGHT_KEY;
        if (!isSpectral()) {
            made.setParam(key + WeightNormalization.GAIN, vector);
            return;
        }
        // Keras replaces the kernel by the normalized one in each training step and takes it as it is at test time. So that the
        // same comes out until the next training step, v is given the length with which uᵀ·V·v is 1.
        INDArray u = vector.castTo(DataType.DOUBLE);
        u = u.div(u.norm2Number().doubleValue());
        WeightShape shape = WeightShape.of(((Reparameterization) made.getConfig()).getUnderlying()).get(0);
        INDArray kernel = shape.view(made.getParam(key)).castTo(DataType.DOUBLE);
        INDArray v = kernel.mul(u.reshape(1, shape.units(), 1).broadcast(kernel.shape())).sum(1).reshape(shape.inputs());
        v = v.div(Math.max(v.mul(v).sumNumber().doubleValue(), Double.MIN_NORMAL));
        made.setParam(key + SpectralNormalization.LEFT, u.castTo(vector.dataType()));
        made.setParam(key + SpectralNormalization.RIGHT, v.castTo(vector.dataType()));
    }
}
