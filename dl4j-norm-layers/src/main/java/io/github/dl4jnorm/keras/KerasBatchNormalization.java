// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.keras;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.BatchRenormalization;
import io.github.dl4jnorm.conf.GhostBatchNormalization;
import io.github.dl4jnorm.conf.NormBuilder;
import io.github.dl4jnorm.conf.NormParameter;
import io.github.dl4jnorm.conf.RunningNormLayer;
import io.github.dl4jnorm.conf.RunningStatistics;
import java.util.HashMap;
import java.util.Map;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.modelimport.keras.exceptions.InvalidKerasConfigurationException;
import org.deeplearning4j.nn.modelimport.keras.exceptions.UnsupportedKerasConfigurationException;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Imports Keras's BatchNormalization, including axis, center, scale and regularizers, which Deeplearning4j's importer
 * ignores or rejects. Only {@link NormImports#importKeras} uses this class, because layers that Deeplearning4j supports
 * cannot be registered again. A layer with trainable=False gets frozen statistics, as in Keras. renorm imports as batch
 * renormalization, virtual_batch_size as ghost batch normalization, synchronized as {@code synchronize(true)}.
 */
public final class KerasBatchNormalization extends KerasNorm {
    private static final double DEFAULT_MOMENTUM = 0.99;
    private static final double NO_LIMIT = 1e30;
    private static final String VIRTUAL = "virtual_batch_size";
    private static final String SYNCHRONIZED = "synchronized";
    private static final String CLIPPING = "renorm_clipping";

    /**
     * Creates the layer from its Keras configuration; called by the importer.
     *
     * @param layerConfig configuration of the layer
     * @throws InvalidKerasConfigurationException     if a required entry is missing
     * @throws UnsupportedKerasConfigurationException if an option is not supported
     */
    public KerasBatchNormalization(Map<String, Object> layerConfig)
            throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        super(layerConfig);
    }

    @Override
    NormBuilder<?, ?> builder(int rank, int channels)
            throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        Object virtual = options().get(VIRTUAL);
        if (virtual != null && (isRenormalized() || options().integer(VIRTUAL, 0) < 1)) {
            throw options().unsupported(VIRTUAL, virtual, "expected a positive integer and renorm = False");
        }
        double momentum = options().number("momentum", DEFAULT_MOMENTUM);
        if (!(momentum >= 0 && momentum <= 1)) {
            throw options().unsupported("momentum", momentum, "expected a number from 0 to 1");
        }
        RunningStatistics statistics = RunningStatistics.decay(momentum).unbiased(false);
        boolean synchronize = options().flag(SYNCHRONIZED, false);
        if (synchronize && virtual != null) {
            throw options().unsupported(SYNCHRONIZED, true, "expected False with " + VIRTUAL);
        }
        if (isRenormalized()) {
            return renormalization(momentum).runningStatistics(statistics).synchronize(synchronize);
        }
        return virtual == null
                ? new BatchNormalization.Builder().useLogStd(false).runningStatistics(statistics).synchronize(synchronize)
                : new GhostBatchNormalization.Builder(options().integer(VIRTUAL, 0)).runningStatistics(statistics);
    }

    private boolean isRenormalized() throws InvalidKerasConfigurationException {
        return options().flag("renorm", false);
    }

    /** Its limits are there from the first step on; where Keras has none, they are out of reach. */
    private BatchRenormalization.Builder renormalization(double momentum)
            throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        if (options().number("renorm_momentum", DEFAULT_MOMENTUM) != momentum) {
            throw options().unsupported("renorm_momentum", options().get("renorm_momentum"), "expected the value of momentum, "
                    + momentum + ", because the layer keeps a single running mean and variance");
        }
        BatchRenormalization.Builder builder = new BatchRenormalization.Builder().schedule(0, 0, 0).rMax(NO_LIMIT)
                .dMax(NO_LIMIT);
        if (options().get(CLIPPING) != null) {
            KerasOptions limits = options().inner(CLIPPING);
            double most = limits.number("rmax", NO_LIMIT);
            double product = limits.number("rmin", 1 / NO_LIMIT) * most;
            if (!(most >= 1 && Math.abs(product - 1) < 1e-3)) {
                throw options().unsupported(CLIPPING, options().get(CLIPPING), "expected rmax >= 1 and rmin = 1/rmax");
            }
            builder.rMax(most).dMax(limits.number("dmax", NO_LIMIT));
        }
        return builder;
    }

    /**
     * Sets the weights. Keras stores a separate mean and deviation for renormalization; this library uses those of test
     * time for both.
     */
    @Override
    public void setWeights(Map<String, INDArray> given) throws InvalidKerasConfigurationException {
        Map<String, INDArray> kept = new HashMap<>(given);
        if (isRenormalized()) {
            kept.keySet().removeIf(name -> name.startsWith("renorm_"));
        }
        super.setWeights(kept);
        if (isRenormalized()) {
            weights.put(NormParameter.BATCHES, Nd4j.zeros(DataType.FLOAT, 1));
        }
    }

    @Override
    public InputType getOutputType(InputType... inputType)
            throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        InputType type = super.getOutputType(inputType);
        ((RunningNormLayer) layer).setStatisticsFrozen(!options().flag("trainable", true));
        return type;
    }

    @Override
    Map<String, String> weightNames() throws InvalidKerasConfigurationException {
        Map<String, String> names = super.weightNames();
        names.put(NormParameter.MEAN, "moving_mean");
        names.put(NormParameter.VAR, "moving_variance");
        return names;
    }
}
