// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static io.github.dl4jnorm.layer.Seam.Answer.WORKS;
import static io.github.dl4jnorm.layer.Seam.close;
import static io.github.dl4jnorm.layer.Seam.leftOut;
import static io.github.dl4jnorm.layer.Seam.same;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.conf.Reparameterization;
import io.github.dl4jnorm.model.WeightFusion;
import io.github.dl4jnorm.ops.OpCounterpart;
import io.github.dl4jnorm.pass.ParameterArrays;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Columns of the table of seams: arrays of any make, masks, and the operations beside the layers. */
final class ArraySeams {
    private static final int EXAMPLES = 6;

    private ArraySeams() {
    }

    static Map<String, Seam> all() {
        Map<String, Seam> seams = new LinkedHashMap<>();
        for (SeamView view : SeamView.values()) {
            String name = view.name().toLowerCase(java.util.Locale.ROOT).replace('_', ' ');
            seams.put("input, " + name, row -> view(row, view, true));
            seams.put("gradient, " + name, row -> view(row, view, false));
        }
        seams.put("mask", row -> row.isNorm() ? maskOfNorm(row) : maskInNetwork(row));
        seams.put("operation", ArraySeams::operation);
        return seams;
    }

    private static INDArray drawn(int seed, long... shape) {
        return NormCases.gaussian(new Random(seed), 0.6, 1.5, shape).castTo(DataType.FLOAT);
    }

    private static Seam.Answer view(SeamRow row, SeamView kindOfView, boolean asInput) {
        for (Kind kind : Kind.values()) {
            if (!row.takes(kind)) {
                continue;
            }
            INDArray x = drawn(1, NormCases.shape(kind, EXAMPLES, Kind.CHANNELS));
            INDArray dy = drawn(2, SeamLayer.of(row, kind).forward(x).shape());
            for (INDArray view : kindOfView.of(asInput ? x : dy)) {
                INDArray copy = view.dup('c');
                List<double[]> expected = asInput ? run(row, kind, copy, dy) : run(row, kind, x, copy);
                List<double[]> actual = asInput ? run(row, kind, view, dy) : run(row, kind, x, view);
                for (int i = 0; i < expected.size(); i++) {
                    close(kind + ", " + (i == 0 ? "y" : "gradient " + i), actual.get(i), expected.get(i));
                }
                same(kind + ", the view afterwards", ParameterArrays.read(view.dup('c')), ParameterArrays.read(copy));
            }
        }
        return WORKS;
    }

    private static List<double[]> run(SeamRow row, Kind kind, INDArray x, INDArray dy) {
        SeamLayer layer = SeamLayer.of(row, kind);
        List<double[]> results = new ArrayList<>();
        results.add(ParameterArrays.read(layer.forward(x)));
        results.addAll(layer.backward(dy));
        return results;
    }

    /** Whatever stands at masked positions, even NaN: zeros come out there, and nothing else changes. */
    private static Seam.Answer maskOfNorm(SeamRow row) {
        for (Kind kind : Kind.values()) {
            if (!row.takes(kind)) {
                continue;
            }
            long[] shape = NormCases.shape(kind, EXAMPLES, Kind.CHANNELS);
            boolean[] keep = new boolean[(int) drawn(1, shape).length()];
            INDArray mask = mask(kind, shape, keep);
            List<double[]> first = masked(row, kind, shape, keep, mask, 5);
            List<double[]> second = masked(row, kind, shape, keep, mask, Float.NaN);
            for (int i = 0; i < first.size(); i++) {
                same(kind + ", result " + i + " with other numbers behind the mask", second.get(i), first.get(i));
            }
            for (int i = 0; i < keep.length; i++) {
                assertThat(keep[i] || first.get(0)[i] == 0 && first.get(1)[i] == 0).as(kind + ", 0 at " + i).isTrue();
            }
        }
        return WORKS;
    }

    private static List<double[]> masked(SeamRow row, Kind kind, long[] shape, boolean[] keep, INDArray mask, float other) {
        float[] x = drawn(1, shape).data().asFloat();
        float[] dy = drawn(2, shape).data().asFloat();
        for (int i = 0; i < keep.length; i++) {
            x[i] = keep[i] ? x[i] : other;
            dy[i] = keep[i] ? dy[i] : other;
        }
        LayerUnderTest layer = NormCases.layer(row.norm(), kind, Kind.CHANNELS, DataType.FLOAT).mask(mask);
        INDArray y = layer.forward(Nd4j.createFromArray(x).reshape(shape), true);
        INDArray dx = layer.dx(Nd4j.createFromArray(dy).reshape(shape));
        return Stream.of(y, dx, layer.gradients, layer.params).map(ParameterArrays::read).toList();
    }

