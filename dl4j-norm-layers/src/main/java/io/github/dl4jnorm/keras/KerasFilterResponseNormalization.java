// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.keras;

import io.github.dl4jnorm.conf.FilterResponseNormalization;
import io.github.dl4jnorm.conf.NormBuilder;
import io.github.dl4jnorm.conf.NormParameter;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.deeplearning4j.nn.modelimport.keras.exceptions.InvalidKerasConfigurationException;
import org.deeplearning4j.nn.modelimport.keras.exceptions.UnsupportedKerasConfigurationException;

/**
 * Imports FilterResponseNormalization of TensorFlow Addons. Its axis option lists the positions, and it has no threshold.
 */
public final class KerasFilterResponseNormalization extends KerasNorm {
    private static final double EPSILON = 1e-6;

    /**
     * Creates the layer from its Keras configuration; called by the importer.
     *
     * @param layerConfig configuration of the layer
     * @throws InvalidKerasConfigurationException     if a required entry is missing
     * @throws UnsupportedKerasConfigurationException if an option is not supported
     */
    public KerasFilterResponseNormalization(Map<String, Object> layerConfig)
            throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        super(layerConfig);
    }

    @Override
    double defaultEpsilon() {
        return EPSILON;
    }

    private boolean learnsEpsilon() throws InvalidKerasConfigurationException {
        return options().flag("learned_epsilon", false);
    }

    @Override
    boolean channelsLast(int rank) throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        List<Integer> axes = options().axes(rank).stream().sorted().toList();
        boolean last = axes.equals(IntStream.range(1, rank - 1).boxed().toList());
        if (rank == 2 || !last && !axes.equals(IntStream.range(2, rank).boxed().toList())) {
            throw options().unsupported("axis", options().get("axis"),
                    "expected all axes except batch and channels, for input of rank 3 to 5");
        }
        return last;
    }

    @Override
    Map<String, String> weightNames() throws InvalidKerasConfigurationException {
        Map<String, String> names = super.weightNames();
        if (learnsEpsilon()) {
            names.put(NormParameter.LEARNED_EPS, "learned_epsilon");
        }
        return names;
    }

    @Override
    NormBuilder<?, ?> builder(int rank, int channels)
            throws InvalidKerasConfigurationException, UnsupportedKerasConfigurationException {
        Object constraint = options().get("learned_epsilon_constraint");
        if (constraint != null) {
            throw options().unsupported("learned_epsilon_constraint", constraint, "expected None");
        }
        return new FilterResponseNormalization.Builder().threshold(false).learnedEps(learnsEpsilon());
    }
}
