// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import io.github.dl4jnorm.conf.GroupNormalization;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;
import org.nd4j.nativeblas.NativeOpsHolder;

/** A program that runs one group norm forward and backward, and again, for {@link OneActivationTest} to look at. */
final class OneActivation {
    private static final int CHANNELS = 16;

    private OneActivation() {
    }

    /** The network is there: classes without a use, which show where the program is when they are loaded. */
    static final class Constructed {
        private Constructed() {
        }

        static void reached() {
        }
    }

    /** It has been used once. */
    static final class Used {
        private Used() {
        }

        static void reached() {
        }
    }

    /**
     * Runs it.
     *
     * @param args height and width of the images; number of threads
     */
    public static void main(String[] args) {
        int size = Integer.parseInt(args[0]);
        NormalizationLayer layer = layer(size);
        NativeOpsHolder.getInstance().getDeviceNativeOps().setOmpNumThreads(Integer.parseInt(args[1]));
        INDArray x = Nd4j.rand(DataType.FLOAT, 8, CHANNELS, size, size);
        Constructed.reached();
        forwardAndBackward(layer, x);
        Used.reached();
        forwardAndBackward(layer, x);
    }

    private static void forwardAndBackward(NormalizationLayer layer, INDArray x) {
        INDArray y = layer.activate(x, true, LayerWorkspaceMgr.noWorkspaces());
        layer.backpropGradient(y, LayerWorkspaceMgr.noWorkspaces());
    }

    private static NormalizationLayer layer(int size) {
        MultiLayerNetwork net = new MultiLayerNetwork(new NeuralNetConfiguration.Builder().list()
                .layer(new GroupNormalization.Builder(4).build())
                .layer(new OutputLayer.Builder(LossFunction.MSE).activation(Activation.IDENTITY).nOut(1).build())
                .setInputType(InputType.convolutional(size, size, CHANNELS)).build());
        net.init();
        net.initGradientsView();
        return (NormalizationLayer) net.getLayer(0);
    }
}
