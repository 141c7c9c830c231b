// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import io.github.dl4jnorm.conf.SelfAttention;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.deeplearning4j.exception.DL4JInvalidInputException;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.gradient.DefaultGradient;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.layers.BaseLayer;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.ndarray.INDArray;

/** The running layer of {@link SelfAttention}: layouts and masks around an {@link AttentionPass}. */
public class SelfAttentionRunner extends BaseLayer<SelfAttention> {
    private static final long serialVersionUID = 1L;

    /**
     * A layer without parameters yet.
     *
     * @param conf     configuration that holds the layer's
     * @param dataType type of parameters and activations
     */
    public SelfAttentionRunner(NeuralNetConfiguration conf, DataType dataType) {
        super(conf, dataType);
    }

    @Override
    public boolean isPretrainLayer() {
        return false;
    }

    /** [N, C, T] as [N, T, C], or itself; the same permutation leads back. */
    private INDArray stepsFirst(INDArray array) {
        return layerConf().isChannelsLast() ? array : array.permute(0, 2, 1);
    }

    /** As [N·T, C]. */
    private INDArray rows(INDArray array) {
        INDArray ordered = stepsFirst(array.castTo(dataType)).dup('c');
        return ordered.reshape('c', ordered.size(0) * ordered.size(1), ordered.size(2));
    }

    /** Writes rows into an array [N, C, T] or [N, T, C]. */
    private void write(INDArray rows, INDArray into) {
        INDArray ordered = stepsFirst(into);
        ordered.assign(rows.dup('c').reshape('c', ordered.shape()));
    }

    private AttentionPass pass(boolean training, LayerWorkspaceMgr workspaceMgr) {
        Map<String, INDArray> current = new LinkedHashMap<>();
        params.keySet().forEach(name -> current.put(name, getParamWithNoise(name, training, workspaceMgr)));
        return new AttentionPass(layerConf(), current, rows(input), input.size(0));
    }

    private long[] outputShape() {
        long[] shape = input.shape().clone();
        shape[layerConf().isChannelsLast() ? 2 : 1] = layerConf().getNOut();
        return shape;
    }

    @Override
    public INDArray activate(boolean training, LayerWorkspaceMgr workspaceMgr) {
        assertInputSet(false);
        checkInput();
        applyDropOutIfNecessary(training, workspaceMgr);
        INDArray y = workspaceMgr.createUninitialized(ArrayType.ACTIVATIONS, dataType, outputShape(), 'c');
        try (MemoryWorkspace ws = workspaceMgr.notifyScopeBorrowed(ArrayType.FF_WORKING_MEM)) {
            write(pass(training, workspaceMgr).forward(maskArray), y);
        }
        return y;
    }

    @Override
    public Pair<Gradient, INDArray> backpropGradient(INDArray epsilon, LayerWorkspaceMgr workspaceMgr) {
        assertInputSet(true);
        checkInput();
        if (!Arrays.equals(epsilon.shape(), outputShape())) {
            throw new DL4JInvalidInputException(layerId() + ": expected a gradient of shape " + Arrays.toString(outputShape())
                    + ", got " + Arrays.toString(epsilon.shape()));
        }
        INDArray dx = workspaceMgr.createUninitialized(ArrayType.ACTIVATION_GRAD, dataType, input.shape(), 'c');
        try (MemoryWorkspace ws = workspaceMgr.notifyScopeBorrowed(ArrayType.BP_WORKING_MEM)) {
            AttentionPass pass = pass(true, workspaceMgr);
            pass.forward(maskArray);
            write(pass.backward(rows(epsilon), gradientViews), dx);
        }
        weightNoiseParams.clear();
        Gradient gradient = new DefaultGradient(gradientsFlattened);
        params.keySet().forEach(name -> gradient.setGradientFor(name, gradientViews.get(name)));
        return new Pair<>(gradient, backpropDropOutIfPresent(dx));
    }

    /** Checks the input before anything is allocated or changed. */
    private void checkInput() {
        long[] shape = input.shape();
        boolean last = layerConf().isChannelsLast();
        String expected = last ? "[N, T, " + layerConf().getNIn() + "]" : "[N, " + layerConf().getNIn() + ", T]";
        if (shape.length != 3 || shape[last ? 2 : 1] != layerConf().getNIn() || Arrays.stream(shape).anyMatch(d -> d == 0)) {
            throw invalidInput("non-empty input of shape " + expected, Arrays.toString(shape));
        }
        if (!input.dataType().isFPType()) {
            throw invalidInput("a floating-point type", input.dataType().toString());
        }
        long[] mask = {shape[0], shape[last ? 1 : 2]};
        if (maskArray != null && !Arrays.equals(maskArray.shape(), mask)) {
            throw invalidInput("a mask of shape " + Arrays.toString(mask), Arrays.toString(maskArray.shape()));
        }
    }

    private DL4JInvalidInputException invalidInput(String expected, String actual) {
        return new DL4JInvalidInputException(layerId() + ": expected " + expected + ", got " + actual);
    }

    @Override
    protected String layerId() {
        String name = layerConf().getLayerName();
        return "SelfAttention layer \"" + (name == null ? "(not named)" : name) + "\" (index " + index + ")";
    }
}
