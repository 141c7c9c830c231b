// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.pages;

import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.layer.NormalizationLayer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Which outputs change with one element of the input, in training: those that share a statistic with it. Found by trying.
 *
 * @param shape   shape of the input
 * @param element index of the element, the first or the last one
 * @param changed for each output whether it changes
 */
record Influence(long[] shape, int element, boolean[] changed) {
    private static final long[][] SHAPES = {{4, 4}, {4, 4, 3}, {4, 4, 3, 2}, {4, 4, 2, 3, 2}};
    private static final String[] AXES = {"N, C", "N, C, T", "N, C, H, W", "N, C, D, H, W"};
    /** Enough for a maximum to be the one and the other. */
    private static final int DRAWS = 16;
    private static final double SOMEWHAT = 0.7;

    /** Of the first element and, where its statistics are over other axes, of the last one. */
    static List<Influence> of(NormLayer norm, int rank) {
        long[] shape = SHAPES[rank - 2];
        int count = (int) Arrays.stream(shape).reduce(1, (a, b) -> a * b);
        Influence first = new Influence(shape, 0, new boolean[count]);
        Influence last = new Influence(shape, count - 1, new boolean[count]);
        NormalizationLayer layer = layer(norm.clone(), shape[1]);
        Random random = new Random(1);
        for (int draw = 0; draw < DRAWS; draw++) {
            double[] x = random.doubles(count, -1, 1).toArray();
            double[] before = output(layer, x, shape);
            first.tryOut(layer, x, before);
            last.tryOut(layer, x, before);
        }
        return first.axes().equals(last.axes()) ? List.of(first) : List.of(first, last);
    }

    private static NormalizationLayer layer(NormLayer norm, long channels) {
        norm.setNIn(channels);
        norm.setDataType(DataType.DOUBLE);
        NeuralNetConfiguration conf = new NeuralNetConfiguration.Builder().dataType(DataType.DOUBLE).layer(norm).build();
        INDArray params = Nd4j.create(DataType.DOUBLE, 1, Math.max(1, conf.getLayer().initializer().numParams(conf)));
        NormalizationLayer layer = (NormalizationLayer) conf.getLayer().instantiate(conf, null, 0, params, true, DataType.DOUBLE);
        params.assign(SOMEWHAT);
        return layer;
    }

    private void tryOut(NormalizationLayer layer, double[] x, double[] before) {
        double[] other = x.clone();
        other[element] += 1;
        double[] after = output(layer, other, shape);
        for (int i = 0; i < changed.length; i++) {
            changed[i] |= before[i] != after[i];
        }
    }

    private static double[] output(NormalizationLayer layer, double[] x, long[] shape) {
        INDArray y = layer.activate(Nd4j.createFromArray(x).reshape('c', shape), true, LayerWorkspaceMgr.noWorkspaces());
        return y.dup('c').data().asDouble();
    }

    static String shape(int rank) {
        return "[" + AXES[rank - 2] + "]";
    }

    /** Whether other elements change, too. */
    boolean isShared() {
        return !axes().startsWith("nothing");
    }

    /** The axes along which the statistic goes. */
    String axes() {
        List<String> axes = new ArrayList<>();
        int stride = changed.length;
        for (int axis = 0; axis < shape.length; axis++) {
            stride /= (int) shape[axis];
            int count = 0;
            for (int i = 0; i < shape[axis]; i++) {
                count += changed[element == 0 ? i * stride : element - i * stride] ? 1 : 0;
            }
            if (count > 1) {
                axes.add((count < shape[axis] ? "part of " : "") + AXES[shape.length - 2].split(", ")[axis]);
            }
        }
        return axes.isEmpty() ? "nothing: element by element" : String.join(", ", axes);
    }

    /** Examples side by side, with a row for each channel and a column for each timestep. */
    private String panel(int top) {
        StringBuilder plain = new StringBuilder();
        StringBuilder shared = new StringBuilder();
        String outlined = "";
        for (int i = 0; i < changed.length; i++) {
            long x = 40 + i / (shape[1] * shape[2]) * 72 + i % shape[2] * 18;
            long y = top + i / shape[2] % shape[1] * 18;
            (changed[i] ? shared : plain).append("M%d %dh16v16h-16z".formatted(x, y));
            outlined = i == element ? "M%d %dh18v18h-18z".formatted(x - 1, y - 1) : outlined;
        }
        return """
                <path class="c" d="%s"/>
                <path class="h" d="%s"/>
                <path class="o" d="%s"/>
                <text x="20" y="%d">C</text>
                <text x="66" y="%d">T</text>
                """.formatted(plain, shared, outlined, top + 40, top + 88);
    }

    /** A picture of sequences. */
    static String picture(String norm, List<Influence> sequences) {
        StringBuilder panels = new StringBuilder();
        sequences.forEach(one -> panels.append(one.panel(28 + 96 * (one == sequences.get(0) ? 0 : 1))));
        int height = 28 + 96 * sequences.size();
        return """
                <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 328 %d" width="328" height="%d" role="img" \
                aria-labelledby="t d" font-family="system-ui, Helvetica, Arial, sans-serif" font-size="12" text-anchor="middle">
                <title id="t">%s</title>
                <desc id="d">%s</desc>
                <style>.b{fill:#fff}text{fill:#59636e}.c{fill:#eef1f4;stroke:#8b96a2}.h{fill:#1f6fb5;stroke:#123f66}\
                .o{fill:none;stroke:#b3480b;stroke-width:3}@media(prefers-color-scheme:dark){.b{fill:#15191e}\
                text{fill:#a9b4bf}.c{fill:#272d34;stroke:#66717d}.h{fill:#5aa2e0;stroke:#b9d8f3}.o{stroke:#ff9a52}}</style>
                <rect class="b" width="328" height="%d" rx="8"/>
                <text x="66" y="16">n = 1</text><text x="138" y="16">2</text><text x="210" y="16">3</text>\
                <text x="282" y="16">4</text>
                %s</svg>
                """.formatted(height, height, norm, alt(sequences), height, panels);
    }

    /** The picture in words. */
    static String alt(List<Influence> sequences) {
        return "Four sequences with four channels and three timesteps; colored elements share statistics with the outlined "
                + "one, over " + words(sequences);
    }

    /** The axes, of the first and of the last channel if they differ. */
    static String words(List<Influence> found) {
        return found.size() == 1 ? found.get(0).axes()
                : found.get(0).axes() + " for the first channel; " + found.get(1).axes() + " for the last one";
    }
}
