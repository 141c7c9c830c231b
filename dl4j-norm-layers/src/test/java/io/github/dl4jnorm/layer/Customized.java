// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.BatchRenormalization;
import io.github.dl4jnorm.conf.GhostBatchNormalization;
import io.github.dl4jnorm.conf.FilterResponseNormalization;
import io.github.dl4jnorm.conf.GlobalResponseNormalization;
import io.github.dl4jnorm.conf.GroupNormalization;
import io.github.dl4jnorm.conf.InstanceNormalization;
import io.github.dl4jnorm.conf.LayerNormalization;
import io.github.dl4jnorm.conf.NormBuilder;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.RmsNormalization;
import io.github.dl4jnorm.conf.RunningStatistics;
import io.github.dl4jnorm.conf.SwitchableNormalization;
import io.github.dl4jnorm.conf.SyncBatchNormalization;
import io.github.dl4jnorm.conf.UnitNormalization;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.constraint.MaxNormConstraint;
import org.deeplearning4j.nn.conf.constraint.NonNegativeConstraint;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.regularization.L1Regularization;
import org.nd4j.linalg.learning.regularization.L2Regularization;

/** Norms none of whose options is the default. */
enum Customized {
    BATCH {
        @Override
        NormLayer layer(Kind kind) {
            return common(new BatchNormalization.Builder().decay(0.8).useLogStd(false).minibatch(false)
                    .helperAllowFallback(false), kind).build();
        }
    },
    BATCH_CUMULATIVE {
        @Override
        NormLayer layer(Kind kind) {
            return common(new BatchNormalization.Builder()
                    .runningStatistics(RunningStatistics.cumulative().unbiased(false)).useLogStd(true), kind)
                    .activation(Activation.RELU).build();
        }
    },
    BATCH_LOCKED {
        @Override
        NormLayer layer(Kind kind) {
            return common(new BatchNormalization.Builder(1.5, 0.25, true)
                    .runningStatistics(RunningStatistics.momentum(0.3)), kind).build();
        }
    },
    SYNC {
        @Override
        NormLayer layer(Kind kind) {
            return common(new SyncBatchNormalization.Builder().decay(0.8).useLogStd(false).minibatch(false)
                    .helperAllowFallback(false), kind).build();
        }
    },
    GROUP {
        @Override
        NormLayer layer(Kind kind) {
            return common(new GroupNormalization.Builder().groupSize(2), kind).center(false).build();
        }
    },
    INSTANCE {
        @Override
        NormLayer layer(Kind kind) {
            return common(new InstanceNormalization.Builder().trackRunningStats(true).epsOutside(true)
                    .runningStatistics(RunningStatistics.cumulative()), kind).build();
        }
    },
    LAYER {
        @Override
        NormLayer layer(Kind kind) {
            return common(new LayerNormalization.Builder().perPosition(true), kind).scale(false).build();
        }
    },
    LAYER_ELEMENTWISE {
        @Override
        NormLayer layer(Kind kind) {
            return common(new LayerNormalization.Builder().elementwiseAffine(true), kind).build();
        }
    },
    SWITCHABLE {
        @Override
        NormLayer layer(Kind kind) {
            return common(new SwitchableNormalization.Builder().synchronize(true)
                    .runningStatistics(RunningStatistics.cumulative()), kind).build();
        }
    },
    SWITCHABLE_BATCH_AVERAGE {
        @Override
        NormLayer layer(Kind kind) {
            return common(new SwitchableNormalization.Builder().batchAverage(true)
                    .runningStatistics(RunningStatistics.decay(0.5)), kind).build();
        }
    },
    SWITCHABLE_WITHOUT_BATCH {
        @Override
        NormLayer layer(Kind kind) {
            return common(new SwitchableNormalization.Builder().useBatch(false), kind).build();
        }
    },
    GHOST {
        @Override
        NormLayer layer(Kind kind) {
            return common(new GhostBatchNormalization.Builder(2).runningStatistics(RunningStatistics.decay(0.7)), kind).build();
        }
    },
    RENORM {
        @Override
        NormLayer layer(Kind kind) {
            return common(new BatchRenormalization.Builder().rMax(2).dMax(3).schedule(1, 3, 4), kind).build();
        }
    },
    FILTER_RESPONSE {
        @Override
        NormLayer layer(Kind kind) {
            return common(new FilterResponseNormalization.Builder().learnedEps(true), kind).build();
        }
    },
    GLOBAL_RESPONSE {
        @Override
        NormLayer layer(Kind kind) {
            return common(new GlobalResponseNormalization.Builder(), kind).build();
        }
    },
    RMS {
        @Override
        NormLayer layer(Kind kind) {
            return common(new RmsNormalization.Builder(), kind).center(true).build();
        }
    },
    UNIT {
        @Override
        NormLayer layer(Kind kind) {
            return common(new UnitNormalization.Builder(), kind).scale(true).build();
        }
    },
    RMS_OF_EXAMPLE {
        @Override
        NormLayer layer(Kind kind) {
            return common(new RmsNormalization.Builder().perPosition(false), kind).center(true).build();
        }
    },
    UNIT_OF_EXAMPLE {
        @Override
        NormLayer layer(Kind kind) {
            return common(new UnitNormalization.Builder().perPosition(false), kind).scale(true).build();
        }
    };

    abstract NormLayer layer(Kind kind);

    boolean cumulative() {
        return this == BATCH_CUMULATIVE || this == INSTANCE || this == SWITCHABLE || this == RENORM;
    }

    boolean takes(Kind kind) {
        return this != INSTANCE && this != FILTER_RESPONSE && this != GLOBAL_RESPONSE || !kind.dense();
    }

    private static <T extends NormBuilder<T, ?>> T common(T builder, Kind kind) {
        return builder.name("norm").eps(1e-3).gammaInit(1.5).betaInit(0.25).activation(Activation.TANH)
                .updater(new Adam(0.03)).gammaRegularization(new L2Regularization(0.01))
                .betaRegularization(new L1Regularization(0.001)).constrainGamma(new MaxNormConstraint(2.5, 0))
                .constrainBeta(new NonNegativeConstraint())
                .dataFormat(kind.channelsLast ? CNN2DFormat.NHWC : CNN2DFormat.NCHW);
    }
}
