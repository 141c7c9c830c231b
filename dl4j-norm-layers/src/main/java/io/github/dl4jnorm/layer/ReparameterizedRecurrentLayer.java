// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import io.github.dl4jnorm.conf.Reparameterization;
import java.util.Map;
import org.deeplearning4j.nn.api.layers.RecurrentLayer;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.ndarray.INDArray;

/** A recurrent layer with computed weights: the state is that of the layer inside. */
public final class ReparameterizedRecurrentLayer extends ReparameterizedLayer implements RecurrentLayer {
    private static final long serialVersionUID = 1L;

    ReparameterizedRecurrentLayer(Reparameterization wrapper, RecurrentLayer underlying, INDArray flatParams,
                                  Map<String, INDArray> params) {
        super(wrapper, underlying, flatParams, params);
    }

    private RecurrentLayer recurrent() {
        return (RecurrentLayer) underlying;
    }

    @Override
    public INDArray rnnTimeStep(INDArray input, LayerWorkspaceMgr workspaceMgr) {
        compute(false, workspaceMgr);
        return recurrent().rnnTimeStep(input, workspaceMgr);
    }

    @Override
    public INDArray rnnActivateUsingStoredState(INDArray input, boolean training, boolean storeLastForTBPTT,
                                                LayerWorkspaceMgr workspaceMgr) {
        compute(training, workspaceMgr);
        return recurrent().rnnActivateUsingStoredState(input, training, storeLastForTBPTT, workspaceMgr);
    }

    @Override
    public Pair<Gradient, INDArray> tbpttBackpropGradient(INDArray epsilon, int tbpttBackLength,
                                                          LayerWorkspaceMgr workspaceMgr) {
        return throughWeights(recurrent().tbpttBackpropGradient(epsilon, tbpttBackLength, workspaceMgr), workspaceMgr);
    }

    @Override
    public Map<String, INDArray> rnnGetPreviousState() {
        return recurrent().rnnGetPreviousState();
    }

    @Override
    public void rnnSetPreviousState(Map<String, INDArray> state) {
        recurrent().rnnSetPreviousState(state);
    }

    @Override
    public void rnnClearPreviousState() {
        recurrent().rnnClearPreviousState();
    }

    @Override
    public Map<String, INDArray> rnnGetTBPTTState() {
        return recurrent().rnnGetTBPTTState();
    }

    @Override
    public void rnnSetTBPTTState(Map<String, INDArray> state) {
        recurrent().rnnSetTBPTTState(state);
    }
}
