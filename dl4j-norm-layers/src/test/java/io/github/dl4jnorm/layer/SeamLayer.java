// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import io.github.dl4jnorm.conf.ConditionalNormalization;
import io.github.dl4jnorm.conf.ConditionedNorm;
import io.github.dl4jnorm.pass.ParameterArrays;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;

/** A row of the table of seams without a network, which gets the very arrays that a test made. */
interface SeamLayer {
    LayerWorkspaceMgr NO_WORKSPACES = LayerWorkspaceMgr.noWorkspaces();

    INDArray forward(INDArray x);

    /** Gradients of all inputs and then of all parameters. */
    List<double[]> backward(INDArray dy);

    static SeamLayer of(SeamRow row, Kind kind) {
        if (row.isNorm()) {
            LayerUnderTest under = NormCases.layer(row.norm(), kind, Kind.CHANNELS, DataType.FLOAT);
            return new OfLayer(under.layer, under.gradients);
        }
        if (row.isVertex()) {
            return new OfVertex(kind, (ConditionedNorm) row.conf());
        }
        org.deeplearning4j.nn.conf.layers.Layer layer = row.layer();
        layer.setNIn(inputType(kind), true);
        NeuralNetConfiguration conf = new NeuralNetConfiguration.Builder().seed(3).updater(new Sgd(0.1)).layer(layer).build();
        long count = conf.getLayer().initializer().numParams(conf);
        Layer made = conf.getLayer().instantiate(conf, null, 0, Nd4j.create(DataType.FLOAT, 1, count), true, DataType.FLOAT);
        INDArray gradients = Nd4j.create(DataType.FLOAT, 1, count);
        made.setBackpropGradientsViewArray(gradients);
        return new OfLayer(made, gradients);
    }

    /** Of what {@link NormCases#shape} gives for so many channels. */
    private static InputType inputType(Kind kind) {
        long[] shape = NormCases.shape(kind, 1, Kind.CHANNELS);
        return switch (kind) {
            case DENSE -> InputType.feedForward(Kind.CHANNELS);
            case RNN_FIRST -> InputType.recurrent(Kind.CHANNELS, shape[2], RNNFormat.NCW);
            case CNN_FIRST -> InputType.convolutional(shape[2], shape[3], Kind.CHANNELS, CNN2DFormat.NCHW);
            default -> throw new AssertionError("no row but norms has input of the kind " + kind);
        };
    }

    /** A layer. */
    record OfLayer(Layer layer, INDArray gradients) implements SeamLayer {
        @Override
        public INDArray forward(INDArray x) {
            layer.setInput(x, NO_WORKSPACES);
            return layer.activate(true, NO_WORKSPACES);
        }

        @Override
        public List<double[]> backward(INDArray dy) {
            INDArray dx = layer.backpropGradient(dy, NO_WORKSPACES).getSecond();
            return Stream.of(dx, gradients, layer.params() == null ? gradients : layer.params()).map(ParameterArrays::read)
                    .toList();
        }
    }

    /** A vertex; the condition stays the same. */
    final class OfVertex implements SeamLayer {
        private final ConditionedGraph net;
        private final Kind kind;
        private final ConditionedNorm conf;

        OfVertex(Kind kind, ConditionedNorm conf) {
            this.kind = kind;
            net = new ConditionedGraph(kind, conf.clone(), DataType.FLOAT, new Sgd(0.1));
            this.conf = conf;
        }

        @Override
        public INDArray forward(INDArray x) {
            long examples = x.size(0);
            long[] shape = conf instanceof ConditionalNormalization vectors
                    ? new long[]{examples, vectors.conditionLength(Kind.CHANNELS)}
                    : NormCases.shape(kind, examples, Kind.CHANNELS);
            return net.forward(x, NormCases.gaussian(new Random(4), 0.6, 1, shape).castTo(DataType.FLOAT));
        }

        @Override
        public List<double[]> backward(INDArray dy) {
            List<double[]> gradients = new ArrayList<>();
            for (INDArray gradient : net.backward(dy)) {
                gradients.add(ParameterArrays.read(gradient));
            }
            return gradients;
        }
    }
}
