// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import static io.github.dl4jnorm.conf.NormParameter.BETA;
import static io.github.dl4jnorm.conf.NormParameter.GAMMA;

import io.github.dl4jnorm.layer.NormParamInitializer;
import io.github.dl4jnorm.layer.NormalizationLayer;
import io.github.dl4jnorm.norm.NormPlan;
import io.github.dl4jnorm.norm.Parameter;
import io.github.dl4jnorm.norm.RunningValues;
import io.github.dl4jnorm.norm.Values;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import lombok.Data;
import org.deeplearning4j.exception.DL4JInvalidConfigException;
import org.deeplearning4j.nn.api.OptimizationAlgorithm;
import org.deeplearning4j.nn.api.ParamInitializer;
import org.deeplearning4j.nn.api.layers.LayerConstraint;
import org.deeplearning4j.nn.conf.InputPreProcessor;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.deeplearning4j.nn.conf.memory.LayerMemoryReport;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.nd4j.linalg.activations.impl.ActivationIdentity;
import org.nd4j.linalg.activations.impl.ActivationReLU;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.NoOp;
import org.nd4j.linalg.learning.regularization.Regularization;
import org.nd4j.shade.jackson.annotation.JsonInclude;
import org.nd4j.shade.jackson.annotation.JsonSetter;
import org.nd4j.shade.jackson.annotation.Nulls;

/**
 * Base class of all normalization layers: {@code y = act((gammaOffset + gamma)·(x − mean)/√(var + eps) + beta)}. Input and
 * output have the same shape; gamma and beta have one element per channel. gammaOffset is 0 unless it is set.
 *
 * <p>Input is dense {@code [N, C]}, a sequence {@code [N, C, T]} or {@code [N, T, C]}, an image {@code [N, C, H, W]} or
 * {@code [N, H, W, C]}, or a volume {@code [N, C, D, H, W]} or {@code [N, D, H, W, C]}. Masked positions are ignored when
 * computing statistics, and their output is 0. Dropout and weight noise set on the network do not apply to a norm; the
 * network's l1 and l2 do not apply to gamma and beta.
 */
@Data
public abstract class NormLayer extends FeedForwardLayer {
    private static final long serialVersionUID = 1L;

    /** Value added to the variance for numerical stability. */
    @JsonSetter(nulls = Nulls.FAIL)
    private double eps = 1e-5;
    /** Whether the layer has a learned gamma. */
    private boolean scale = true;
    /** Whether the layer has a learned beta. */
    private boolean center = true;
    /** Initial value of gamma. */
    private double gammaInit = 1;
    /** Initial value of beta. */
    private double betaInit;
    /** Value added to gamma: the scale is gammaOffset + gamma. */
    @JsonInclude(JsonInclude.Include.NON_DEFAULT)
    private double gammaOffset;
    /** Whether training changes gamma and beta only, and no other learned parameter; see {@code model.Freeze}. */
    @JsonInclude(JsonInclude.Include.NON_DEFAULT)
    private boolean affineOnly;
    /** Whether the channels are the last axis. */
    private boolean channelsLast;
    /** Whether the data format was set explicitly instead of taken from the input type. */
    private boolean channelsLastFixed;
    /** Regularization of gamma. */
    private List<Regularization> gammaRegularization;
    /** Regularization of beta. */
    private List<Regularization> betaRegularization;

    /** Creates a layer with the default options; used by JSON and builders. */
    protected NormLayer() {
        // Else the default activation of the network would be taken, a sigmoid.
        activationFn = new ActivationIdentity();
    }

    /**
     * Completes a layer whose own options are set: takes what Deeplearning4j's builder holds, checks the options and binds the
     * constraints.
     *
     * @param builder where the other options are
     * @throws DL4JInvalidConfigException if an option is out of range
     */
    final void finish(NormBuilder<?, ?> builder) {
        takeOver(builder);
        if (builder.getNIn() > 0 && builder.getNOut() > 0 && builder.getNIn() != builder.getNOut()) {
            throw invalid("nIn equal to nOut", "nIn " + builder.getNIn() + " and nOut " + builder.getNOut());
        }
        setNIn(Math.max(builder.getNIn(), builder.getNOut()));
        validateOptions();
        initializeConstraints(builder);
    }

