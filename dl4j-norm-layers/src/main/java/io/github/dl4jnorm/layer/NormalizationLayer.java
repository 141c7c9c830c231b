// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.NormParameter;
import io.github.dl4jnorm.kernel.Kernels;
import io.github.dl4jnorm.norm.Affine;
import io.github.dl4jnorm.norm.ChannelStatistics;
import io.github.dl4jnorm.norm.Exchange;
import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.norm.NormPlan;
import io.github.dl4jnorm.norm.Parameter;
import io.github.dl4jnorm.norm.Values;
import io.github.dl4jnorm.norm.View;
import io.github.dl4jnorm.pass.NormPass;
import io.github.dl4jnorm.pass.ParameterArrays;
import io.github.dl4jnorm.pass.Saved;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import org.deeplearning4j.exception.DL4JInvalidInputException;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.gradient.DefaultGradient;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.layers.BaseLayer;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.activations.impl.ActivationIdentity;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** The running layer of every {@link NormLayer}, which knows what differs between norms. */
public class NormalizationLayer extends BaseLayer<NormLayer> {
    private static final long serialVersionUID = 1L;

    private transient Saved saved;
    private transient boolean updatePending;
    private transient RunningState running;
    private transient List<NormParameter> parameters;
    private transient Consumer<ChannelStatistics> observer;
    private transient Exchange exchange;
    private transient BiConsumer<INDArray, INDArray> watcher;
    private transient Ahead ahead;

    /** Output for a sum that was computed with the sum, and the workspace that it is in. */
    private record Ahead(INDArray sum, INDArray y, boolean training, String workspace) {
    }

    /**
     * A layer without parameters yet.
     *
     * @param conf     configuration that holds the layer's
     * @param dataType type of parameters and activations
     */
    public NormalizationLayer(NeuralNetConfiguration conf, DataType dataType) {
        super(conf, dataType);
    }

    @Override
    public Type type() {
        return Type.NORMALIZATION;
    }

    /** Statistics are no sums over the examples of a batch. */
    @Override
    public boolean updaterDivideByMinibatch(String parameter) {
        return NormParameter.isTrained(parameter);
    }

    @Override
    public boolean isPretrainLayer() {
        return false;
    }

    /**
     * Calls back with the statistics of every batch that passes forward, in training and in test mode.
     *
     * @param observer receives them, or null to stop
     * @throws IllegalStateException if the layer has no running statistics
     */
    public void observe(Consumer<ChannelStatistics> observer) {
        if (observer != null && !layerConf().tracksStatistics()) {
            throw new IllegalStateException(layerId() + " has no running statistics to observe");
        }
        this.observer = observer;
    }

    /**
     * Lets training take its statistics over the batches of several workers.
     *
     * @param workers gives what merges statistics, or null if there are no others
     * @throws IllegalStateException if the layer's configuration does not say that it shares statistics
     */
    public void exchangeStatistics(Exchange.Source workers) {
        exchange = SharedStatistics.exchange(layerConf(), layerId(), workers);
    }

    /**
     * Calls back at the end of every backward pass, with arrays that live in workspaces.
     *
     * @param watcher receives the gradients of output and input, or null to stop
     */
    public void watchBackward(BiConsumer<INDArray, INDArray> watcher) {
        this.watcher = watcher;
    }

    /** {@return statistics of the batch that passed forward last, null if the norm had no use for them} */
    public ChannelStatistics batchStatistics() {
        return saved == null || !layerConf().tracksStatistics() ? null : saved.batchStatistics();
    }

    /**
     * The running mean of each channel.
     *
     * @return a copy
     * @throws IllegalStateException if the layer has no running statistics
     */
    public double[] runningMean() {
        return running().mean();
    }

    /**
     * The running variance of each channel, whichever way it is stored.
     *
     * @return a copy
     * @throws IllegalStateException if the layer has no running statistics
     */
    public double[] runningVariance() {
        return running().variance();
    }

    /**
     * Replaces the running statistics.
     *
     * @param mean     mean of each channel
     * @param variance variance of each channel
     * @throws IllegalArgumentException if there is not one finite value for each channel, or a variance is negative
     * @throws IllegalStateException    if the layer has no running statistics
     */
    public void setRunningStatistics(double[] mean, double[] variance) {
        running().replace(mean, variance, layerId());
    }

    /**
     * Accepts the statistics that the layer has. Otherwise the first pass in test mode logs a warning if they still have their
     * initial values.
     *
     * @throws IllegalStateException if the layer has no running statistics
     */
    public void trustStatistics() {
        running().trust();
    }

    private RunningState running() {
        if (!layerConf().tracksStatistics()) {
            throw new IllegalStateException(layerId() + " has no running statistics");
        }
        if (running == null) {
            running = new RunningState(params, layerConf().batchParts());
        }
        return running;
    }

