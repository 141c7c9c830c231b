// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import io.github.dl4jnorm.pass.Slices;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.deeplearning4j.nn.api.Trainable;
import org.deeplearning4j.nn.updater.BaseMultiLayerUpdater;
import org.deeplearning4j.nn.updater.UpdaterBlock;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The state of a network's updater, parameter by parameter. Deeplearning4j keeps it by blocks of parameters with equal
 * updaters, so every change of layers moves all of it.
 */
final class UpdaterStates {
    private UpdaterStates() {
    }

    /** Copies of all state, by layer (or vertex), parameter and name of the state. */
    static Map<Trainable, Map<String, Map<String, INDArray>>> read(BaseMultiLayerUpdater<?> updater) {
        Map<Trainable, Map<String, Map<String, INDArray>>> all = new IdentityHashMap<>();
        if (updater != null) {
            visit(updater, (owner, param, name, state) -> all.computeIfAbsent(owner, key -> new LinkedHashMap<>())
                    .computeIfAbsent(param, key -> new LinkedHashMap<>()).put(name, state.dup()));
        }
        return all;
    }

    /**
     * Writes what is known of each parameter's state; the rest stays as it is.
     *
     * @param updater updater of the new network
     * @param known   state by parameter for each layer (or vertex)
     */
    static void write(BaseMultiLayerUpdater<?> updater, Function<Trainable, Map<String, Map<String, INDArray>>> known) {
        visit(updater, (owner, param, name, state) -> {
            INDArray old = known.apply(owner).getOrDefault(param, Map.of()).get(name);
            if (old != null && old.length() == state.length()) {
                state.assign(old);
            }
        });
    }

    private interface Visitor {
        void visit(Trainable owner, String param, String name, INDArray view);
    }

    private static void visit(BaseMultiLayerUpdater<?> updater, Visitor visitor) {
        for (UpdaterBlock block : updater.getUpdaterBlocks()) {
            Map<String, INDArray> states = block.getGradientUpdater().getState();
            List<UpdaterBlock.ParamState> params = block.getLayersAndVariablesInBlock();
            states.forEach((name, whole) -> {
                for (UpdaterBlock.ParamState param : params) {
                    int from = param.getParamOffsetStart() - block.getParamOffsetStart();
                    int to = param.getParamOffsetEnd() - block.getParamOffsetStart();
                    visitor.visit(param.getLayer(), param.getParamName(), name, Slices.elements(whole, from, to));
                }
            });
        }
    }
}
