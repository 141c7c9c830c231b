// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.deeplearning4j.nn.layers.recurrent.LSTM.STATE_KEY_PREV_ACTIVATION;
import static org.deeplearning4j.nn.layers.recurrent.LSTM.STATE_KEY_PREV_MEMCELL;

import io.github.dl4jnorm.conf.LayerNormLSTM;
import io.github.dl4jnorm.kernel.Kernels;
import io.github.dl4jnorm.norm.Affine;
import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.View;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.deeplearning4j.exception.DL4JInvalidInputException;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.gradient.DefaultGradient;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.layers.recurrent.BaseRecurrentLayer;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** The running layer of {@link LayerNormLSTM}: layouts, masks and states around a {@link LayerNormRecurrence}. */
public class LayerNormLSTMLayer extends BaseRecurrentLayer<LayerNormLSTM> {
    private static final long serialVersionUID = 1L;

    /**
     * A layer without parameters yet.
     *
     * @param conf     configuration that holds the layer's
     * @param dataType type of parameters and activations
     */
    public LayerNormLSTMLayer(NeuralNetConfiguration conf, DataType dataType) {
        super(conf, dataType);
    }

    @Override
    public Type type() {
        return Type.RECURRENT;
    }

    @Override
    public boolean isPretrainLayer() {
        return false;
    }

    private boolean channelsLast() {
        return getDataFormat() == RNNFormat.NWC;
    }

    /** [N, C, T] or [N, T, C] as [T, N, C]. */
    private INDArray stepsFirst(INDArray array) {
        return channelsLast() ? array.permute(1, 0, 2) : array.permute(2, 0, 1);
    }

    @Override
    public INDArray activate(boolean training, LayerWorkspaceMgr workspaceMgr) {
        return activate(training, Map.of(), null, workspaceMgr);
    }

    @Override
    public INDArray rnnTimeStep(INDArray input, LayerWorkspaceMgr workspaceMgr) {
        setInput(input, workspaceMgr);
        return activate(false, stateMap, stateMap, workspaceMgr);
    }

    @Override
    public INDArray rnnActivateUsingStoredState(INDArray input, boolean training, boolean storeLastForTBPTT,
                                                LayerWorkspaceMgr workspaceMgr) {
        setInput(input, workspaceMgr);
        return activate(training, tBpttStateMap, storeLastForTBPTT ? tBpttStateMap : null, workspaceMgr);
    }

    private INDArray activate(boolean training, Map<String, INDArray> from, Map<String, INDArray> into,
                              LayerWorkspaceMgr workspaceMgr) {
        assertInputSet(false);
        checkInput(from);
        applyDropOutIfNecessary(training, workspaceMgr);
        long steps = input.size(channelsLast() ? 1 : 2);
        long size = layerConf().getNOut();
        // Steps lie together, as in the layers of Deeplearning4j.
        INDArray y = channelsLast()
                ? workspaceMgr.createUninitialized(ArrayType.ACTIVATIONS, dataType, new long[]{input.size(0), steps, size}, 'c')
                : workspaceMgr.createUninitialized(ArrayType.ACTIVATIONS, dataType, new long[]{input.size(0), size, steps}, 'f');
        try (MemoryWorkspace ws = workspaceMgr.notifyScopeBorrowed(ArrayType.FF_WORKING_MEM)) {
            LayerNormRecurrence run = recurrence(training, false, workspaceMgr);
            run.forward(from.get(STATE_KEY_PREV_ACTIVATION), from.get(STATE_KEY_PREV_MEMCELL), training, stepsFirst(y),
                    workspaceMgr);
            keepState(run, into);
        }
        return y;
    }

    private static void keepState(LayerNormRecurrence run, Map<String, INDArray> into) {
        if (into != null) {
            try (MemoryWorkspace none = Nd4j.getWorkspaceManager().scopeOutOfWorkspaces()) {
                into.put(STATE_KEY_PREV_ACTIVATION, run.lastOutput().dup('c'));
                into.put(STATE_KEY_PREV_MEMCELL, run.lastCell().dup('c'));
            }
        }
    }

    /** To be run in the working memory that is open now. */
    private LayerNormRecurrence recurrence(boolean training, boolean keep, LayerWorkspaceMgr workspaceMgr) {
        INDArray x = input.castTo(dataType);
        View view = View.of(x.shape(), channelsLast());
        Mask mask = Masks.of(maskArray, view, layerId());
        if (mask != null) {
            INDArray masked = Nd4j.createUninitialized(dataType, x.shape(), 'c');
            Kernels.get().affine(x, view, mask, Affine.IDENTITY, false, masked);
            x = masked;
        }
        Map<String, INDArray> noisy = new LinkedHashMap<>();
        params.keySet().forEach(name -> noisy.put(name, getParamWithNoise(name, training, workspaceMgr)));
        return new LayerNormRecurrence(layerConf(), noisy, stepsFirst(x).dup('c'), factors(mask, view), keep);
    }