    /** Leaves out an example and a third of the positions of the others; fills in what is kept. */
    private static INDArray mask(Kind kind, long[] shape, boolean[] keep) {
        int positions = keep.length / EXAMPLES / Kind.CHANNELS;
        float[] values = new float[EXAMPLES * positions];
        for (int n = 0; n < EXAMPLES; n++) {
            for (int s = 0; s < positions; s++) {
                boolean kept = n != 2 && (positions == 1 || (n + s) % 3 > 0);
                values[n * positions + s] = kept ? 1 : 0;
                for (int c = 0; c < Kind.CHANNELS; c++) {
                    int cell = n * Kind.CHANNELS * positions;
                    keep[cell + (kind.channelsLast ? s * Kind.CHANNELS + c : c * positions + s)] = kept;
                }
            }
        }
        INDArray mask = Nd4j.createFromArray(values);
        if (shape.length <= 3) {
            return mask.reshape(EXAMPLES, positions);
        }
        long[] channelsFirst = NormCases.shape(kind.channelsLast ? Kind.values()[kind.ordinal() - 1] : kind, EXAMPLES, 1);
        return mask.reshape(channelsFirst);
    }

    /** In a padded sequence what stands in the padding changes nothing; computed weights do what plain ones do. */
    private static Seam.Answer maskInNetwork(SeamRow row) {
        Kind kind = row.isVertex() ? Kind.RNN_FIRST : row.kind();
        SeamNet net = row.net(kind, options -> options).trained();
        if (row.conf() instanceof Reparameterization) {
            if (!kind.rnn()) {
                return leftOut("no mask reaches a " + kind.name() + " layer; a norm behind it has its own cell");
            }
            INDArray[] masks = {net.mask()};
            var plain = WeightFusion.fuse(net.graph());
            close("output under a mask", output(net.graph(), net.inputs(1), masks), output(plain, net.inputs(1), masks));
            return WORKS;
        }
        INDArray mask = net.mask();
        INDArray[] masks = net.inputs(1).length == 1 ? new INDArray[]{mask}
                : new INDArray[]{mask, net.inputs(1)[1].rank() == 3 ? mask : null};
        INDArray[] other = net.inputs(1);
        for (int n = 0; n < SeamNet.EXAMPLES; n += 2) {
            for (long t = mask.size(1) / 2; t < mask.size(1); t++) {
                for (int c = 0; c < other[0].size(1); c++) {
                    other[0].putScalar(new long[]{n, c, t}, 100 + c);
                }
            }
        }
        same("output", output(net.graph(), other, masks), output(net.graph(), net.inputs(1), masks));
        return WORKS;
    }

    private static double[] output(org.deeplearning4j.nn.graph.ComputationGraph graph, INDArray[] inputs, INDArray[] masks) {
        double[] output = ParameterArrays.read(graph.output(false, inputs, masks, null)[0]);
        graph.clearLayerMaskArrays();
        return output;
    }

    private static Seam.Answer operation(SeamRow row) throws Exception {
        if (!row.isNorm()) {
            return documented(row);
        }
        boolean any = false;
        for (Kind kind : Kind.values()) {
            if (!row.takes(kind)) {
                continue;
            }
            INDArray x = drawn(1, NormCases.shape(kind, EXAMPLES, Kind.CHANNELS));
            for (boolean training : new boolean[]{true, false}) {
                LayerUnderTest layer = NormCases.layer(row.norm(), kind, Kind.CHANNELS, DataType.FLOAT);
                double[] y = ParameterArrays.read(layer.forward(x, training));
                List<double[]> both = OpCounterpart.outputs(layer.layer, x, training);
                for (double[] output : both) {
                    any = true;
                    close(kind + (training ? " training" : " test mode"), output, y);
                }
            }
        }
        return any ? WORKS : documented(row);
    }

    /** The page on operations says which layers have none. */
    private static Seam.Answer documented(SeamRow row) throws Exception {
        String page = Files.readString(Path.of("../src/site/markdown/samediff.md"));
        String section = page.substring(page.indexOf("## Layers without an operation"));
        assertThat(section.substring(0, section.indexOf("\n## ", 4))).contains(row.type());
        return leftOut("no operation; the page on SameDiff says why");
    }
}
