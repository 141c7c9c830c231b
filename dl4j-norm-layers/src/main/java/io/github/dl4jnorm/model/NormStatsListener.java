// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import io.github.dl4jnorm.layer.NormalizationLayer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Samples the norms of a network during training. Each {@link NormSample} has the statistics and parameters of one norm in
 * one iteration.
 *
 * <pre>{@code
 * NormStatsListener stats = new NormStatsListener();
 * net.addListeners(stats);
 * net.fit(data);
 * NormStatsCsv.write(stats, Path.of("norms.csv"));
 * }</pre>
 *
 * <p>By default every tenth iteration is sampled. When the maximum number of samples is reached, every other sample is
 * dropped and the interval doubles, so memory is bounded and samples stay evenly spaced however long training takes. For
 * layers with many channels a subset is sampled, evenly spaced. A listener follows one network at a time. Another network
 * replaces the previous one; samples of layers with the same name continue.
 */
public final class NormStatsListener extends BaseTrainingListener {
    private final int channels;
    private final int capacity;
    private int interval;
    private Model known;
    private Map<String, NormalizationLayer> layers = Map.of();
    private final Map<String, List<NormSample>> samples = new LinkedHashMap<>();
    private final Map<String, Distributions> first = new LinkedHashMap<>();
    private final Map<String, Distributions> last = new LinkedHashMap<>();
    private final Map<String, NormSample> pending = new LinkedHashMap<>();

    /**
     * Holds the distributions of a layer's activations in one iteration, computed from a subset of their elements.
     *
     * @param iteration iteration number, from 0
     * @param before    input of the norm
     * @param after     output of the norm, after its activation
     */
    public record Distributions(int iteration, Histogram before, Histogram after) {
    }

    /** Creates a listener that samples every tenth iteration, 8 channels, and keeps at most 500 samples per layer. */
    public NormStatsListener() {
        this(new Builder());
    }

    private NormStatsListener(Builder builder) {
        interval = builder.interval;
        channels = builder.channels;
        capacity = builder.capacity;
    }

    /** {@return the names of the layers seen so far, from input to output} */
    public Set<String> layers() {
        return Collections.unmodifiableSet(samples.keySet());
    }

    /**
     * Returns the samples of a layer.
     *
     * @param layer one of {@link #layers()}
     * @return samples in the order of iterations
     * @throws IllegalArgumentException if the layer is unknown
     */
    public List<NormSample> samples(String layer) {
        return List.copyOf(found(samples, layer));
    }

    /**
     * Returns the distributions of a layer's activations in its first sample.
     *
     * @param layer one of {@link #layers()}
     * @return distributions before and after the norm
     * @throws IllegalArgumentException if the layer is unknown
     */
    public Distributions first(String layer) {
        return found(first, layer);
    }

    /**
     * Returns the distributions of a layer's activations in its latest sample.
     *
     * @param layer one of {@link #layers()}
     * @return distributions before and after the norm
     * @throws IllegalArgumentException if the layer is unknown
     */
    public Distributions last(String layer) {
        return found(last, layer);
    }

    /** {@return the current number of iterations between samples} */
    public int interval() {
        return interval;
    }

    private <T> T found(Map<String, T> all, String layer) {
        T value = all.get(layer);
        if (value == null) {
            throw new IllegalArgumentException("Norm statistics: expected one of the layers " + all.keySet() + ", got \"" + layer
                    + "\"");
        }
        return value;
    }

    @Override
    public void onForwardPass(Model model, List<INDArray> activations) {
        Map<String, INDArray> byIndex = new HashMap<>();
        for (int i = 1; i < activations.size(); i++) {
            byIndex.put(String.valueOf(i - 1), activations.get(i));
        }
        onForwardPass(model, byIndex);
    }

    @Override
    public void onForwardPass(Model model, Map<String, INDArray> activations) {
        int iteration = iteration(model);
        forget();
        if (iteration % interval != 0) {
            return;
        }
        if (model != known) {
            layers = NormLayers.byKey(model);
            known = model;
        }
        layers.forEach((key, layer) -> {
            INDArray x = layer.input();
            INDArray y = activations.get(key);
            if (x != null && y != null) {
                String name = NormLayers.name(key, layer);
                take(name, iteration, epoch(model), layer, x, y);
            }
        });
    }

    private void take(String name, int iteration, int epoch, NormalizationLayer layer, INDArray x, INDArray y) {
        pending.put(name, NormSample.forward(iteration, epoch, layer, channels, x, y));
        Distributions found = new Distributions(iteration, Histogram.of(x), Histogram.of(y));
        first.putIfAbsent(name, found);
        last.put(name, found);
        layer.watchBackward((dy, dx) -> pending.computeIfPresent(name, (key, sample) -> sample.backward(dy, dx)));
    }

    @Override
    public void iterationDone(Model model, int iteration, int epoch) {
        pending.forEach((name, sample) -> samples.computeIfAbsent(name, key -> new ArrayList<>()).add(sample));
        forget();
        while (samples.values().stream().anyMatch(list -> list.size() > capacity)) {
            interval = Math.multiplyExact(interval, 2);
            samples.values().forEach(list -> list.removeIf(sample -> sample.iteration() % interval != 0));
        }
    }

    /** What a step that came to no end left behind goes, too. */
    private void forget() {
        if (!pending.isEmpty()) {
            pending.clear();
            layers.values().forEach(layer -> layer.watchBackward(null));
        }
    }

    private static int iteration(Model model) {
        return model instanceof MultiLayerNetwork sequence ? sequence.getIterationCount()
                : ((ComputationGraph) model).getIterationCount();
    }

    private static int epoch(Model model) {
        return model instanceof MultiLayerNetwork sequence ? sequence.getEpochCount()
                : ((ComputationGraph) model).getEpochCount();
    }

    /** Builds a {@link NormStatsListener}. */
    public static final class Builder {
        private int interval = 10;
        private int channels = 8;
        private int capacity = 500;

        /** Creates a builder with the default options. */
        public Builder() {
        }

        /**
         * Sets the initial sampling interval.
         *
         * @param iterations number of iterations between samples, at least 1; default 10
         * @return this builder
         */
        public Builder interval(int iterations) {
            interval = atLeast("interval", iterations, 1);
            return this;
        }

        /**
         * Sets how many channels are sampled per layer.
         *
         * @param channels maximum number of channels, at least 1; default 8
         * @return this builder
         */
        public Builder channels(int channels) {
            this.channels = atLeast("channels", channels, 1);
            return this;
        }

        /**
         * Sets how many samples are kept per layer.
         *
         * @param samples maximum number of samples, at least 2; default 500
         * @return this builder
         */
        public Builder capacity(int samples) {
            capacity = atLeast("capacity", samples, 2);
            return this;
        }

        private static int atLeast(String option, int value, int least) {
            if (value < least) {
                throw new IllegalArgumentException("Norm statistics: expected " + option + " >= " + least + ", got " + value);
            }
            return value;
        }

        /** {@return the listener} */
        public NormStatsListener build() {
            return new NormStatsListener(this);
        }
    }
}
