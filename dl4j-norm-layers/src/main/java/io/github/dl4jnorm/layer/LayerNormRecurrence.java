// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static io.github.dl4jnorm.layer.LayerNormLSTMParamInitializer.BETA_CELL;
import static io.github.dl4jnorm.layer.LayerNormLSTMParamInitializer.BIAS;
import static io.github.dl4jnorm.layer.LayerNormLSTMParamInitializer.GAMMA_CELL;
import static io.github.dl4jnorm.layer.LayerNormLSTMParamInitializer.GAMMA_INPUT;
import static io.github.dl4jnorm.layer.LayerNormLSTMParamInitializer.GAMMA_RECURRENT;
import static io.github.dl4jnorm.layer.LayerNormLSTMParamInitializer.RECURRENT_WEIGHT;
import static io.github.dl4jnorm.layer.LayerNormLSTMParamInitializer.WEIGHT;

import io.github.dl4jnorm.conf.LayerNormLSTM;
import io.github.dl4jnorm.kernel.Kernels;
import io.github.dl4jnorm.kernel.NormKernels;
import io.github.dl4jnorm.norm.PositionNorm;
import io.github.dl4jnorm.norm.View;
import io.github.dl4jnorm.pass.ParameterArrays;
import io.github.dl4jnorm.pass.Slices;
import java.util.Map;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.linalg.activations.IActivation;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * A {@link LayerNormLSTM} running over sequences. Arrays begin with the steps: {@code [T, N, …]}. All of them live in the
 * working memory that is open when this is made, to be used up before it is closed.
 *
 * <p>The part of the input is normalized for all steps at once, the recurrent part and the cell state step by step, all by
 * the kernels.
 */
final class LayerNormRecurrence {
    private static final int GATES = 4;

    private final NormKernels kernels = Kernels.get();
    private final LayerNormLSTM conf;
    private final Map<String, INDArray> params;
    private final INDArray x;
    private final INDArray mask;
    private final long steps;
    private final long examples;
    private final long size;
    private final PositionNorm inputNorm;
    private final PositionNorm recurrentNorm;
    private final PositionNorm cellNorm;
    /** x·W of all steps, as rows. */
    private final INDArray inputPart;
    /** Its norm and the bias. */
    private final INDArray inputNormed;
    /** Of each step or, where no backward pass follows, of one: h·RW, what goes into the gates, what comes out. */
    private final INDArray recurrentPart;
    private final INDArray gatesIn;
    private final INDArray gates;
    /** LN(c). */
    private final INDArray cellNormed;
    /** States c and h before each step and after the last, or of two. */
    private final INDArray cells;
    private final INDArray outputs;

    /**
     * Before the first step.
     *
     * @param conf   options
     * @param params parameters, noise included
     * @param x      input [T, N, nIn], contiguous
     * @param mask   1 or 0 for each step and example, [T, N, 1], or null
     * @param keep   whether everything is kept for a backward pass
     */
    LayerNormRecurrence(LayerNormLSTM conf, Map<String, INDArray> params, INDArray x, INDArray mask, boolean keep) {
        this.conf = conf;
        this.params = params;
        this.x = x;
        this.mask = mask;
        steps = x.size(0);
        examples = x.size(1);
        size = conf.getNOut();
        int groups = conf.isNormalizeGates() ? GATES : 1;
        inputNorm = norm(groups, params.get(GAMMA_INPUT), params.get(BIAS));
        recurrentNorm = norm(groups, params.get(GAMMA_RECURRENT), null);
        cellNorm = norm(1, params.get(GAMMA_CELL), params.get(BETA_CELL));
        long kept = keep ? steps : 1;
        inputPart = array(steps, GATES * size);
        inputNormed = array(steps, GATES * size);
        recurrentPart = array(kept, GATES * size);
        gatesIn = array(kept, GATES * size);
        gates = array(kept, GATES * size);
        cellNormed = array(kept, size);
        cells = array(kept + 1, size);
        outputs = array(kept + 1, size);
    }

    private PositionNorm norm(int groups, INDArray gamma, INDArray beta) {
        return new PositionNorm(groups, ParameterArrays.read(gamma), ParameterArrays.read(beta), conf.getEps());
    }