    /** Does what the constructor of Deeplearning4j's layers that takes a builder does. */
    private void takeOver(FeedForwardLayer.Builder<?> builder) {
        layerName = builder.getLayerName();
        if (builder.getActivationFn() != null) {
            activationFn = builder.getActivationFn();
        }
        weightInitFn = builder.getWeightInitFn();
        biasInit = builder.getBiasInit();
        gainInit = builder.getGainInit();
        regularization = builder.getRegularization();
        regularizationBias = builder.getRegularizationBias();
        // Deeplearning4j changes learning rates in place.
        iUpdater = builder.getIupdater() == null ? null : builder.getIupdater().clone();
        biasUpdater = builder.getBiasUpdater();
        gradientNormalization = builder.getGradientNormalization();
        gradientNormalizationThreshold = builder.getGradientNormalizationThreshold();
        weightNoise = builder.getWeightNoise();
    }

    /** Applies constraints to gamma and beta only, since clipping would corrupt running statistics. */
    @Override
    protected void initializeConstraints(org.deeplearning4j.nn.conf.layers.Layer.Builder<?> given) {
        super.initializeConstraints(given);
        List<LayerConstraint> all = ((NormBuilder<?, ?>) given).constraints(batchParts());
        setConstraints(all.isEmpty() ? null : all);
    }

    /**
     * Returns how input of the given rank is normalized.
     *
     * @param rank rank of the input
     * @return the plan, or null if the rank is not supported
     */
    public abstract NormPlan plan(int rank);

    /**
     * Returns the supported ranks, for error messages.
     *
     * @return such as "rank 2 to 5"
     */
    public String expectedRanks() {
        return "rank 2 to 5";
    }

    /** {@return the parameters in flattening order} */
    public List<NormParameter> parameters() {
        List<NormParameter> parameters = new ArrayList<>();
        if (hasGamma()) {
            parameters.add(gamma());
        }
        if (hasBeta()) {
            parameters.add(new NormParameter(BETA, affineLength(), betaInit));
        }
        return parameters;
    }

    /** {@return the parameter gamma} */
    protected NormParameter gamma() {
        return new NormParameter(GAMMA, affineLength(), gammaInit);
    }

    /** {@return the number of gammas: the number of channels, or of elements if gamma is elementwise} */
    public long affineLength() {
        return nOut;
    }

    /** {@return whether gamma is a parameter} */
    protected boolean hasGamma() {
        return scale;
    }

    /** {@return whether beta is a parameter} */
    protected boolean hasBeta() {
        return center;
    }

    /** {@return the gamma of all channels when gamma is not a parameter} */
    public double fixedGamma() {
        return 1;
    }

    /** {@return the beta of all channels when beta is not a parameter} */
    public double fixedBeta() {
        return 0;
    }

    /** {@return whether the activation is a ReLU, which is fused into the kernels} */
    public boolean fusesRelu() {
        return activationFn instanceof ActivationReLU;
    }

    /** {@return whether the layer tracks running statistics} */
    public boolean tracksStatistics() {
        return false;
    }

    /**
     * {@return whether training updates the statistics unless they are frozen; if false, only PopulationStatistics sets
     * them}
     */
    public boolean updatesStatistics() {
        return tracksStatistics();
    }

    /** {@return whether workers that train together share their batch statistics; see package {@code parallel}} */
    public boolean sharesStatistics() {
        return false;
    }

    /**
     * Returns whether a pass takes its statistics from its input even where running statistics are tracked.
     *
     * @param training whether the network is training
     * @return true in training, unless the statistics are frozen
     */
    public boolean usesBatch(boolean training) {
        return training;
    }

    /** {@return how many parts of a training batch have parameters of their own; 1 if the batch is not split} */
    public int batchParts() {
        return 1;
    }

    /** {@return how running statistics are updated, or null if there are none} */
    public RunningStatistics policy() {
        return null;
    }

    /**
     * Returns how input is normalized in training, for norms that look at their running statistics then.
     *
     * @param plan    plan for the input's rank
     * @param running the running statistics
     * @return the plan to use
     */
    public NormPlan trainingPlan(NormPlan plan, RunningValues running) {
        return plan;
    }

    /**
     * Changes the values with which input is normalized where its own statistics are not used.
     *
     * @param values learned numbers, and running mean and variance if they are tracked; they may be replaced
     */
    public void given(Values values) {
    }

    /**
     * Checks that training with a solver does not corrupt running statistics.
     *
     * @param solver the network's optimization algorithm, or null for its default
     * @throws DL4JInvalidConfigException if it would
     */
    public void requireSolver(OptimizationAlgorithm solver) {
    }