    /** 1 or 0 for each step and example. */
    private INDArray factors(Mask mask, View view) {
        if (mask == null) {
            return null;
        }
        double[] factors = new double[view.positions() * view.examples()];
        for (int t = 0; t < view.positions(); t++) {
            for (int n = 0; n < view.examples(); n++) {
                factors[t * view.examples() + n] = mask.keeps(n, 0, t) ? 1 : 0;
            }
        }
        return Nd4j.createFromArray(factors).castTo(dataType).reshape('c', view.positions(), view.examples(), 1);
    }

    @Override
    public Pair<Gradient, INDArray> backpropGradient(INDArray epsilon, LayerWorkspaceMgr workspaceMgr) {
        return backward(epsilon, 0, Map.of(), null, workspaceMgr);
    }

    @Override
    public Pair<Gradient, INDArray> tbpttBackpropGradient(INDArray epsilon, int tbpttBackLength,
                                                          LayerWorkspaceMgr workspaceMgr) {
        assertInputSet(true);
        long first = Math.max(0, input.size(channelsLast() ? 1 : 2) - tbpttBackLength);
        // The forward pass started from the same state: a network sets it after each part of a sequence.
        return backward(epsilon, first, stateMap, tBpttStateMap, workspaceMgr);
    }

    private Pair<Gradient, INDArray> backward(INDArray epsilon, long first, Map<String, INDArray> from,
                                              Map<String, INDArray> into, LayerWorkspaceMgr workspaceMgr) {
        assertInputSet(true);
        checkInput(from);
        long[] expected = input.shape().clone();
        expected[channelsLast() ? 2 : 1] = layerConf().getNOut();
        if (!Arrays.equals(epsilon.shape(), expected)) {
            throw new DL4JInvalidInputException(layerId() + ": expected a gradient of shape " + Arrays.toString(expected)
                    + ", got " + Arrays.toString(epsilon.shape()));
        }
        INDArray dx = workspaceMgr.create(ArrayType.ACTIVATION_GRAD, dataType, input.shape(), channelsLast() ? 'c' : 'f');
        try (MemoryWorkspace ws = workspaceMgr.notifyScopeBorrowed(ArrayType.BP_WORKING_MEM)) {
            LayerNormRecurrence run = recurrence(true, true, workspaceMgr);
            run.forward(from.get(STATE_KEY_PREV_ACTIVATION), from.get(STATE_KEY_PREV_MEMCELL), true, null, workspaceMgr);
            run.backward(first, stepsFirst(epsilon.castTo(dataType)), gradientViews, stepsFirst(dx), workspaceMgr);
            keepState(run, into);
        }
        weightNoiseParams.clear();
        Gradient gradient = new DefaultGradient(gradientsFlattened);
        params.keySet().forEach(name -> gradient.setGradientFor(name, gradientViews.get(name)));
        return new Pair<>(gradient, backpropDropOutIfPresent(dx));
    }

    /** Checks the input and the state it follows before anything is allocated or changed. */
    private void checkInput(Map<String, INDArray> state) {
        long[] shape = input.shape();
        String format = channelsLast() ? "[N, T, " : "[N, ";
        String expected = format + layerConf().getNIn() + (channelsLast() ? "]" : ", T]");
        if (shape.length != 3 || shape[channelsLast() ? 2 : 1] != layerConf().getNIn()
                || Arrays.stream(shape).anyMatch(d -> d == 0)) {
            throw invalidInput("non-empty input of shape " + expected, Arrays.toString(shape));
        }
        if (!input.dataType().isFPType()) {
            throw invalidInput("a floating-point type", input.dataType().toString());
        }
        if (maskArray != null && maskArray.rank() != 2) {
            throw invalidInput("a mask of shape [N, T]", Arrays.toString(maskArray.shape()));
        }
        INDArray before = state.get(STATE_KEY_PREV_ACTIVATION);
        if (before != null && before.size(0) != shape[0]) {
            throw invalidInput(before.size(0)
                    + " examples, as in the stored state (call rnnClearPreviousState to start new sequences)",
                    String.valueOf(shape[0]));
        }
    }

    private DL4JInvalidInputException invalidInput(String expected, String actual) {
        return new DL4JInvalidInputException(layerId() + ": expected " + expected + ", got " + actual);
    }

    @Override
    protected String layerId() {
        String name = layerConf().getLayerName();
        return "LayerNormLSTM layer \"" + (name == null ? "(not named)" : name) + "\" (index " + index + ")";
    }
}