    private INDArray array(long length, long columns) {
        return Nd4j.createUninitialized(x.dataType(), new long[]{length, examples, columns}, 'c');
    }

    /** All steps from one on as rows. */
    private INDArray rows(INDArray array, long from) {
        INDArray some = from == 0 ? array : Slices.range(array, 0, from, array.size(0));
        return some.reshape('c', some.size(0) * examples, some.size(2));
    }

    private static INDArray at(INDArray array, long step) {
        return Slices.at(array, 0, step % array.size(0));
    }

    private INDArray gate(INDArray step, int from, int to) {
        return Slices.range(step, 1, from * size, to * size);
    }

    private void normalize(INDArray rows, PositionNorm norm, INDArray into) {
        kernels.positionNorm(rows, View.of(rows.shape(), false), null, norm, false, into);
    }

    private PositionNorm.Gradients normalizeGrad(INDArray rows, INDArray gradient, PositionNorm norm, INDArray into) {
        return kernels.positionNormGrad(rows, gradient, View.of(rows.shape(), false), null, norm, null, false, into);
    }

    private void leaveOutMasked(INDArray rows, long step) {
        if (mask != null) {
            rows.muliColumnVector(at(mask, step));
        }
    }

    /**
     * Runs over all steps.
     *
     * @param output      state h before the first step, or null for 0
     * @param cell        state c before the first step, or null for 0
     * @param training    whether in training
     * @param into        receives h of each step, [T, N, nOut] of any strides, or null
     * @param workspaces  give memory for a step
     */
    void forward(INDArray output, INDArray cell, boolean training, INDArray into, LayerWorkspaceMgr workspaces) {
        rows(x, 0).mmuli(params.get(WEIGHT), rows(inputPart, 0));
        normalize(rows(inputPart, 0), inputNorm, rows(inputNormed, 0));
        start(outputs, output);
        start(cells, cell);
        for (long t = 0; t < steps; t++) {
            try (MemoryWorkspace ws = workspaces.notifyScopeEntered(ArrayType.RNN_FF_LOOP_WORKING_MEM)) {
                step(t, training);
                if (into != null) {
                    at(into, t).assign(at(outputs, t + 1));
                }
            }
        }
    }

    private static void start(INDArray states, INDArray given) {
        INDArray first = at(states, 0);
        if (given == null) {
            first.assign(0);
        } else {
            first.assign(given);
        }
    }

    private void step(long t, boolean training) {
        INDArray z = at(gatesIn, t);
        at(outputs, t).mmuli(params.get(RECURRENT_WEIGHT), at(recurrentPart, t));
        normalize(at(recurrentPart, t), recurrentNorm, z);
        z.addi(at(inputNormed, t));
        INDArray open = at(gates, t);
        INDArray in = gate(open, 0, 1);
        in.assign(conf.getActivationFn().getActivation(gate(z, 0, 1).dup('c'), training));
        gate(open, 1, GATES).assign(conf.getGateActivationFn().getActivation(gate(z, 1, GATES).dup('c'), training));
        INDArray cell = at(cells, t).muli(gate(open, 1, 2), at(cells, t + 1)).addi(in.mul(gate(open, 3, 4)));
        leaveOutMasked(cell, t);
        normalize(cell, cellNorm, at(cellNormed, t));
        INDArray output = conf.getActivationFn().getActivation(at(cellNormed, t).dup('c'), training)
                .muli(gate(open, 2, 3), at(outputs, t + 1));
        leaveOutMasked(output, t);
    }

    /** {@return h after the last step} */
    INDArray lastOutput() {
        return at(outputs, steps);
    }

    /** {@return c after the last step} */
    INDArray lastCell() {
        return at(cells, steps);
    }

