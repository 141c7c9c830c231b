// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.GroupNormalization;
import io.github.dl4jnorm.conf.InstanceNormalization;
import io.github.dl4jnorm.conf.LayerNormalization;
import io.github.dl4jnorm.conf.NormBuilder;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.RunningStatistics;
import io.github.dl4jnorm.conf.StockBatchBuilder;
import io.github.dl4jnorm.conf.SwitchableNormalization;
import io.github.dl4jnorm.conf.SyncBatchNormalization;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.nd4j.linalg.activations.impl.ActivationIdentity;
import org.nd4j.linalg.learning.regularization.Regularization;

/**
 * The usual rules of {@link NormReplacement}. Batch norms are this library's and Deeplearning4j's; the new norm has the
 * eps of the old one and its activation (Deeplearning4j's has none, whatever its configuration says).
 */
public final class NormRules {
    private NormRules() {
    }

    /**
     * Deeplearning4j's batch norms become this library's, with the same outputs as long as there are no masks. What
     * Deeplearning4j ignores of locked values of gamma and beta is ignored still.
     *
     * <p>Deeplearning4j's batch norm ignores masks. This library's sets masked positions to 0 and leaves them out of the
     * statistics in training. Where a mask is given, positions that count come out of the norm as before, masked ones as 0,
     * and convolutions and poolings behind it that have both in their window give something else.
     *
     * @return the rule
     */
    public static NormReplacement.Rule batchToBatch() {
        return (name, old) -> old instanceof org.deeplearning4j.nn.conf.layers.BatchNormalization stock
                ? own(stock, new BatchNormalization.Builder()) : null;
    }

    private static <T extends StockBatchBuilder<T>> NormLayer own(
            org.deeplearning4j.nn.conf.layers.BatchNormalization stock, T builder) {
        boolean locked = stock.isLockGammaBeta();
        return builder.decay(stock.getDecay()).eps(stock.getEps()).lockGammaBeta(locked)
                .gamma(locked ? BatchNormMap.fixedGamma(stock) : stock.getGamma())
                .beta(locked ? BatchNormMap.fixedBeta(stock) : stock.getBeta())
                .minibatch(stock.isMinibatch()).helperAllowFallback(stock.isCudnnAllowFallback())
                .useLogStd(stock.isUseLogStd()).activation(new ActivationIdentity()).build();
    }

    /**
     * Batch norms become synchronized ones with the same options, and switchable norms share the statistics of their
     * batch part; in training by several workers only, see package {@code parallel}, is there a difference.
     *
     * @return the rule
     */
    public static NormReplacement.Rule batchToSynchronized() {
        return (name, old) -> {
            if (old instanceof org.deeplearning4j.nn.conf.layers.BatchNormalization stock) {
                return own(stock, new SyncBatchNormalization.Builder());
            }
            if (old instanceof BatchNormalization ours && !ours.sharesStatistics()) {
                return like(ours, new SyncBatchNormalization.Builder());
            }
            return switchable(old, true);
        };
    }

    /**
     * What {@link #batchToSynchronized} did is undone: each worker has statistics of its own.
     *
     * @return the rule
     */
    public static NormReplacement.Rule synchronizedToBatch() {
        return (name, old) -> old instanceof SyncBatchNormalization ours
                ? like(ours, new BatchNormalization.Builder()) : switchable(old, false);
    }

    private static <T extends StockBatchBuilder<T>> NormLayer like(BatchNormalization old, T builder) {
        builder.scale(old.isScale()).center(old.isCenter()).gammaInit(old.getGammaInit()).betaInit(old.getBetaInit())
                .runningStatistics(old.getRunningStatistics()).useLogStd(old.isUseLogStd())
                .lockGammaBeta(old.isLockGammaBeta()).minibatch(old.isMinibatch())
                .helperAllowFallback(old.isCudnnAllowFallback());
        BatchNormalization made = (BatchNormalization) from(old, builder);
        made.setStatisticsFrozen(old.isStatisticsFrozen());
        return made;
    }

    private static NormLayer switchable(Layer old, boolean synchronize) {
        if (!(old instanceof SwitchableNormalization ours) || ours.isSynchronize() == synchronize) {
            return null;
        }
        SwitchableNormalization made = (SwitchableNormalization) ours.clone();
        made.setSynchronize(synchronize);
        return made;
    }

    /**
     * Batch norms become group norms.
     *
     * @param groups number of groups, a divisor of the number of channels of each
     * @return the rule
     */
    public static NormReplacement.Rule batchToGroup(int groups) {
        return fromBatch(() -> new GroupNormalization.Builder(groups));
    }

    /**
     * Batch norms become instance norms without running statistics. They cannot stand in dense layers.
     *
     * @return the rule
     */
    public static NormReplacement.Rule batchToInstance() {
        return fromBatch(InstanceNormalization.Builder::new);
    }

    /**
     * Batch norms become layer norms over everything that belongs to an example at one time step.
     *
     * @return the rule
     */
    public static NormReplacement.Rule batchToLayer() {
        return fromBatch(LayerNormalization.Builder::new);
    }

    /**
     * Batch norms become switchable norms, which keep the running statistics for their batch part and start with equal
     * weights of all parts.
     *
     * @return the rule
     */
    public static NormReplacement.Rule batchToSwitchable() {
        return (name, old) -> !BatchNormMap.isBatchNorm(old) ? null
                : from(old, new SwitchableNormalization.Builder().runningStatistics(policy(old).unbiased(false)));
    }

    private static RunningStatistics policy(Layer old) {
        return old instanceof BatchNormalization ours ? ours.getRunningStatistics() : RunningStatistics.decay(
                ((org.deeplearning4j.nn.conf.layers.BatchNormalization) old).getDecay());
    }

    private static NormReplacement.Rule fromBatch(Supplier<NormBuilder<?>> builder) {
        return (name, old) -> BatchNormMap.isBatchNorm(old) ? from(old, builder.get()) : null;
    }

    private static NormLayer from(Layer old, NormBuilder<?> builder) {
        if (old instanceof BatchNormalization ours) {
            builder.setGammaRegularization(copy(ours.getGammaRegularization()));
            builder.setBetaRegularization(copy(ours.getBetaRegularization()));
            builder.setEps(ours.getEps());
            builder.setActivationFn(ours.getActivationFn());
        } else {
            builder.setEps(((org.deeplearning4j.nn.conf.layers.BatchNormalization) old).getEps());
        }
        return builder.build();
    }

    private static List<Regularization> copy(List<Regularization> regularization) {
        return regularization == null ? null : new ArrayList<>(regularization);
    }
}
