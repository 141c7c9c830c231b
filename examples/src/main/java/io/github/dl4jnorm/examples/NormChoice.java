// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import io.github.dl4jnorm.conf.NormBlock;
import io.github.dl4jnorm.conf.NormFactory;
import io.github.dl4jnorm.conf.UncenteredNormLayer;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.deeplearning4j.nn.conf.layers.BaseLayer;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.nd4j.linalg.activations.Activation;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * A normalization to choose, by its name.
 *
 * @param name one that {@link NormFactory} knows, or "none"
 */
record NormChoice(String name) {
    static final NormChoice BATCH = new NormChoice("batch");
    static final NormChoice NONE = new NormChoice("none");
    private static final Set<String> WITH_BIAS = Set.of("frn", "grn", "weight", "spectral", "none");
    private static final int GROUPS = 8;

    static List<NormChoice> values() {
        List<NormChoice> all = new ArrayList<>();
        NormFactory.names().forEach(name -> all.add(new NormChoice(name)));
        all.add(NONE);
        return all;
    }

    /** Eight groups, or what divides the channels into groups of at least two: a group of one would be instance norm. */
    static int groups(int channels) {
        int groups = Math.max(1, Math.min(GROUPS, channels / 2));
        while (channels % groups != 0) {
            groups--;
        }
        return groups;
    }

    /** What to put onto a layer of so many channels. */
    NormBlock block(int channels) {
        if (equals(NONE)) {
            return List::of;
        }
        if (name.equals("weight-standardization")) {
            return layer -> standardized(group(channels).around(layer));
        }
        if (name.equals("group") || name.equals("evonorm-s0")) {
            return NormFactory.create(name, Map.of("groups", groups(channels)));
        }
        // Each pixel on its own would make the noise of the background as strong as the strokes.
        return NormFactory.create(name, isUncentered() ? Map.of("perPosition", false) : Map.of());
    }

    /** Whether it divides by the size of elements and subtracts no mean. */
    private boolean isUncentered() {
        List<Layer> layers = NormFactory.create(name)
                .around(new DenseLayer.Builder().nIn(1).nOut(1).activation(Activation.IDENTITY).build());
        return layers.get(layers.size() - 1) instanceof UncenteredNormLayer;
    }

    private static NormBlock group(int channels) {
        return NormFactory.create("group", Map.of("groups", groups(channels)));
    }

    /** As its paper pairs it: standardized weights, and a group norm that gives the outputs their scale. */
    private List<Layer> standardized(List<Layer> block) {
        List<Layer> standardized = new ArrayList<>(NormFactory.create(name).around((BaseLayer) block.get(0)));
        standardized.addAll(block.subList(1, block.size()));
        return standardized;
    }

    /** Whether a bias in front of it does anything: not if a mean is subtracted and beta added. */
    boolean leavesBias() {
        return WITH_BIAS.contains(name) || isUncentered();
    }

    @Override
    public String toString() {
        return name;
    }

    /** The names, for the help. */
    static final class Names implements Iterable<String> {
        @Override
        public Iterator<String> iterator() {
            return values().stream().map(NormChoice::name).iterator();
        }
    }

    /** From what stands behind the option. */
    static final class Converter implements ITypeConverter<NormChoice> {
        @Override
        public NormChoice convert(String value) {
            return values().stream().filter(choice -> choice.name().equalsIgnoreCase(value)).findFirst().orElseThrow(() ->
                    new TypeConversionException("expected one of " + values() + ", got '" + value + "'"));
        }
    }
}
