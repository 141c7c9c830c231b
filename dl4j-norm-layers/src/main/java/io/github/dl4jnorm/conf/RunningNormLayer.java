// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import static io.github.dl4jnorm.conf.NormParameter.BATCHES;
import static io.github.dl4jnorm.conf.NormParameter.LOG10_STDEV;
import static io.github.dl4jnorm.conf.NormParameter.MEAN;
import static io.github.dl4jnorm.conf.NormParameter.VAR;

import io.github.dl4jnorm.norm.Divisor;
import io.github.dl4jnorm.norm.NormPlan;
import java.util.List;
import lombok.Data;
import org.deeplearning4j.exception.DL4JInvalidConfigException;
import org.deeplearning4j.nn.api.OptimizationAlgorithm;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.shade.jackson.annotation.JsonInclude;

/**
 * Base class of norms that track a running mean and variance of each channel for use at test time.
 *
 * <p>Running statistics are parameters, so every way of saving a model saves them. They have no gradient: a training step
 * updates them directly, unaffected by gradient clipping, gradient sharing and constraints. Frozen layers do not update
 * them, and a batch with NaN or infinite statistics is skipped.
 */
@Data
public abstract class RunningNormLayer extends NormLayer {
    private static final long serialVersionUID = 1L;

    /** How running statistics are updated. */
    private RunningStatistics runningStatistics;
    /** Whether log10stdev is stored instead of var; null until the network's data type decides. */
    private Boolean logStdStored;
    /** Whether training also normalizes with the running statistics and does not update them; see {@code model.Freeze}. */
    private boolean statisticsFrozen;

    /**
     * Creates a layer with the default options.
     *
     * @param runningStatistics default update policy
     */
    protected RunningNormLayer(RunningStatistics runningStatistics) {
        this.runningStatistics = runningStatistics;
    }

    /** Returns true; norms with an option for it override this. */
    @Override
    public boolean tracksStatistics() {
        return true;
    }

    @Override
    public boolean sharesStatistics() {
        return tracksStatistics() && isSynchronize();
    }

    /** {@return whether batch statistics are computed over all workers that train together} */
    @JsonInclude(JsonInclude.Include.NON_DEFAULT)
    public boolean isSynchronize() {
        return false;
    }

    /**
     * Sets whether batch statistics are computed over all workers that train together. Norms whose statistics do not cover a
     * worker's batch have nothing to share.
     *
     * @param synchronize see {@link BatchStatisticsBuilder#synchronize}
     * @throws DL4JInvalidConfigException if true for an instance norm or a ghost batch norm, or false for a synchronized one
     */
    public void setSynchronize(boolean synchronize) {
        if (synchronize) {
            throw invalid("synchronize false (each statistic covers only a part of one worker's batch, so that workers have "
                    + "nothing to share)", "true");
        }
    }

    /** Returns false with frozen statistics. */
    @Override
    public boolean usesBatch(boolean training) {
        return training && !statisticsFrozen;
    }

    @Override
    public RunningStatistics policy() {
        return runningStatistics;
    }

    /**
     * Checks that the network's solver is compatible with running statistics. LBFGS and the other line-search solvers run
     * several backward passes per step. Each pass would update the statistics, even for steps that are discarded, and the
     * line search would move parameters that have no gradient.
     *
     * @param solver the network's optimization algorithm, or null for its default
     * @throws DL4JInvalidConfigException if training would corrupt the statistics
     */
    @Override
    public void requireSolver(OptimizationAlgorithm solver) {
        if (updatesStatistics() && !statisticsFrozen && searches(solver)) {
            throw invalid("optimizationAlgo STOCHASTIC_GRADIENT_DESCENT (with any updater), frozen statistics "
                    + "(setStatisticsFrozen), or a norm without running statistics", solver
                    + ", which runs several backward passes per step and would corrupt running statistics");
        }
    }

    /** Whether a solver goes backward several times a step. */
    static boolean searches(OptimizationAlgorithm solver) {
        return solver != null && solver != OptimizationAlgorithm.STOCHASTIC_GRADIENT_DESCENT;
    }

    /**
     * Chooses how the variance is stored: in HALF networks as log10 of the standard deviation, which neither overflows
     * above 256 nor loses small values. The choice is made once, so converting the network to another type only converts
     * numbers.
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
            boolean log = Boolean.TRUE.equals(logStdStored);
            if (tracksMean()) {
                parameters.add(new NormParameter(MEAN, nOut, 0));
            }
            if (tracksVariance()) {
                parameters.add(new NormParameter(log ? LOG10_STDEV : VAR, nOut, log ? 0 : 1));
            }
            if (countsBatches()) {
                parameters.add(new NormParameter(BATCHES, runningStatistics.counts(nOut), 0));
            }
        }
        return parameters;
    }

    /** {@return whether a running mean is tracked besides the running variance: not where none is subtracted} */
    protected boolean tracksMean() {
        return true;
    }

    /** {@return whether a running variance is tracked besides the running mean: not where nothing is divided} */
    protected boolean tracksVariance() {
        return !(plan(4) instanceof NormPlan.Channels channels && channels.divisor() == Divisor.NOTHING);
    }

    /** {@return whether the layer stores the number of batches seen with the statistics} */
    protected boolean countsBatches() {
        return runningStatistics.countsBatches();
    }

    /**
     * Adds parameters between gamma and beta and the statistics.
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
            throw invalid("a runningStatistics policy", "none");
        }
    }
}
