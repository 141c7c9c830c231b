// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.spark;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.serializer.KryoSerializer;
import org.deeplearning4j.nn.conf.GradientNormalization;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** Clusters within this JVM or of several, and what is trained there. */
final class Clusters {
    static final int FEATURES = 3;

    private Clusters() {
    }

    static JavaSparkContext start(String master) {
        Path jars = Path.of(System.getenv("SPARK_HOME"), "jars");
        try {
            Files.createDirectories(jars);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        String options = ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(option -> option.startsWith("--add-") || option.startsWith("-Daeron"))
                .collect(Collectors.joining(" "));
        return new JavaSparkContext(new SparkConf().setAppName("test").setMaster(master)
                .set("spark.serializer", KryoSerializer.class.getName())
                .set("spark.kryo.registrator", "org.nd4j.kryo.Nd4jRegistrator").set("spark.ui.enabled", "false")
                .set("spark.locality.wait", "0").set("spark.scheduler.barrier.maxConcurrentTasksCheck.interval", "1s")
                .set("spark.executorEnv.OMP_NUM_THREADS", "1")
                .set("spark.executor.extraClassPath", System.getProperty("surefire.test.class.path",
                        System.getProperty("java.class.path")))
                .set("spark.executor.extraJavaOptions", options));
    }

    static NeuralNetConfiguration.Builder base() {
        return new NeuralNetConfiguration.Builder().seed(1).dataType(DataType.DOUBLE).updater(new Adam(0.01))
                .gradientNormalization(GradientNormalization.ClipL2PerLayer).gradientNormalizationThreshold(0.5).l2(0.01);
    }

    static MultiLayerNetwork net(Layer norm) {
        MultiLayerNetwork net = new MultiLayerNetwork(base().list().layer(norm.clone())
                .layer(new DenseLayer.Builder().nOut(4).activation(Activation.TANH).build()).layer(norm.clone())
                .layer(new OutputLayer.Builder(LossFunction.MSE).activation(Activation.IDENTITY).nOut(2).build())
                .setInputType(InputType.feedForward(FEATURES)).build());
        net.init();
        return net;
    }

    /** Batches of so many examples each, far from 0. */
    static List<DataSet> batches(int... sizes) {
        Nd4j.getRandom().setSeed(3);
        List<DataSet> batches = new ArrayList<>();
        for (int size : sizes) {
            batches.add(new DataSet(Nd4j.randn(DataType.DOUBLE, size, FEATURES).muli(2).addi(100),
                    Nd4j.rand(DataType.DOUBLE, size, 2)));
        }
        return batches;
    }
}
