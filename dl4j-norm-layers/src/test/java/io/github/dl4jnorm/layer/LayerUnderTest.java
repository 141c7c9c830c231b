// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import io.github.dl4jnorm.conf.NormLayer;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;

/** A single norm outside of any network. */
final class LayerUnderTest {
    final NormalizationLayer layer;
    final INDArray params;
    final INDArray gradients;

    LayerUnderTest(NormLayer norm, long channels, DataType type) {
        norm.setNIn(channels);
        norm.setDataType(type);
        NeuralNetConfiguration conf =
                new NeuralNetConfiguration.Builder().updater(new Sgd(0.1)).dataType(type).layer(norm).build();
        long count = conf.getLayer().initializer().numParams(conf);
        params = Nd4j.create(type, 1, Math.max(1, count));
        gradients = Nd4j.create(type, 1, Math.max(1, count));
        layer = (NormalizationLayer) conf.getLayer().instantiate(conf, null, 0, params, true, type);
        if (count > 0) {
            layer.setBackpropGradientsViewArray(gradients);
        }
    }

    LayerUnderTest mask(INDArray mask) {
        layer.setMaskArray(mask);
        return this;
    }

    INDArray forward(INDArray x, boolean training) {
        return layer.activate(x, training, LayerWorkspaceMgr.noWorkspaces());
    }

    Pair<Gradient, INDArray> backward(INDArray dy) {
        return layer.backpropGradient(dy, LayerWorkspaceMgr.noWorkspaces());
    }

    INDArray dx(INDArray dy) {
        return backward(dy).getSecond();
    }

    /** A training step without an update of gamma and beta: forward, backward. */
    INDArray step(INDArray x) {
        INDArray y = forward(x, true);
        dx(Nd4j.ones(y.dataType(), y.shape()));
        return y;
    }

    INDArray param(String name) {
        return layer.getParam(name);
    }
}
