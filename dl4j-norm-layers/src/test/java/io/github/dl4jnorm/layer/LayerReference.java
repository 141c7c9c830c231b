// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.GhostBatchNormalization;
import io.github.dl4jnorm.conf.GroupNormalization;
import io.github.dl4jnorm.conf.InstanceNormalization;
import io.github.dl4jnorm.conf.LayerNormalization;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.RunningNormLayer;
import io.github.dl4jnorm.conf.SwitchableNormalization;
import io.github.dl4jnorm.conf.UncenteredNormLayer;
import io.github.dl4jnorm.conf.UnitNormalization;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.DoubleUnaryOperator;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;
import org.nd4j.linalg.activations.impl.ActivationIdentity;
import org.nd4j.linalg.activations.impl.ActivationReLU;
import org.nd4j.linalg.activations.impl.ActivationTanH;

/** Both passes of a layer in double, element by element, straight from the definition: shares no code with the layers. */
final class LayerReference {
    final double[] y;
    final double[] dx;
    final double[] gamma;
    final double[] beta;
    final double[] meanLogits;
    final double[] varLogits;
    /** Of what numbers y and dx are differences: their rounding is relative to this. */
    final double sizeOfY;
    final double sizeOfDx;
    final double sizeOfGradients;
    /** How close to its bend a ReLU comes. */
    final double bend;
    private final NormLayer conf;
    private final int channels;
    private final int positions;
    private final int rank;
    private final int length;
    private final List<Part> parts = new ArrayList<>();

    /** What pool each element belongs to, and the statistics of the pools. */
    private static final class Part {
        final int[] pool;
        final double[] count;
        final double[] mean;
        final double[] variance;
        final double[] toMean;
        final double[] toVariance;
        final boolean centered;
        boolean constant;

        Part(int[] pool, boolean centered) {
            this.pool = pool;
            this.centered = centered;
            int size = Arrays.stream(pool).max().orElse(0) + 1;
            count = new double[size];
            mean = new double[size];
            variance = new double[size];
            toMean = new double[size];
            toVariance = new double[size];
        }

        void computeOf(double[] x, boolean[] keep) {
            for (int pass = 0; pass < 3; pass++) {
                for (int i = 0; i < x.length; i++) {
                    if (!keep[i]) {
                        continue;
                    }
                    int p = pool[i];
                    if (pass == 0) {
                        count[p]++;
                    } else if (pass == 1) {
                        mean[p] += centered ? x[i] / count[p] : 0;
                    } else {
                        variance[p] += (x[i] - mean[p]) * (x[i] - mean[p]) / count[p];
                    }
                }
            }
        }
    }