    /**
     * The gradients of all steps from one on, if everything was kept.
     *
     * @param first      first step that has a gradient
     * @param dy         gradient of h of each step, [T, N, nOut] of any strides
     * @param gradients  receives the gradients of the parameters
     * @param dx         receives the gradient of the input from the first step on, [T, N, nIn] of any strides
     * @param workspaces give memory for a step
     */
    void backward(long first, INDArray dy, Map<String, INDArray> gradients, INDArray dx, LayerWorkspaceMgr workspaces) {
        INDArray dGates = array(steps, GATES * size);
        INDArray dRecurrent = array(steps, GATES * size);
        // Of the states after a step, as far as later steps have them.
        INDArray dCell = Nd4j.zeros(x.dataType(), examples, size);
        PositionNorm.Gradients ofRecurrent = zeros(GATES * size);
        PositionNorm.Gradients ofCell = zeros(size);
        for (long t = steps - 1; t >= first; t--) {
            try (MemoryWorkspace ws = workspaces.notifyScopeEntered(ArrayType.RNN_BP_LOOP_WORKING_MEM)) {
                INDArray dh = at(dy, t).dup('c');
                if (t + 1 < steps) {
                    dh.addi(at(dRecurrent, t + 1).mmul(params.get(RECURRENT_WEIGHT).transpose()));
                }
                leaveOutMasked(dh, t);
                add(ofCell, throughCell(t, dh, dCell, at(dGates, t)));
                add(ofRecurrent, normalizeGrad(at(recurrentPart, t), at(dGates, t), recurrentNorm, at(dRecurrent, t)));
            }
        }
        INDArray dInput = Nd4j.createUninitialized(x.dataType(), new long[]{(steps - first) * examples, GATES * size}, 'c');
        PositionNorm.Gradients ofInput = normalizeGrad(rows(inputPart, first), rows(dGates, first), inputNorm, dInput);
        INDArray before = Slices.range(outputs, 0, 0, steps);
        rows(x, first).transpose().mmuli(dInput, gradients.get(WEIGHT));
        rows(before, first).transpose().mmuli(rows(dRecurrent, first), gradients.get(RECURRENT_WEIGHT));
        ParameterArrays.write(ofInput.beta(), gradients.get(BIAS));
        ParameterArrays.write(ofInput.gamma(), gradients.get(GAMMA_INPUT));
        ParameterArrays.write(ofRecurrent.gamma(), gradients.get(GAMMA_RECURRENT));
        ParameterArrays.write(ofCell.gamma(), gradients.get(GAMMA_CELL));
        ParameterArrays.write(ofCell.beta(), gradients.get(BETA_CELL));
        Slices.range(dx, 0, first, steps)
                .assign(dInput.mmul(params.get(WEIGHT).transpose()).dup('c').reshape('c', steps - first, examples, x.size(2)));
    }

    /** From the output of a step back to its gates and to the cell state before it. */
    private PositionNorm.Gradients throughCell(long t, INDArray dh, INDArray dCell, INDArray dGates) {
        IActivation act = conf.getActivationFn();
        INDArray open = at(gates, t);
        INDArray normed = at(cellNormed, t);
        INDArray dNormed = act.backprop(normed.dup('c'), dh.mul(gate(open, 2, 3))).getFirst();
        INDArray dc = Nd4j.createUninitialized(x.dataType(), new long[]{examples, size}, 'c');
        PositionNorm.Gradients ofCell = normalizeGrad(at(cells, t + 1), dNormed, cellNorm, dc);
        dc.addi(dCell);
        leaveOutMasked(dc, t);
        INDArray z = at(gatesIn, t);
        gate(dGates, 0, 1).assign(act.backprop(gate(z, 0, 1).dup('c'), dc.mul(gate(open, 3, 4))).getFirst());
        INDArray others = gate(dGates, 1, GATES);
        dc.muli(at(cells, t), gate(dGates, 1, 2));
        dh.muli(act.getActivation(normed.dup('c'), true), gate(dGates, 2, 3));
        dc.muli(gate(open, 0, 1), gate(dGates, 3, 4));
        others.assign(conf.getGateActivationFn().backprop(gate(z, 1, GATES).dup('c'), others.dup('c')).getFirst());
        dc.muli(gate(open, 1, 2), dCell);
        return ofCell;
    }

    private static PositionNorm.Gradients zeros(long length) {
        return new PositionNorm.Gradients(new double[(int) length], new double[(int) length]);
    }

    private static void add(PositionNorm.Gradients sum, PositionNorm.Gradients more) {
        for (int c = 0; c < sum.gamma().length; c++) {
            sum.gamma()[c] += more.gamma()[c];
            sum.beta()[c] += more.beta()[c];
        }
    }
}
