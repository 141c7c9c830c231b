// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.spark;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Networks as bytes, which any serializer of Spark sends unchanged. */
final class SentNetwork {
    private SentNetwork() {
    }

    /** Configuration, parameters, score and the state of the updater. */
    static byte[] write(Model net) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (DataOutputStream out = new DataOutputStream(bytes)) {
            byte[] json = json(net).getBytes(StandardCharsets.UTF_8);
            out.writeBoolean(net instanceof ComputationGraph);
            out.writeInt(json.length);
            out.write(json);
            Nd4j.write(net.params(), out);
            out.writeDouble(net.score());
            INDArray state = updaterState(net);
            out.writeBoolean(state != null);
            if (state != null) {
                Nd4j.write(state, out);
            }
            return bytes.toByteArray();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String json(Model net) {
        return net instanceof ComputationGraph graph ? graph.getConfiguration().toJson()
                : ((MultiLayerNetwork) net).getLayerWiseConfigurations().toJson();
    }

    private static INDArray updaterState(Model net) {
        return net instanceof ComputationGraph graph ? graph.updaterState() : ((MultiLayerNetwork) net).updaterState();
    }

    /** A network with the parameters that were sent, and an updater with its state. */
    static Model read(byte[] bytes) {
        try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes))) {
            boolean isGraph = in.readBoolean();
            String json = new String(in.readNBytes(in.readInt()), StandardCharsets.UTF_8);
            Model net = isGraph ? new ComputationGraph(ComputationGraphConfiguration.fromJson(json))
                    : new MultiLayerNetwork(MultiLayerConfiguration.fromJson(json));
            net.init();
            net.setParams(Nd4j.read(in));
            setScore(net, in.readDouble());
            if (in.readBoolean()) {
                setUpdaterState(net, Nd4j.read(in));
            }
            return net;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void setUpdaterState(Model net, INDArray state) {
        if (net instanceof ComputationGraph graph) {
            graph.getUpdater().setStateViewArray(state);
        } else {
            ((MultiLayerNetwork) net).getUpdater().setStateViewArray((MultiLayerNetwork) net, state, false);
        }
    }

    static void setScore(Model net, double score) {
        if (net instanceof ComputationGraph graph) {
            graph.setScore(score);
        } else {
            ((MultiLayerNetwork) net).setScore(score);
        }
    }

    /** Takes over what training changes from a copy that was sent elsewhere. */
    static void takeOver(Model net, Model trained) {
        net.setParams(trained.params());
        setScore(net, trained.score());
        INDArray state = updaterState(trained);
        if (state != null) {
            setUpdaterState(net, state.dup());
        }
        if (net instanceof ComputationGraph graph) {
            graph.getConfiguration().setIterationCount(((ComputationGraph) trained).getIterationCount());
            graph.incrementEpochCount();
        } else {
            MultiLayerNetwork sequence = (MultiLayerNetwork) net;
            sequence.setIterationCount(((MultiLayerNetwork) trained).getIterationCount());
            sequence.incrementEpochCount();
        }
    }
}