    /**
     * Computes everything.
     *
     * @param layer    the layer, for options and parameters
     * @param shape    shape of x
     * @param x        input in c order
     * @param dy       gradient of the output
     * @param keep     what counts
     * @param training which mode
     */
    LayerReference(LayerUnderTest layer, long[] shape, double[] x, double[] dy, boolean[] keep, boolean training) {
        conf = layer.layer.layerConf();
        channels = (int) conf.getNOut();
        rank = shape.length;
        length = x.length;
        positions = length / (int) shape[0] / channels;
        addParts();
        for (int k = 0; k < parts.size(); k++) {
            Part part = parts.get(k);
            boolean tracked = conf instanceof RunningNormLayer running && running.tracksStatistics()
                    && k == parts.size() - 1;
            if (tracked && !training) {
                part.constant = true;
                double[] mean = layer.layer.runningMean();
                double[] variance = layer.layer.runningVariance();
                for (int i = 0; i < length; i++) {
                    part.mean[part.pool[i]] = mean[channel(i)];
                    part.variance[part.pool[i]] = variance[channel(i)];
                }
            } else {
                part.computeOf(x, keep);
            }
        }
        double[] meanWeights = weights(layer, "meanWeight");
        double[] varWeights = weights(layer, "varWeight");
        double[] scale = perChannel(layer, "gamma", conf.fixedGamma());
        Arrays.setAll(scale, c -> scale[c] + conf.getGammaOffset());
        double[] shift = perChannel(layer, "beta", conf.fixedBeta());
        y = new double[length];
        dx = new double[length];
        gamma = new double[channels];
        beta = new double[channels];
        meanLogits = new double[parts.size()];
        varLogits = new double[parts.size()];
        double largestY = 0;
        double largestStep = 0;
        double largestDy = 0;
        double largestTerm = 0;
        double nearest = Double.POSITIVE_INFINITY;
        double[] direct = new double[length];
        for (int i = 0; i < length; i++) {
            if (!keep[i]) {
                continue;
            }
            double mean = 0;
            double variance = 0;
            for (int k = 0; k < parts.size(); k++) {
                mean += meanWeights[k] * parts.get(k).mean[parts.get(k).pool[i]];
                variance += varWeights[k] * parts.get(k).variance[parts.get(k).pool[i]];
            }
            int c = channel(i);
            double count = parts.get(0).count[parts.get(0).pool[i]];
            double root = Math.sqrt(variance * count);
            boolean byLength = conf instanceof UnitNormalization;
            double unit = byLength ? 1 / Math.max(root, conf.getEps()) : epsOutside() ? 1 / (Math.sqrt(variance) + conf.getEps())
                    : 1 / Math.sqrt(variance + conf.getEps());
            double hat = (x[i] - mean) * unit;
            double z = scale[c] * hat + shift[c];
            y[i] = activation().applyAsDouble(z);
            nearest = Math.min(nearest, Math.abs(z));
            double dz = dy[i] * slope().applyAsDouble(z);
            gamma[c] += dz * hat;
            beta[c] += dz;
            double dHat = dz * scale[c];
            direct[i] = dHat * unit;
            double dMean = -dHat * unit;
            double dVariance = -0.5 * dHat * hat * unit
                    * (byLength ? root > conf.getEps() ? unit * count : 0 : !epsOutside() ? unit
                    : variance == 0 ? 0 : 1 / Math.sqrt(variance));
            for (int k = 0; k < parts.size(); k++) {
                Part part = parts.get(k);
                part.toMean[part.pool[i]] += meanWeights[k] * dMean;
                part.toVariance[part.pool[i]] += varWeights[k] * dVariance;
                meanLogits[k] += meanWeights[k] * dMean * (part.mean[part.pool[i]] - mean);
                varLogits[k] += varWeights[k] * dVariance * (part.variance[part.pool[i]] - variance);
            }
            double terms = (Math.abs(x[i]) + Math.abs(mean)) * unit;
            largestY = Math.max(largestY, terms * Math.abs(scale[c]) + Math.abs(shift[c]));
            largestStep = Math.max(largestStep, unit * (1 + Math.abs(hat)) * (1 + terms));
            // By dy, not dz: where a tanh is flat its slope is a difference of numbers near 1.
            largestDy = Math.max(largestDy, Math.abs(dy[i] * scale[c]));
            largestTerm = Math.max(largestTerm, Math.abs(dy[i]) * (1 + terms));
        }
        for (int i = 0; i < length; i++) {
            if (keep[i]) {
                dx[i] = direct[i];
                for (Part part : parts) {
                    int p = part.pool[i];
                    if (!part.constant) {
                        double toMean = part.centered ? part.toMean[p] : 0;
                        dx[i] += (toMean + 2 * part.toVariance[p] * (x[i] - part.mean[p])) / part.count[p];
                    }
                }
            }
        }
        sizeOfY = largestY;
        sizeOfDx = largestStep * largestDy;
        sizeOfGradients = largestTerm * length / channels;
        bend = nearest;
    }

    private boolean epsOutside() {
        return conf instanceof InstanceNormalization instance && instance.isEpsOutside()
                || conf instanceof GroupNormalization group && group.isEpsOutside();
    }

    private void addParts() {
        if (conf instanceof BatchNormalization) {
            add(this::channel);
        } else if (conf instanceof GhostBatchNormalization ghost) {
            int[] slice = slices(length / channels / positions, ghost.getVirtualBatchSize());
            add(i -> slice[example(i)] * channels + channel(i));
        } else if (conf instanceof GroupNormalization group) {
            add(i -> example(i) * group.getGroups() + channel(i) / (channels / group.getGroups()));
        } else if (conf instanceof InstanceNormalization) {
            add(i -> example(i) * channels + channel(i));
        } else if (conf instanceof LayerNormalization layer) {
            add(layer.isPerPosition() || rank <= 3 ? i -> example(i) * positions + position(i) : this::example);
        } else if (conf instanceof UncenteredNormLayer norm) {
            add(norm.isPerPosition() || rank <= 3 ? i -> example(i) * positions + position(i) : this::example, false);
        } else {
            SwitchableNormalization switchable = (SwitchableNormalization) conf;
            if (rank > 2) {
                add(i -> example(i) * channels + channel(i));
            }
            add(this::example);
            if (switchable.isUseBatch()) {
                add(this::channel);
            }
        }
    }

