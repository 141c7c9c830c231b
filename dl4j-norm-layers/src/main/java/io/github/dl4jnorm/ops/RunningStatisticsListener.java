// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

import io.github.dl4jnorm.conf.RunningStatistics;
import io.github.dl4jnorm.kernel.Kernels;
import io.github.dl4jnorm.norm.ChannelStatistics;
import io.github.dl4jnorm.norm.View;
import io.github.dl4jnorm.pass.ParameterArrays;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.nd4j.autodiff.listeners.At;
import org.nd4j.autodiff.listeners.BaseListener;
import org.nd4j.autodiff.listeners.Loss;
import org.nd4j.autodiff.listeners.Operation;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.VariableType;
import org.nd4j.autodiff.samediff.internal.SameDiffOp;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.OpContext;
import org.nd4j.linalg.dataset.api.MultiDataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tracks the running mean and variance of batch normalization in SameDiff. After each training step it updates two
 * constants of the graph with the statistics of the batch; they are saved with the graph.
 *
 * <pre>{@code
 * SDVariable mean = sd.constant("mean", Nd4j.zeros(DataType.FLOAT, channels));
 * SDVariable var = sd.constant("var", Nd4j.ones(DataType.FLOAT, channels));
 * SDVariable training = norm.batchNorm(x, gamma, beta, 1e-5);                       // leads to the loss
 * SDVariable testing = norm.batchNormInference(x, gamma, beta, mean, var, 1e-5);    // leads to the predictions
 * sd.setListeners(new RunningStatisticsListener(RunningStatistics.decay(0.9)).track(x, mean, var));
 * }</pre>
 *
 * <p>The constants are written directly; no updater or regularization changes them. A batch with NaN or infinite values is
 * skipped. To continue with a loaded graph, track its variables again.
 */
public final class RunningStatisticsListener extends BaseListener {
    private static final Logger LOG = LoggerFactory.getLogger(RunningStatisticsListener.class);

    private final RunningStatistics policy;
    private final List<Tracked> all = new ArrayList<>();
    private final Map<Tracked, ChannelStatistics> pending = new HashMap<>();
    private boolean warned;

    private record Tracked(String x, SDVariable mean, SDVariable var, SDVariable batches, Layout layout) {
    }

    /**
     * Creates a listener that tracks nothing yet.
     *
     * @param policy how running statistics are updated
     */
    public RunningStatisticsListener(RunningStatistics policy) {
        this.policy = Objects.requireNonNull(policy, "policy");
    }

    /**
     * Tracks the statistics of an array with channels in dimension 1; see
     * {@link #track(SDVariable, SDVariable, SDVariable, Layout)}.
     *
     * @param x    array that is normalized
     * @param mean running mean
     * @param var  running variance
     * @return this listener
     */
    public RunningStatisticsListener track(SDVariable x, SDVariable mean, SDVariable var) {
        return track(x, mean, var, Layout.CHANNELS_FIRST);
    }

    /**
     * Tracks the statistics of an array of the graph. With {@link RunningStatistics#cumulative()} or
     * {@link RunningStatistics#debiased()}, the batch counts are stored in another constant, named after the mean with the
     * suffix {@code _batches}: for each channel's mean, then for each variance. A graph saved with one count for all channels
     * continues with one count.
     *
     * @param x      array that is normalized: an input of at least one operation that is executed in training
     * @param mean   running mean, a constant {@code [C]} of type FLOAT or DOUBLE
     * @param var    running variance, likewise
     * @param layout layout of x
     * @return this listener
     * @throws IllegalArgumentException if mean or var is not such a constant
     */
    public RunningStatisticsListener track(SDVariable x, SDVariable mean, SDVariable var, Layout layout) {
        check(mean, "mean");
        check(var, "var");
        if (mean.getArr().length() != var.getArr().length()) {
            throw new IllegalArgumentException("Running statistics: expected mean and var of the same length, got \""
                    + mean.name() + "\" " + Arrays.toString(mean.getShape()) + " and \"" + var.name() + "\" "
                    + Arrays.toString(var.getShape()));
        }
        SDVariable batches = null;
        if (policy.countsBatches()) {
            SameDiff sd = mean.getSameDiff();
            String name = mean.name() + "_batches";
            batches = sd.hasVariable(name) ? sd.getVariable(name)
                    : sd.constant(name, Nd4j.zeros(DataType.DOUBLE, policy.counts(mean.getArr().length())));
        }
        all.add(new Tracked(x.name(), mean, var, batches, Objects.requireNonNull(layout, "layout")));
        return this;
    }

