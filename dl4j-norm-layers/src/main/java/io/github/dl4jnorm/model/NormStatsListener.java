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
 * Watches the norms of a network while it trains: now and then it keeps, for each of them, what a {@link NormSample} holds.
 *
 * <pre>{@code
 * NormStatsListener stats = new NormStatsListener();
 * net.addListeners(stats);
 * net.fit(data);
 * NormStatsCsv.write(stats, Path.of("norms.csv"));
 * }</pre>
 *
 * <p>It starts with every tenth iteration; whenever it holds as many samples as it may it drops every other one and takes up
 * half as many from then on, so its memory is bounded and the samples stay evenly spread, however long training takes. Of a
 * layer with many channels it keeps some, evenly spread. For one network at a time: a network that is not the one of
 * the call before replaces it, samples of layers with the same names go on.
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
     * How activations of a layer were distributed in one iteration, by some of their elements.
     *
     * @param iteration number of the iteration, from 0
     * @param before    input of the norm
     * @param after     output of the norm, its activation included
     */
    public record Distributions(int iteration, Histogram before, Histogram after) {
    }

    /** Every tenth iteration, eight channels, at most 500 samples of each layer. */
    public NormStatsListener() {
        this(new Builder());
    }

    private NormStatsListener(Builder builder) {
        interval = builder.interval;
        channels = builder.channels;
        capacity = builder.capacity;
    }

    /** {@return names of the layers seen so far, from input to output} */
    public Set<String> layers() {
        return Collections.unmodifiableSet(samples.keySet());
    }

    /**
     * What was kept of a layer.
     *
     * @param layer one of {@link #layers()}
     * @return its samples in the order of iterations
     * @throws IllegalArgumentException if there is no such layer
     */
    public List<NormSample> samples(String layer) {
        return List.copyOf(found(samples, layer));
    }

    /**
     * How activations were distributed in the first sample of a layer.
     *
     * @param layer one of {@link #layers()}
     * @return distributions before and after the norm
     * @throws IllegalArgumentException if there is no such layer
     */
    public Distributions first(String layer) {
        return found(first, layer);
    }

    /**
     * How activations were distributed in the latest sample of a layer.
     *
     * @param layer one of {@link #layers()}
     * @return distributions before and after the norm
     * @throws IllegalArgumentException if there is no such layer
     */
    public Distributions last(String layer) {
        return found(last, layer);
    }

    /** {@return how many iterations lie from one sample to the next by now} */
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

    /** Says how much is kept. */
    public static final class Builder {
        private int interval = 10;
        private int channels = 8;
        private int capacity = 500;

        /** With the defaults. */
        public Builder() {
        }

        /**
         * How often a sample is taken, to begin with.
         *
         * @param iterations every how many iterations, at least 1; 10 by default
         * @return this builder
         */
        public Builder interval(int iterations) {
            interval = atLeast("interval", iterations, 1);
            return this;
        }

        /**
         * Of how many channels numbers are kept.
         *
         * @param channels at most so many, at least 1; 8 by default
         * @return this builder
         */
        public Builder channels(int channels) {
            this.channels = atLeast("channels", channels, 1);
            return this;
        }

        /**
         * How many samples of each layer are kept.
         *
         * @param samples at most so many, at least 2; 500 by default
         * @return this builder
         */
        public Builder capacity(int samples) {
            capacity = atLeast("capacity", samples, 2);
            return this;
        }

        private static int atLeast(String option, int value, int least) {
            if (value < least) {
                throw new IllegalArgumentException("Norm statistics: expected " + option + " of at least " + least + ", got "
                        + value);
            }
            return value;
        }

        /** {@return the listener} */
        public NormStatsListener build() {
            return new NormStatsListener(this);
        }
    }
}