    /** Slices as equal as can be, of at most so many examples: which one each example belongs to. */
    private static int[] slices(int examples, int most) {
        int count = (examples + most - 1) / most;
        int[] slice = new int[examples];
        for (int i = 0; i < count; i++) {
            Arrays.fill(slice, i * examples / count, (i + 1) * examples / count, i);
        }
        return slice;
    }

    private void add(IntUnaryOperator pool) {
        add(pool, true);
    }

    private void add(IntUnaryOperator pool, boolean centered) {
        parts.add(new Part(IntStream.range(0, length).map(pool).toArray(), centered));
    }

    int example(int i) {
        return i / (channels * positions);
    }

    int channel(int i) {
        return conf.isChannelsLast() ? i % channels : i / positions % channels;
    }

    private int position(int i) {
        return conf.isChannelsLast() ? i / channels % positions : i % positions;
    }

    /** Whether two elements share a statistic that is computed from the input. */
    boolean related(int i, int j) {
        return parts.stream().anyMatch(part -> !part.constant && part.pool[i] == part.pool[j]);
    }

    /** Whether the gradient of one depends on the other: both share a statistic with a third. */
    boolean relatedBackward(int i, int j) {
        return IntStream.range(0, length).anyMatch(k -> related(i, k) && related(k, j));
    }

    /** Σ of some numbers over the elements of each pool of a part. */
    double[] sums(int part, double[] numbers) {
        double[] sums = new double[parts.get(part).mean.length];
        for (int i = 0; i < length; i++) {
            sums[parts.get(part).pool[i]] += numbers[i];
        }
        return sums;
    }

    /** The variance of each pool of a part. */
    double[] variances(int part) {
        return parts.get(part).variance;
    }

    /** The pool an element belongs to. */
    int pool(int part, int i) {
        return parts.get(part).pool[i];
    }

    /** The normalized value of an element by one part alone. */
    double hat(int part, int i, double x) {
        Part p = parts.get(part);
        return (x - p.mean[p.pool[i]]) / Math.sqrt(p.variance[p.pool[i]] + conf.getEps());
    }

    private double[] weights(LayerUnderTest layer, String name) {
        if (!layer.layer.paramTable().containsKey(name)) {
            return new double[]{1};
        }
        double[] logits = TestNetwork.numbers(layer.param(name));
        double[] used = Arrays.copyOfRange(logits, logits.length - parts.size(), logits.length);
        double sum = Arrays.stream(used).map(Math::exp).sum();
        return Arrays.stream(used).map(v -> Math.exp(v) / sum).toArray();
    }

    private double[] perChannel(LayerUnderTest layer, String name, double fixed) {
        return layer.layer.paramTable().containsKey(name) ? TestNetwork.numbers(layer.param(name))
                : IntStream.range(0, channels).mapToDouble(c -> fixed).toArray();
    }

    private DoubleUnaryOperator activation() {
        return conf.getActivationFn() instanceof ActivationReLU ? z -> Math.max(z, 0)
                : conf.getActivationFn() instanceof ActivationTanH ? Math::tanh : identity();
    }

    private DoubleUnaryOperator slope() {
        return conf.getActivationFn() instanceof ActivationReLU ? z -> z > 0 ? 1 : 0
                : conf.getActivationFn() instanceof ActivationTanH ? z -> 1 - Math.tanh(z) * Math.tanh(z) : z -> 1;
    }

    private DoubleUnaryOperator identity() {
        if (!(conf.getActivationFn() instanceof ActivationIdentity)) {
            throw new IllegalStateException("no reference for " + conf.getActivationFn());
        }
        return z -> z;
    }
}
