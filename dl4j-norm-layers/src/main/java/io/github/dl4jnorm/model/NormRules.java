// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.GhostBatchNormalization;
import io.github.dl4jnorm.conf.GroupNormalization;
import io.github.dl4jnorm.conf.InstanceNormalization;
import io.github.dl4jnorm.conf.LayerNormalization;
import io.github.dl4jnorm.conf.NormBuilder;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.RunningNormLayer;
import io.github.dl4jnorm.conf.RunningStatistics;
import io.github.dl4jnorm.conf.SplitBatchNormalization;
import io.github.dl4jnorm.conf.StockBatchBuilder;
import io.github.dl4jnorm.conf.SwitchableNormalization;
import io.github.dl4jnorm.conf.SyncBatchNormalization;
import java.util.function.Supplier;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.nd4j.linalg.activations.impl.ActivationIdentity;

/**
 * Provides the common rules for {@link NormReplacement}. They apply to batch norms of this library and of Deeplearning4j.
 * The new norm keeps eps, activation and gammaOffset of the old one (Deeplearning4j's norm has no activation, whatever its
 * configuration says).
 */
public final class NormRules {
    private NormRules() {
    }

    /**
     * Replaces Deeplearning4j's batch norms with this library's. Outputs are the same as long as there are no masks. Locked
     * values of gamma and beta that Deeplearning4j ignores are still ignored.
     *
     * <p>Deeplearning4j's batch norm ignores masks. This library's sets masked positions to 0 and ignores them when
     * computing statistics in training. With a mask, unmasked positions of the norm's output are unchanged and masked ones
     * are 0. Convolutions and poolings after it give different outputs where their window covers both.
     *
     * @return the rule
     */
    public static NormReplacement.Rule batchToBatch() {
        return (name, old) -> old instanceof org.deeplearning4j.nn.conf.layers.BatchNormalization stock
                ? own(stock, new BatchNormalization.Builder()) : null;
    }

    private static <T extends StockBatchBuilder<T, ?>> NormLayer own(
            org.deeplearning4j.nn.conf.layers.BatchNormalization stock, T builder) {
        boolean locked = stock.isLockGammaBeta();
        return builder.decay(stock.getDecay()).eps(stock.getEps()).lockGammaBeta(locked)
                .gamma(locked ? BatchNormMap.fixedGamma(stock) : stock.getGamma())
                .beta(locked ? BatchNormMap.fixedBeta(stock) : stock.getBeta())
                .minibatch(stock.isMinibatch()).helperAllowFallback(stock.isCudnnAllowFallback())
                .useLogStd(stock.isUseLogStd()).activation(new ActivationIdentity()).build();
    }

    /**
     * Replaces batch norms with synchronized ones that have the same options, and turns on {@code synchronize} for switchable
     * norms, mean-only batch norms and batch renormalization. This only affects training with several workers; see package
     * {@code parallel}.
     *
     * @return the rule
     */
    public static NormReplacement.Rule batchToSynchronized() {
        return (name, old) -> {
            if (old instanceof org.deeplearning4j.nn.conf.layers.BatchNormalization stock) {
                return own(stock, new SyncBatchNormalization.Builder());
            }
            if (old instanceof BatchNormalization ours && !ours.isSynchronize()) {
                return like(ours, new SyncBatchNormalization.Builder());
            }
            return synchronize(old, true);
        };
    }

    /**
     * Reverts {@link #batchToSynchronized}: each worker uses its own statistics.
     *
     * @return the rule
     */
    public static NormReplacement.Rule synchronizedToBatch() {
        return (name, old) -> old instanceof SyncBatchNormalization ours
                ? like(ours, new BatchNormalization.Builder()) : synchronize(old, false);
    }

    private static <T extends StockBatchBuilder<T, ?>> NormLayer like(BatchNormalization old, T builder) {
        builder.scale(old.isScale()).center(old.isCenter()).gammaInit(old.getGammaInit()).betaInit(old.getBetaInit())
                .runningStatistics(old.getRunningStatistics()).useLogStd(old.isUseLogStd())
                .lockGammaBeta(old.isLockGammaBeta()).minibatch(old.isMinibatch())
                .helperAllowFallback(old.isCudnnAllowFallback());
        BatchNormalization made = (BatchNormalization) from(old, builder);
        made.setStatisticsFrozen(old.isStatisticsFrozen());
        return made;
    }

    /** The norm with statistics shared or not, or null if it is like that already or has none of a worker's batch. */
    private static NormLayer synchronize(Layer old, boolean synchronize) {
        if (!(old instanceof RunningNormLayer ours) || ours.isSynchronize() == synchronize
                || old instanceof GhostBatchNormalization || old instanceof SplitBatchNormalization
                || old instanceof InstanceNormalization) {
            return null;
        }
        RunningNormLayer made = (RunningNormLayer) ours.clone();
        made.setSynchronize(synchronize);
        return made;
    }

    /**
     * Replaces batch norms with group norms.
     *
     * @param groups number of groups; must divide the number of channels of each norm
     * @return the rule
     */
    public static NormReplacement.Rule batchToGroup(int groups) {
        return fromBatch(() -> new GroupNormalization.Builder(groups));
    }

    /**
     * Replaces batch norms with instance norms without running statistics. Not supported for norms of dense input.
     *
     * @return the rule
     */
    public static NormReplacement.Rule batchToInstance() {
        return fromBatch(InstanceNormalization.Builder::new);
    }

    /**
     * Replaces batch norms with layer norms, computed over each example at each timestep.
     *
     * @return the rule
     */
    public static NormReplacement.Rule batchToLayer() {
        return fromBatch(LayerNormalization.Builder::new);
    }

    /**
     * Replaces batch norms with switchable norms. They keep the running statistics for their batch part, share it between
     * workers if the batch norm did, and start with equal weights for all parts.
     *
     * @return the rule
     */
    public static NormReplacement.Rule batchToSwitchable() {
        return (name, old) -> !BatchNormMap.isBatchNorm(old) ? null
                : from(old, new SwitchableNormalization.Builder().runningStatistics(policy(old).unbiased(false))
                        .synchronize(old instanceof BatchNormalization ours && ours.isSynchronize()));
    }

    private static RunningStatistics policy(Layer old) {
        return old instanceof BatchNormalization ours ? ours.getRunningStatistics() : RunningStatistics.decay(
                ((org.deeplearning4j.nn.conf.layers.BatchNormalization) old).getDecay());
    }

    private static NormReplacement.Rule fromBatch(Supplier<NormBuilder<?, ?>> builder) {
        return (name, old) -> BatchNormMap.isBatchNorm(old) ? from(old, builder.get()) : null;
    }

    private static NormLayer from(Layer old, NormBuilder<?, ?> builder) {
        if (!(old instanceof BatchNormalization ours)) {
            return builder.eps(((org.deeplearning4j.nn.conf.layers.BatchNormalization) old).getEps()).build();
        }
        // Copies, since a list of regularizations belongs to one layer.
        NormLayer copy = ours.clone();
        NormLayer made = builder.eps(ours.getEps()).activation(ours.getActivationFn()).gammaOffset(ours.getGammaOffset())
                .build();
        made.setGammaRegularization(copy.getGammaRegularization());
        made.setBetaRegularization(copy.getBetaRegularization());
        return made;
    }
}