    private static void check(SDVariable variable, String what) {
        boolean valid = variable.getVariableType() == VariableType.CONSTANT && variable.getArr() != null
                && variable.getArr().isVectorOrScalar()
                && (variable.dataType() == DataType.FLOAT || variable.dataType() == DataType.DOUBLE);
        if (!valid) {
            throw new IllegalArgumentException("Running statistics: expected " + what + " to be a constant vector of type "
                    + "FLOAT or DOUBLE, got \"" + variable.name() + "\", a " + variable.getVariableType() + " of type "
                    + variable.dataType() + " and shape " + Arrays.toString(variable.getShape()));
        }
    }

    @Override
    public boolean isActive(Operation operation) {
        return operation == Operation.TRAINING;
    }

    @Override
    public void iterationStart(SameDiff sd, At at, MultiDataSet data, long etlMs) {
        pending.clear();
    }

    @Override
    public void opExecution(SameDiff sd, At at, MultiDataSet batch, SameDiffOp op, OpContext context, INDArray[] outputs) {
        if (context == null || op.getInputsToOp() == null) {
            return;
        }
        for (Tracked tracked : all) {
            int input = op.getInputsToOp().indexOf(tracked.x);
            if (input >= 0 && input < context.getInputArrays().size() && !pending.containsKey(tracked)) {
                pending.put(tracked, statistics(tracked, op, context.getInputArrays().get(input), outputs));
            }
        }
    }

    private static ChannelStatistics statistics(Tracked tracked, SameDiffOp op, INDArray x, INDArray[] outputs) {
        if (op.getOp() instanceof NormNode node && node.spec().kind() == NormOps.Kind.BATCH_NORM) {
            ChannelStatistics known = NormNode.batchStatistics(outputs[0]);
            if (known != null && node.spec().layout() == tracked.layout) {
                return known;
            }
        }
        View view = View.of(x.shape(), tracked.layout == Layout.CHANNELS_LAST).batchAsPositions();
        if (view.channels() != tracked.mean.getArr().length()) {
            throw new IllegalArgumentException("Running statistics: expected \"" + tracked.x + "\" to have "
                    + tracked.mean.getArr().length() + " channels, got shape " + Arrays.toString(x.shape()) + ", "
                    + tracked.layout);
        }
        return ChannelStatistics.of(Kernels.get().moments(x, view, null));
    }

    @Override
    public void iterationDone(SameDiff sd, At at, MultiDataSet dataSet, Loss loss) {
        for (Tracked tracked : all) {
            ChannelStatistics batch = pending.remove(tracked);
            if (batch != null && batch.isFinite()) {
                takeUp(tracked, batch);
            } else if (!warned) {
                warned = true;
                LOG.warn("\"{}\" {}; its running statistics are unchanged (logged once)", tracked.x,
                        batch == null ? "was not used in a training step" : "has NaN or infinite values");
            }
        }
    }

    private void takeUp(Tracked tracked, ChannelStatistics batch) {
        double[] mean = ParameterArrays.read(tracked.mean.getArr());
        double[] var = ParameterArrays.read(tracked.var.getArr());
        double[] counts = tracked.batches == null ? new double[1] : ParameterArrays.read(tracked.batches.getArr());
        policy.takeUp(batch, counts, mean, var);
        ParameterArrays.write(mean, tracked.mean.getArr());
        ParameterArrays.write(var, tracked.var.getArr());
        if (tracked.batches != null) {
            ParameterArrays.write(counts, tracked.batches.getArr());
        }
    }
}