    /**
     * Checks the options that do not depend on the number of channels.
     *
     * @throws DL4JInvalidConfigException if an option is out of range
     */
    protected void validateOptions() {
        if (!(eps >= 0) || Double.isInfinite(eps)) {
            throw invalid("eps >= 0", "eps " + eps);
        }
        if (!Double.isFinite(gammaOffset) || gammaOffset != 0 && !hasGamma()) {
            throw invalid("a finite gammaOffset, and 0 in a norm without a learned gamma", "gammaOffset " + gammaOffset
                    + (hasGamma() ? "" : " and no learned gamma"));
        }
        if (!Double.isFinite(gammaInit) || !Double.isFinite(betaInit)) {
            throw invalid("finite gammaInit and betaInit", "gammaInit " + gammaInit + " and betaInit " + betaInit);
        }
        if (activationFn == null) {
            throw invalid("an activation", "none");
        }
    }

    /**
     * Checks the options against the number of channels.
     *
     * @throws DL4JInvalidConfigException if an option does not fit
     */
    protected void validateChannels() {
        if (nOut <= 0) {
            throw invalid("a positive number of channels (set nOut, or set an input type for the network)", "nOut " + nOut);
        }
    }

    /**
     * Creates an exception about this layer.
     *
     * @param expected what was expected
     * @param actual   what was given instead
     * @return the exception
     */
    protected final DL4JInvalidConfigException invalid(String expected, String actual) {
        return new DL4JInvalidConfigException(getClass().getSimpleName() + " layer \""
                + (layerName == null ? "(not named)" : layerName) + "\": expected " + expected + ", got " + actual);
    }

    @Override
    public NormLayer clone() {
        NormLayer copy = (NormLayer) super.clone();
        copy.gammaRegularization = NormBuilder.copies(gammaRegularization);
        copy.betaRegularization = NormBuilder.copies(betaRegularization);
        return copy;
    }

    @Override
    public NormalizationLayer instantiate(NeuralNetConfiguration conf, Collection<TrainingListener> listeners,
                                          int layerIndex, INDArray paramsView, boolean initializeParams,
                                          DataType networkDataType) {
        if (initializeParams) {
            // A saved network can be loaded and used with any solver; training checks it again.
            requireSolver(conf.getOptimizationAlgo());
        }
        setDataType(networkDataType);
        validateOptions();
        validateChannels();
        NormalizationLayer layer = new NormalizationLayer(conf, networkDataType);
        layer.setListeners(listeners);
        layer.setIndex(layerIndex);
        layer.setParamsViewArray(paramsView);
        layer.setParamTable(initializer().init(conf, paramsView, initializeParams));
        layer.setConf(conf);
        return layer;
    }

    @Override
    public ParamInitializer initializer() {
        return NormParamInitializer.INSTANCE;
    }

    /** Sets both nIn and nOut, which are always equal, also when TransferLearning replaces one of them. */
    @Override
    public void setNIn(long channels) {
        nIn = channels;
        nOut = channels;
    }

    @Override
    public void setNOut(long channels) {
        setNIn(channels);
    }

    InputTypes types(InputType inputType) {
        if (inputType == null) {
            throw invalid("an input type", "none");
        }
        return InputTypes.of(inputType, channelsLast);
    }

    @Override
    public void setNIn(InputType inputType, boolean override) {
        InputTypes type = types(inputType);
        if (nIn <= 0 || override) {
            setNIn(type.channels());
        }
        if (!channelsLastFixed) {
            channelsLast = type.channelsLast();
        }
    }

    @Override
    public InputType getOutputType(int layerIndex, InputType inputType) {
        InputTypes type = types(inputType);
        if (nIn > 0 && nIn != type.channels()) {
            throw invalid(nIn + " channels", type.channels() + " in " + inputType);
        }
        if (plan(type.rank()) == null) {
            throw invalid(expectedRanks(), inputType.toString());
        }
        validateChannels();
        return inputType;
    }

    @Override
    public InputPreProcessor getPreProcessorForInputType(InputType inputType) {
        return types(inputType).preProcessor();
    }

    @Override
    public List<Regularization> getRegularizationByParam(String parameter) {
        Parameter kind = Parameter.of(parameter);
        return kind == Parameter.GAMMA ? gammaRegularization : kind == Parameter.BETA ? betaRegularization : null;
    }

    @Override
    public IUpdater getUpdaterByParam(String parameter) {
        return NormParameter.isTrained(parameter) ? iUpdater : new NoOp();
    }

    @Override
    public LayerMemoryReport getMemoryReport(InputType inputType) {
        return types(inputType).memoryReport(this);
    }
}
