// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import io.github.dl4jnorm.convolution.FastLayers;
import io.github.dl4jnorm.convolution.LayerSwap;
import io.github.dl4jnorm.convolution.OneDnn;
import io.github.dl4jnorm.convolution.SelfCheck;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs the convolutions of a network on oneDNN, the library that PyTorch computes them with on CPUs.
 *
 * <pre>{@code
 * MultiLayerNetwork net = new MultiLayerNetwork(conf);
 * net.init();
 * System.out.println(FastConvolution.enable(net));
 * net.fit(data, 10);
 * }</pre>
 *
 * Requires the dependency {@code org.bytedeco:dnnl-platform:2.5.2-1.5.7}, which has native libraries for Linux (x86-64
 * and arm64), Windows and macOS (x86-64), and ND4J's CPU backend. It works with and without this library's norms.
 *
 * <p>Supported layers: convolution in 1D, 2D and 3D, transposed convolution in 2D and 3D, depthwise and separable convolution,
 * 2D max and mean pooling; all modes, strides, dilations and data formats, with any activation, dropout, weight noise and
 * constraints; frozen and inside wrappers, too. Parameters, gradients, updater state and saved files stay as they are. A ReLU
 * that is the layer's own activation costs nothing.
 *
 * <p>Networks made from the network are not fast: enable them as well after {@code clone()}, {@code convertDataType}, transfer
 * learning or loading. Workers of a ParallelWrapper are enabled by {@link #listener}.
 *
 * <p>A layer keeps primitives for the eight input sizes it last saw, and each thread scratch memory of about four times the
 * largest activation. A layer with a ReLU keeps its output a second time until the backward pass.
 */
public final class FastConvolution {
    private static final Logger LOG = LoggerFactory.getLogger(FastConvolution.class);

    /** Largest relative difference between oneDNN and Deeplearning4j for a layer to be enabled. */
    private static final double TOLERANCE = 1e-4;

    private FastConvolution() {
    }

    /**
     * Describes what happened to one convolution or pooling layer.
     *
     * @param layer      name of the layer, or its index or vertex
     * @param type       class of its configuration
     * @param reason     why the layer stays as it was, or null if it runs on oneDNN
     * @param difference largest difference from Deeplearning4j's result in the comparison that {@link #enable} makes, relative
     *                   to the largest element of the array compared; NaN if nothing was compared
     */
    public record Outcome(String layer, String type, String reason, double difference) {
        /** {@return whether the layer runs on oneDNN} */
        public boolean enabled() {
            return reason == null;
        }

        @Override
        public String toString() {
            String name = layer + " (" + type + "): ";
            return enabled() ? name + String.format(Locale.ROOT, "oneDNN, difference from Deeplearning4j %.1e", difference)
                    : name + "unchanged, " + reason;
        }
    }

    /**
     * Reports what {@link #enable} did.
     *
     * @param outcomes the convolution and pooling layers of the network, from input to output
     */
    public record Result(List<Outcome> outcomes) {
        /** {@return the number of layers that run on oneDNN} */
        public long enabled() {
            return outcomes.stream().filter(Outcome::enabled).count();
        }

        /** {@return one line for each layer, then how many run on oneDNN} */
        @Override
        public String toString() {
            StringBuilder lines = new StringBuilder();
            outcomes.forEach(outcome -> lines.append(outcome).append('\n'));
            return lines.append(outcomes.isEmpty() ? "The network has no convolution or pooling layers"
                    : enabled() + " of " + outcomes.size() + " convolution and pooling layers run on oneDNN")
                    .toString();
        }
    }

    /**
     * Runs the convolutions and poolings of a network on oneDNN from now on. Each layer is compared with Deeplearning4j's own
     * on a small random input first, forward and backward; a layer whose results differ stays as it was. The network may be
     * new or trained, and may be trained further; layers that are enabled already stay so.
     *
     * @param net an initialized MultiLayerNetwork or ComputationGraph; its layers are exchanged
     * @return what happened to each layer, with the reason for each that stays as it was
     * @throws IllegalArgumentException if the model is of another kind
     * @throws IllegalStateException    if the network is not initialized
     */
    public static Result enable(Model net) {
        List<Outcome> outcomes = new ArrayList<>();
        LayerSwap.apply(net, (key, layer) -> {
            if (!FastLayers.concern(layer)) {
                return layer;
            }
            Outcome outcome = tried(key, layer);
            outcomes.add(outcome);
            if (FastLayers.isFast(layer)) {
                return outcome.enabled() ? layer : FastLayers.stock(layer);
            }
            return outcome.enabled() ? FastLayers.fast(layer) : layer;
        });
        Result result = new Result(List.copyOf(outcomes));
        if (result.enabled() < outcomes.size()) {
            LOG.warn("{}", result);
        } else {
            LOG.debug("{}", result);
        }
        return result;
    }

    private static Outcome tried(String key, Layer layer) {
        String name = layer.conf().getLayer().getLayerName();
        String type = layer.conf().getLayer().getClass().getSimpleName();
        String reason = obstacle(layer);
        double difference = Double.NaN;
        if (reason == null) {
            try {
                SelfCheck.Finding finding = SelfCheck.of(layer.conf());
                difference = finding.difference();
                if (difference > TOLERANCE) {
                    reason = String.format(Locale.ROOT, "the %s differs from Deeplearning4j's by %.1e", finding.where(),
                            difference);
                }
            } catch (RuntimeException | LinkageError e) {
                reason = "could not be compared: " + e.getMessage();
            }
        }
        return new Outcome(name == null ? key : name, type, reason, difference);
    }

    private static String obstacle(Layer layer) {
        return OneDnn.missing() == null ? FastLayers.obstacle(layer) : OneDnn.missing();
    }

    /**
     * Gives a network Deeplearning4j's own convolutions and poolings back.
     *
     * @param net a MultiLayerNetwork or ComputationGraph
     * @throws IllegalArgumentException if the model is of another kind
     * @throws IllegalStateException    if the network is not initialized
     */
    public static void disable(Model net) {
        LayerSwap.apply(net, (key, layer) -> FastLayers.isFast(layer) ? FastLayers.stock(layer) : layer);
    }

    /**
     * Counts the layers that run on oneDNN.
     *
     * @param net a MultiLayerNetwork or ComputationGraph
     * @return how many layers {@link #enable} exchanged
     * @throws IllegalArgumentException if the model is of another kind
     * @throws IllegalStateException    if the network is not initialized
     */
    public static int count(Model net) {
        int[] count = new int[1];
        LayerSwap.apply(net, (key, layer) -> {
            count[0] += FastLayers.isFast(layer) ? 1 : 0;
            return layer;
        });
        return count[0];
    }

    /**
     * Returns why convolutions cannot run on oneDNN here.
     *
     * @return the reason and what to do, or null if they can
     */
    public static String missing() {
        return OneDnn.missing();
    }

    /**
     * Returns a listener that enables every network it hears of, after its first step. It is for networks that others make,
     * such as the workers of a ParallelWrapper: {@code wrapper.setListeners(FastConvolution.listener())}.
     *
     * @return a listener that any number of networks and threads may share
     */
    public static TrainingListener listener() {
        return new Enabler();
    }

    /** Remembers, for each thread, the network that it saw last: what cannot be enabled is not tried again at every step. */
    private static final class Enabler extends BaseTrainingListener {
        private final ThreadLocal<WeakReference<Model>> seen = new ThreadLocal<>();

        @Override
        public void iterationDone(Model model, int iteration, int epoch) {
            if (seen.get() == null || seen.get().get() != model) {
                seen.set(new WeakReference<>(model));
                enable(model);
            }
        }
    }
}
