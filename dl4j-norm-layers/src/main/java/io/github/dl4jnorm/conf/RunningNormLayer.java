// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import static io.github.dl4jnorm.conf.NormParameter.BATCHES;
import static io.github.dl4jnorm.conf.NormParameter.LOG10_STDEV;
import static io.github.dl4jnorm.conf.NormParameter.MEAN;
import static io.github.dl4jnorm.conf.NormParameter.VAR;

import io.github.dl4jnorm.layer.NormalizationLayer;
import java.util.Collection;
import java.util.List;
import lombok.EqualsAndHashCode;
import lombok.Getter;
import lombok.Setter;
import lombok.ToString;
import org.deeplearning4j.exception.DL4JInvalidConfigException;
import org.deeplearning4j.nn.api.OptimizationAlgorithm;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * A norm that keeps a running mean and variance of each channel for use at test time.
 *
 * <p>They are parameters, so every way of saving a model saves them, but no gradient reaches them: a training step
 * updates them directly, out of reach of gradient clipping, gradient sharing and constraints. Frozen layers do not
 * update them, nor does a batch with NaN or infinite statistics.
 */
@Getter
@Setter
@ToString(callSuper = true)
@EqualsAndHashCode(callSuper = true)
public abstract class RunningNormLayer extends NormLayer {
    private static final long serialVersionUID = 1L;

    /** How running statistics follow those of batches. */
    private RunningStatistics runningStatistics;
    /** Whether log10stdev is stored instead of var; null until the network's data type decides. */
    private Boolean logStdStored;
    /** Whether training uses the running statistics as they are, too; see {@code model.Freeze}. */
    private boolean statisticsFrozen;

    /**
     * A layer with every option at its default.
     *
     * @param runningStatistics the default policy
     */
    protected RunningNormLayer(RunningStatistics runningStatistics) {
        this.runningStatistics = runningStatistics;
    }

    /**
     * A layer with the options of a builder.
     *
     * @param builder           the options
     * @param runningStatistics the policy
     */
    protected RunningNormLayer(NormBuilder<?> builder, RunningStatistics runningStatistics) {
        super(builder);
        this.runningStatistics = runningStatistics;
    }

    /** {@return whether running statistics are kept at all} */
    public abstract boolean tracksStatistics();

    /** {@return whether training updates them, unless they are frozen; otherwise only PopulationStatistics sets them} */
    public boolean updatesStatistics() {
        return tracksStatistics();
    }

    /**
     * Checks that a solver goes well with running statistics: LBFGS and the others that search along a line go backward several
     * times a step, which would take up statistics of steps never made, and change parameters by what they change by themselves.
     *
     * @param solver the network's optimization algorithm, or null for its default
     * @throws DL4JInvalidConfigException if training would spoil statistics
     */
    public void requireSolver(OptimizationAlgorithm solver) {
        if (updatesStatistics() && !statisticsFrozen && searches(solver)) {
            throw invalid("optimizationAlgo STOCHASTIC_GRADIENT_DESCENT (with any updater), frozen statistics "
                    + "(setStatisticsFrozen), or a norm that keeps no running statistics", solver
                    + ", which goes backward several times a step and would spoil running statistics");
        }
    }

    /** Whether a solver goes backward several times a step. */
    static boolean searches(OptimizationAlgorithm solver) {
        return solver != null && solver != OptimizationAlgorithm.STOCHASTIC_GRADIENT_DESCENT;
    }

    /** A network that is loaded may be used in test mode whatever its solver is; training it checks the solver again. */
    @Override
    public NormalizationLayer instantiate(NeuralNetConfiguration conf, Collection<TrainingListener> listeners,
                                          int layerIndex, INDArray paramsView, boolean initializeParams,
                                          DataType networkDataType) {
        if (initializeParams) {
            requireSolver(conf.getOptimizationAlgo());
        }
        return super.instantiate(conf, listeners, layerIndex, paramsView, initializeParams, networkDataType);
    }

    /** {@return whether workers that train together share the statistics of their batches; see package parallel} */
    public boolean sharesStatistics() {
        return false;
    }

    /**
     * A HALF network stores the logarithm of the deviation, which neither overflows beyond 256 nor loses small values.
     * Once decided it stays, so that converting the network converts plain numbers.
     */
    @Override
    public void setDataType(DataType dataType) {
        if (logStdStored == null) {
            logStdStored = dataType == DataType.HALF;
        }
    }

    @Override
    public List<NormParameter> parameters() {
        List<NormParameter> parameters = super.parameters();
        addBeforeStatistics(parameters);
        requirePolicy();
        if (tracksStatistics()) {
            boolean log = logStdStored != null && logStdStored;
            parameters.add(new NormParameter(MEAN, nOut, 0));
            parameters.add(new NormParameter(log ? LOG10_STDEV : VAR, nOut, log ? 0 : 1));
            if (countsBatches()) {
                parameters.add(new NormParameter(BATCHES, runningStatistics.counts(nOut), 0));
            }
        }
        return parameters;
    }

    /** {@return whether the numbers of batches taken up are kept with the statistics} */
    protected boolean countsBatches() {
        return runningStatistics.cumulativeMean();
    }

    /**
     * Adds parameters that stand between gamma and beta and the statistics.
     *
     * @param parameters the list to add to
     */
    protected void addBeforeStatistics(List<NormParameter> parameters) {
    }

    @Override
    protected void validateOptions() {
        super.validateOptions();
        requirePolicy();
    }

    private void requirePolicy() {
        if (runningStatistics == null) {
            throw invalid("a policy for running statistics", "none");
        }
    }
}
