// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.RunningStatistics;
import java.io.DataInputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.zip.ZipFile;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.util.ModelSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** What SECURITY.md shows: a model file of which nothing is used but numbers. */
class ParametersAloneTest {
    private static TestNetwork network() {
        Kind kind = Kind.CNN_FIRST;
        BatchNormalization norm = new BatchNormalization.Builder().runningStatistics(RunningStatistics.cumulative()).build();
        return TestNetwork.of(false, TestNetwork.Setup.FLOAT, kind.inputType(), List.of(kind.before(), norm, kind.output()));
    }

    @Test
    void theParametersInAModelFileMakeTheSameNetworkRunningStatisticsIncluded(@TempDir Path directory) throws IOException {
        Path model = directory.resolve("model.zip");
        TestNetwork trained = network();
        trained.fit(3, Kind.CNN_FIRST);
        ModelSerializer.writeModel(trained.sequence(), model.toFile(), true);

        MultiLayerNetwork net = network().sequence();
        try (ZipFile file = new ZipFile(model.toFile());
             DataInputStream in = new DataInputStream(file.getInputStream(file.getEntry("coefficients.bin")))) {
            INDArray params = Nd4j.read(in);
            if (params.length() != net.numParams()) {
                throw new IOException("expected " + net.numParams() + " parameters, got " + params.length());
            }
            net.setParams(params);
        }

        INDArray x = Kind.CNN_FIRST.input(5, DataType.FLOAT);
        double[] expected = TestNetwork.numbers(trained.output(x));
        assertThat(Arrays.mismatch(TestNetwork.numbers(net.output(x)), expected)).as("first output that differs").isEqualTo(-1);
        double[] mean = ((NormalizationLayer) net.getLayer(1)).runningMean();
        assertThat(mean).isEqualTo(trained.norm().runningMean()).isNotEqualTo(new double[mean.length]);
        assertThat(net.getLayer(1).getParam("batches").getDouble(0)).as("batches taken up").isEqualTo(3);
    }
}
