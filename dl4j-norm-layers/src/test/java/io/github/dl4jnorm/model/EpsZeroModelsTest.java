// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import static io.github.dl4jnorm.model.Nets.assertSameOutput;
import static io.github.dl4jnorm.model.Nets.graph;
import static io.github.dl4jnorm.model.Nets.ours;
import static io.github.dl4jnorm.model.Nets.output;
import static io.github.dl4jnorm.model.Nets.sequence;
import static io.github.dl4jnorm.model.Nets.stock;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.conf.BatchNormalization;
import java.util.List;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.ConvolutionMode;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Networks whose batch norms have an eps of 0 are replaced and folded. */
class EpsZeroModelsTest {

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aStockNetworkWithEpsZeroIsReplaced(boolean logStd) {
        Layer[] layers = {Linear.CNN.layer(true, ConvolutionMode.Same), stock().eps(0).useLogStd(logStd).build()};
        for (Model net : List.of(sequence(Linear.CNN.type(), layers), graph(Linear.CNN.type(), layers))) {
            Model replaced = NormReplacement.replace(net, NormRules.batchToBatch());
            Layer norm = replaced instanceof MultiLayerNetwork sequence ? sequence.getLayer(1).conf().getLayer()
                    : ((org.deeplearning4j.nn.graph.ComputationGraph) replaced).getLayer("l1").conf().getLayer();
            assertThat(((BatchNormalization) norm).getEps()).isZero();
            assertSameOutput(replaced, net, Linear.CNN.input(), 1e-5);
        }
    }

    @Test
    void aRunningVarianceOfZeroFoldsToBeta() {
        MultiLayerNetwork net = sequence(Linear.CNN.type(), Linear.CNN.layer(true, ConvolutionMode.Same),
                ours().eps(0).useLogStd(false).build());
        net.getParam("1_var").putScalar(1, 0);
        INDArray x = Linear.CNN.input();
        assertThat(output(net, x).isNaN().any()).isFalse();
        var result = BatchNormFolding.fold(net);
        assertThat(result.folded()).isEqualTo(1);
        assertSameOutput(result.net(), net, x, 1e-5);
    }
}
