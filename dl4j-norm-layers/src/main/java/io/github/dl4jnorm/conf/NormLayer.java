// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import static io.github.dl4jnorm.conf.NormParameter.BETA;
import static io.github.dl4jnorm.conf.NormParameter.GAMMA;

import io.github.dl4jnorm.layer.NormParamInitializer;
import io.github.dl4jnorm.layer.NormalizationLayer;
import io.github.dl4jnorm.norm.NormPlan;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import lombok.EqualsAndHashCode;
import lombok.Getter;
import lombok.Setter;
import lombok.ToString;
import org.deeplearning4j.exception.DL4JInvalidConfigException;
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
import org.nd4j.shade.jackson.annotation.JsonSetter;
import org.nd4j.shade.jackson.annotation.Nulls;

/**
 * What all normalization layers have in common: {@code y = act(gamma·(x − mean)/√(var + eps) + beta)}, input and
 * output of one shape, gamma and beta for each channel.
 *
 * <p>Input is dense {@code [N, C]}, a sequence {@code [N, C, T]} or {@code [N, T, C]}, an image {@code [N, C, H, W]} or
 * {@code [N, H, W, C]}, or a volume {@code [N, C, D, H, W]} or {@code [N, D, H, W, C]}. Masked positions enter no
 * statistic and come out as 0. Dropout and weight noise set for the whole network do not apply to a norm, nor do its
 * l1 and l2 to gamma and beta.
 */
@Getter
@Setter
@ToString(callSuper = true)
@EqualsAndHashCode(callSuper = true)
public abstract class NormLayer extends FeedForwardLayer {
    private static final long serialVersionUID = 1L;

    /** Added to the variance. */
    @JsonSetter(nulls = Nulls.FAIL)
    private double eps = 1e-5;
    /** Whether there is a gamma. */
    private boolean scale = true;
    /** Whether there is a beta. */
    private boolean center = true;
    /** What gamma starts with. */
    private double gammaInit = 1;
    /** What beta starts with. */
    private double betaInit;
    /** Whether channels come last. */
    private boolean channelsLast;
    /** Whether that was set, and not found by the type of the input. */
    private boolean channelsLastFixed;
    /** Regularization of gamma. */
    private List<Regularization> gammaRegularization;
    /** Regularization of beta. */
    private List<Regularization> betaRegularization;

    /** A layer with every option at its default, as JSON needs it. */
    protected NormLayer() {
        // Set here and in the builder, so that the default activation of the network (sigmoid) is never taken.
        activationFn = new ActivationIdentity();
    }

    /**
     * A layer with the options of a builder; subclasses call {@link #finish} at the end of their constructors.
     *
     * @param builder the options
     */
    protected NormLayer(NormBuilder<?> builder) {
        super(builder);
        eps = builder.eps;
        scale = builder.scale;
        center = builder.center;
        gammaInit = builder.gammaInit;
        betaInit = builder.betaInit;
        channelsLast = builder.channelsLast != null && builder.channelsLast;
        channelsLastFixed = builder.channelsLast != null;
        gammaRegularization = builder.gammaRegularization;
        betaRegularization = builder.betaRegularization;
        if (activationFn == null) {
            activationFn = new ActivationIdentity();
        }
    }

    /**
     * Ends construction from a builder: checks the options and binds the constraints.
     *
     * @param builder the options
     * @throws DL4JInvalidConfigException if an option is out of range
     */
    protected final void finish(NormBuilder<?> builder) {
        if (builder.getNIn() > 0 && builder.getNOut() > 0 && builder.getNIn() != builder.getNOut()) {
            throw invalid("nIn equal to nOut", "nIn " + builder.getNIn() + " and nOut " + builder.getNOut());
        }
        setNIn(Math.max(builder.getNIn(), builder.getNOut()));
        validateOptions();
        initializeConstraints(builder);
    }

    /** Constraints hold for gamma and beta alone: clipped statistics would be wrong statistics. */
    @Override
    protected void initializeConstraints(org.deeplearning4j.nn.conf.layers.Layer.Builder<?> given) {
        super.initializeConstraints(given);
        NormBuilder<?> builder = (NormBuilder<?>) given;
        List<LayerConstraint> all = new ArrayList<>();
        Set<String> both = new LinkedHashSet<>(List.of(GAMMA, BETA));
        addConstraints(all, builder.getAllParamConstraints(), both);
        addConstraints(all, builder.getGammaConstraints(), Set.of(GAMMA));
        addConstraints(all, builder.getBetaConstraints(), Set.of(BETA));
        setConstraints(all.isEmpty() ? null : all);
    }

    private static void addConstraints(List<LayerConstraint> all, List<LayerConstraint> some, Set<String> parameters) {
        if (some != null) {
            for (LayerConstraint constraint : some) {
                LayerConstraint bound = constraint.clone();
                bound.setParams(new LinkedHashSet<>(parameters));
                all.add(bound);
            }
        }
    }

    /**
     * How input of a rank is normalized.
     *
     * @param rank rank of the input
     * @return the plan, or null if the layer cannot take this rank
     */
    public abstract NormPlan plan(int rank);

    /**
     * What ranks the layer takes, for messages.
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
            parameters.add(new NormParameter(GAMMA, affineLength(), gammaInit));
        }
        if (hasBeta()) {
            parameters.add(new NormParameter(BETA, affineLength(), betaInit));
        }
        return parameters;
    }

    /** {@return how many gammas there are: the number of channels, unless elements have gammas of their own} */
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

    /** {@return gamma of all channels where it is no parameter} */
    public double fixedGamma() {
        return 1;
    }

    /** {@return beta of all channels where it is no parameter} */
    public double fixedBeta() {
        return 0;
    }

    /** {@return whether the activation is a ReLU, which the kernels apply themselves} */
    public boolean fusesRelu() {
        return activationFn instanceof ActivationReLU;
    }

    /**
     * Checks the options that do not depend on the number of channels.
     *
     * @throws DL4JInvalidConfigException if one is out of range
     */
    protected void validateOptions() {
        if (!(eps >= 0) || Double.isInfinite(eps)) {
            throw invalid("eps >= 0", "eps " + eps);
        }
        if (!Double.isFinite(gammaInit) || !Double.isFinite(betaInit)) {
            throw invalid("finite initial gamma and beta", gammaInit + " and " + betaInit);
        }
        if (activationFn == null) {
            throw invalid("an activation", "none");
        }
    }

    /**
     * Checks the options against the number of channels.
     *
     * @throws DL4JInvalidConfigException if they do not fit
     */
    protected void validateChannels() {
        if (nOut <= 0) {
            throw invalid("a number of channels: set nOut, or an input type for the network", "nOut " + nOut);
        }
    }

    /**
     * An exception about this layer.
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
        return (NormLayer) super.clone();
    }

    @Override
    public NormalizationLayer instantiate(NeuralNetConfiguration conf, Collection<TrainingListener> listeners,
                                          int layerIndex, INDArray paramsView, boolean initializeParams,
                                          DataType networkDataType) {
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

    /** Input and output always have the same channels, also where TransferLearning replaces one of them. */
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
        return switch (parameter) {
            case GAMMA -> gammaRegularization;
            case BETA -> betaRegularization;
            default -> null;
        };
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
