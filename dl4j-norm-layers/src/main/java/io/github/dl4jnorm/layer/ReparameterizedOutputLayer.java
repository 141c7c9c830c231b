// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import io.github.dl4jnorm.conf.Reparameterization;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.api.layers.IOutputLayer;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.api.DataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;

/** An output layer with computed weights: labels and score are those of the layer inside. */
public final class ReparameterizedOutputLayer extends ReparameterizedLayer implements IOutputLayer {
    private static final long serialVersionUID = 1L;

    ReparameterizedOutputLayer(Reparameterization wrapper, IOutputLayer underlying, INDArray flatParams,
                               Map<String, INDArray> params) {
        super(wrapper, underlying, flatParams, params);
    }

    private IOutputLayer output() {
        return (IOutputLayer) underlying;
    }

    /** In training, an output layer is asked for its gradient without a forward pass before. */
    @Override
    public Pair<Gradient, INDArray> backpropGradient(INDArray epsilon, LayerWorkspaceMgr workspaceMgr) {
        compute(true, workspaceMgr);
        return super.backpropGradient(epsilon, workspaceMgr);
    }

    @Override
    public double computeScore(double fullNetRegTerm, boolean training, LayerWorkspaceMgr workspaceMgr) {
        compute(false, workspaceMgr);
        return output().computeScore(fullNetRegTerm, training, workspaceMgr);
    }

    @Override
    public INDArray computeScoreForExamples(double fullNetRegTerm, LayerWorkspaceMgr workspaceMgr) {
        compute(false, workspaceMgr);
        return output().computeScoreForExamples(fullNetRegTerm, workspaceMgr);
    }

    @Override
    public boolean needsLabels() {
        return output().needsLabels();
    }

    @Override
    public void setLabels(INDArray labels) {
        output().setLabels(labels);
    }

    @Override
    public INDArray getLabels() {
        return output().getLabels();
    }

    @Override
    public double f1Score(DataSet data) {
        return output().f1Score(data);
    }

    @Override
    public double f1Score(INDArray examples, INDArray labels) {
        return output().f1Score(examples, labels);
    }

    @Override
    public int numLabels() {
        return output().numLabels();
    }

    @Override
    public int[] predict(INDArray examples) {
        return output().predict(examples);
    }

    @Override
    public List<String> predict(DataSet data) {
        return output().predict(data);
    }

    @Override
    public void fit(DataSetIterator iterator) {
        fit();
    }

    @Override
    public void fit(INDArray examples, INDArray labels) {
        fit();
    }

    @Override
    public void fit(DataSet data) {
        fit();
    }

    @Override
    public void fit(INDArray examples, int[] labels) {
        fit();
    }
}