    @Override
    public INDArray activate(boolean training, LayerWorkspaceMgr workspaceMgr) {
        assertInputSet(false);
        Ahead known = ahead;
        ahead = null;
        if (known != null && known.sum == input && known.training == training
                && Objects.equals(known.workspace, workspaceMgr.getWorkspaceName(ArrayType.ACTIVATIONS))) {
            return known.y;
        }
        NormPlan plan = checkInput(training);
        View view = View.of(input.shape(), layerConf().isChannelsLast());
        Mask mask = mask(view);
        INDArray y = workspaceMgr.createUninitialized(ArrayType.ACTIVATIONS, dataType, input.shape(), 'c');
        try (MemoryWorkspace ws = workspaceMgr.notifyScopeBorrowed(ArrayType.FF_WORKING_MEM)) {
            INDArray x = input.castTo(workingType());
            boolean ofBatch = layerConf().usesBatch(training);
            NormPass pass = pass(view, mask, plan, ofBatch);
            saved = builtIn() ? pass.forward(x, y) : activated(pass, x, y, training);
            updatePending = ofBatch && layerConf().updatesStatistics();
        }
        if (observer != null) {
            observer.accept(saved.batchStatistics());
        }
        return y;
    }

    /**
     * Writes the sum of two arrays, and in the same traversal what {@link #activate} is going to return for it.
     *
     * @return false if this norm cannot do that; then nothing is written
     */
    boolean activateSum(INDArray x, INDArray residual, INDArray sum, boolean training, LayerWorkspaceMgr workspaceMgr) {
        if (!builtIn()) {
            return false;
        }
        input = sum;
        NormPlan plan = checkInput(training);
        View view = View.of(sum.shape(), layerConf().isChannelsLast());
        NormPass pass = pass(view, mask(view), plan, layerConf().usesBatch(training));
        if (!pass.fusesSum()) {
            return false;
        }
        INDArray y = workspaceMgr.createUninitialized(ArrayType.ACTIVATIONS, dataType, sum.shape(), 'c');
        try (MemoryWorkspace ws = workspaceMgr.notifyScopeBorrowed(ArrayType.FF_WORKING_MEM)) {
            saved = pass.forward(x, residual, sum, y);
        }
        ahead = new Ahead(sum, y, training, workspaceMgr.getWorkspaceName(ArrayType.ACTIVATIONS));
        return true;
    }

    private NormPass pass(View view, Mask mask, NormPlan plan, boolean ofBatch) {
        Values values = learned();
        NormPlan used = plan;
        if (ofBatch) {
            used = layerConf().tracksStatistics() ? layerConf().trainingPlan(plan, running()) : plan;
        } else if (plan.hasRunning()) {
            if (layerConf().tracksStatistics()) {
                if (observer == null && (layerConf().usesBatch(true) || !layerConf().updatesStatistics())) {
                    running().warnIfNeverSet(this::layerId);
                }
                values.set(Parameter.MEAN, running().mean()).set(Parameter.VAR, running().variance());
            }
            layerConf().given(values);
        }
        return new NormPass(view, mask, used, values, layerConf().getEps(), layerConf().fusesRelu(), observer != null,
                ofBatch ? SharedStatistics.checked(exchange, layerConf(), this::layerId) : null);
    }

    private Mask mask(View view) {
        return maskArray == null ? null : Masks.of(maskArray, view, layerId());
    }

    /** To list them anew for every batch takes as long as a small batch itself. */
    private List<NormParameter> parameters() {
        if (parameters == null) {
            parameters = List.copyOf(layerConf().parameters());
        }
        return parameters;
    }

    /** The learned parameters, gamma with its offset; constants where gamma or beta is none. */
    private Values learned() {
        Values values = new Values();
        for (NormParameter parameter : parameters()) {
            if (parameter.isTrained()) {
                values.append(parameter.kind(), ParameterArrays.read(params.get(parameter.name())));
            }
        }
        values.shift(Parameter.GAMMA, layerConf().getGammaOffset());
        setFixed(values, Parameter.GAMMA, layerConf().fixedGamma(), 1);
        setFixed(values, Parameter.BETA, layerConf().fixedBeta(), 0);
        return values;
    }

    private void setFixed(Values values, Parameter parameter, double fixed, double neutral) {
        if (!values.has(parameter) && fixed != neutral) {
            double[] same = new double[Math.toIntExact(layerConf().affineLength())];
            Arrays.fill(same, fixed);
            values.set(parameter, same);
        }
    }

    /** Whether the kernels apply the activation themselves. */
    private boolean builtIn() {
        return layerConf().fusesRelu() || layerConf().getActivationFn() instanceof ActivationIdentity;
    }

    /** In HALF, what lies between norm and activation stays in FLOAT: rounded, it would spoil the last digits of dx. */
    private DataType workingType() {
        return builtIn() || dataType != DataType.HALF ? dataType : DataType.FLOAT;
    }

