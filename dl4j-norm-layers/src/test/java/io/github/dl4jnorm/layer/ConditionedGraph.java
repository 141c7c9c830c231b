// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import io.github.dl4jnorm.conf.ConditionalNormalization;
import io.github.dl4jnorm.conf.ConditionedNorm;
import java.util.Random;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.Convolution3D;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.config.IUpdater;

/** A graph with a conditioned norm behind a layer for each input; also the vertex alone. */
final class ConditionedGraph {
    final ComputationGraph graph;
    final ConditionedVertex vertex;

    ConditionedGraph(Kind kind, ConditionedNorm conf, DataType type, IUpdater updater) {
        boolean vector = conf instanceof ConditionalNormalization;
        long length = vector ? ((ConditionalNormalization) conf).conditionLength(Kind.CHANNELS) : Kind.CHANNELS;
        graph = new ComputationGraph(new NeuralNetConfiguration.Builder().seed(5).dataType(type).updater(updater)
                .graphBuilder().addInputs("content", "condition")
                .setInputTypes(kind.inputType(), vector ? InputType.feedForward(3) : otherSize(kind))
                .addLayer("before", kind.before(), "content")
                .addLayer("other", vector ? new DenseLayer.Builder().nOut(length).activation(Activation.IDENTITY)
                        .biasInit(0.5).build() : kind.before(), "condition")
                .addVertex("norm", conf, "before", "other")
                .addLayer("pool", kind.pooling(), "norm")
                .addLayer("out", kind.denseOutput(), "pool").setOutputs("out").build());
        graph.init();
        vertex = (ConditionedVertex) graph.getVertex("norm");
    }

    /** As the kind's, with other positions. */
    private static InputType otherSize(Kind kind) {
        return switch (kind) {
            case DENSE -> kind.inputType();
            case RNN_FIRST -> InputType.recurrent(3, 3, RNNFormat.NCW);
            case RNN_LAST -> InputType.recurrent(3, 3, RNNFormat.NWC);
            case CNN_FIRST -> InputType.convolutional(3, 2, 2, CNN2DFormat.NCHW);
            case CNN_LAST -> InputType.convolutional(3, 2, 2, CNN2DFormat.NHWC);
            case CNN3D_FIRST -> InputType.convolutional3D(Convolution3D.DataFormat.NCDHW, 2, 3, 2, 2);
            case CNN3D_LAST -> InputType.convolutional3D(Convolution3D.DataFormat.NDHWC, 2, 3, 2, 2);
        };
    }

    /** Input for "condition". */
    static INDArray condition(Kind kind, boolean vector, int examples, Random random, DataType type) {
        long[] shape = vector ? new long[]{examples, 3} : switch (kind) {
            case DENSE -> throw new IllegalArgumentException("no style is dense");
            case RNN_FIRST, RNN_LAST -> new long[]{examples, 3, 3};
            case CNN_FIRST -> new long[]{examples, 2, 3, 2};
            case CNN_LAST -> new long[]{examples, 3, 2, 2};
            case CNN3D_FIRST -> new long[]{examples, 2, 2, 3, 2};
            case CNN3D_LAST -> new long[]{examples, 2, 3, 2, 2};
        };
        return NormCases.gaussian(random, 0.5, 1, shape).castTo(type);
    }

    /** Masks for the two inputs, as if they came from the vertices in front. */
    ConditionedGraph masks(INDArray content, INDArray condition) {
        graph.setLayerMaskArrays(new INDArray[2], null);
        vertex.feedForwardMaskArrays(new INDArray[]{content, condition}, null, 0);
        return this;
    }

    INDArray forward(INDArray content, INDArray condition) {
        vertex.setInput(0, content, LayerWorkspaceMgr.noWorkspaces());
        vertex.setInput(1, condition, LayerWorkspaceMgr.noWorkspaces());
        return vertex.doForward(true, LayerWorkspaceMgr.noWorkspaces());
    }

    INDArray[] backward(INDArray dy) {
        vertex.setEpsilon(dy);
        return vertex.doBackward(false, LayerWorkspaceMgr.noWorkspaces()).getSecond();
    }
}