    private Saved activated(NormPass pass, INDArray x, INDArray y, boolean training) {
        INDArray z = Nd4j.createUninitialized(x.dataType(), x.shape(), 'c');
        Saved result = pass.forward(x, z);
        INDArray activated = layerConf().getActivationFn().getActivation(z, training);
        if (pass.mask() != null) {
            INDArray masked = Nd4j.createUninitialized(x.dataType(), x.shape(), 'c');
            Kernels.get().affine(activated, pass.view(), pass.mask(), Affine.IDENTITY, false, masked);
            activated = masked;
        }
        y.assign(activated.castTo(dataType));
        return result;
    }

    @Override
    public Pair<Gradient, INDArray> backpropGradient(INDArray epsilon, LayerWorkspaceMgr workspaceMgr) {
        assertInputSet(true);
        if (saved == null) {
            throw new IllegalStateException(layerId() + ": backward pass called without a forward pass on the same input");
        }
        if (!Arrays.equals(epsilon.shape(), input.shape())) {
            throw new DL4JInvalidInputException(layerId() + ": expected a gradient of shape "
                    + Arrays.toString(input.shape()) + ", got " + Arrays.toString(epsilon.shape()));
        }
        if (updatePending) {
            layerConf().requireSolver(conf.getOptimizationAlgo());
        }
        INDArray dx = workspaceMgr.createUninitialized(ArrayType.ACTIVATION_GRAD, dataType, input.shape(), 'c');
        Gradient gradient = new DefaultGradient();
        try (MemoryWorkspace ws = workspaceMgr.notifyScopeBorrowed(ArrayType.BP_WORKING_MEM)) {
            DataType working = workingType();
            INDArray x = input.castTo(working);
            INDArray dy = epsilon.castTo(working);
            INDArray result = working == dataType ? dx : Nd4j.createUninitialized(working, x.shape(), 'c');
            if (!builtIn()) {
                INDArray z = Nd4j.createUninitialized(working, x.shape(), 'c');
                saved.again(x, z);
                dy = layerConf().getActivationFn().backprop(z, dy.dup('c')).getFirst();
            }
            Values gradients = saved.backward(x, dy, result);
            if (result != dx) {
                dx.assign(result.castTo(dataType));
            }
            for (NormParameter parameter : parameters()) {
                INDArray view = gradientViews.get(parameter.name());
                if (NormParameter.isTrained(parameter.name(), layerConf())) {
                    ParameterArrays.write(parameter.of(gradients.get(parameter.kind())), view);
                } else {
                    // Statistics are updated directly: as a gradient they would be clipped, renormalized or rounded away.
                    ParameterArrays.clear(view);
                }
                gradient.setGradientFor(parameter.name(), view);
            }
        }
        if (updatePending) {
            updatePending = false;
            running().takeUp(saved.updates(), layerConf().policy(), this::layerId);
        }
        if (watcher != null) {
            watcher.accept(epsilon, dx);
        }
        return new Pair<>(gradient, dx);
    }

    /** Checks the input before anything is allocated or changed. */
    private NormPlan checkInput(boolean training) {
        NormLayer conf = layerConf();
        long[] shape = input.shape();
        NormPlan plan = conf.plan(shape.length);
        if (plan == null) {
            throw invalidInput(conf.expectedRanks(), "rank " + shape.length);
        }
        int axis = conf.isChannelsLast() ? shape.length - 1 : 1;
        if (input.isEmpty() || input.length() == 0) {
            throw invalidInput("at least one example and position", "an empty array");
        }
        if (shape[axis] != conf.getNOut()) {
            throw invalidInput(conf.getNOut() + " channels in dimension " + axis, String.valueOf(shape[axis]));
        }
        if (conf.affineLength() != conf.getNOut() && input.length() / shape[0] != conf.affineLength()) {
            throw invalidInput(conf.affineLength() + " elements per example, the length of gamma",
                    String.valueOf(input.length() / shape[0]));
        }
        if (conf.usesBatch(training) && shape[0] % conf.batchParts() != 0) {
            throw invalidInput("a batch size divisible by splits = " + conf.batchParts(), String.valueOf(shape[0]));
        }
        if (!input.dataType().isFPType()) {
            throw invalidInput("a floating-point type", input.dataType().toString());
        }
        return plan;
    }

    private DL4JInvalidInputException invalidInput(String expected, String actual) {
        return new DL4JInvalidInputException(layerId() + ": expected " + expected + ", got " + actual
                + " in input of shape " + Arrays.toString(input.shape()));
    }

    @Override
    protected String layerId() {
        String name = layerConf().getLayerName();
        return layerConf().getClass().getSimpleName() + " layer \"" + (name == null ? "(not named)" : name)
                + "\" (index " + index + ")";
    }

    @Override
    public void setParamTable(Map<String, INDArray> paramTable) {
        super.setParamTable(paramTable);
        running = null;
        parameters = null;
    }

    @Override
    public void clear() {
        super.clear();
        saved = null;
        ahead = null;
        updatePending = false;
    }
}
