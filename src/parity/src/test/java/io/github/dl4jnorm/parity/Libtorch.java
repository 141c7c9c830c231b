// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.parity;

import static io.github.dl4jnorm.parity.Autograd.numbers;

import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.NormParameter;
import io.github.dl4jnorm.norm.Curve;
import io.github.dl4jnorm.norm.NormPlan;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * The same by libtorch: by its own batch, group, instance and layer normalization where it has what is wanted, else
 * composed of its operations; gradients always by its autograd.
 */
final class Libtorch implements Side {
    /** Limits of r and d of batch renormalization. */
    static final double R_MAX = 1.5;
    static final double D_MAX = 0.5;

    private final Drawn drawn;
    private final ScalarType type;
    private final Map<String, Tensor> leaves = new LinkedHashMap<>();
    /** The leaves, gamma with its offset. */
    private final Map<String, Tensor> params = new LinkedHashMap<>();
    private final TensorOptional none = new TensorOptional();
    private final Tensor runningMean;
    private final Tensor runningVariance;
    private final TypicalSums typicalSums = new TypicalSums();
    private int batches;
    private Tensor x;
    private Tensor z;
    private Tensor y;

    Libtorch(Drawn drawn, ScalarType type, Map<String, double[]> params) {
        this.drawn = drawn;
        this.type = type;
        params.forEach((name, values) -> leaves.put(name, Autograd.leaf(type, values, values.length)));
        this.params.putAll(leaves);
        this.params.replaceAll((name, values) -> name.startsWith("gamma") ? values.add(new Scalar(drawn.gammaOffset())) : values);
        runningMean = tensor(new double[drawn.channels()], drawn.channels());
        runningVariance = runningMean.add(new Scalar(1.0));
    }

    private Tensor tensor(double[] values, long... shape) {
        return Autograd.tensor(type, values, shape);
    }

    @Override
    public double[] forward(double[] input, boolean training) {
        x = Autograd.leaf(type, input, drawn.stored());
        Tensor first = drawn.channelsLast() ? x.permute(toFirst()) : x;
        z = switch (drawn.norm()) {
            case BATCH -> batch(first, training);
            case GROUP -> torch.group_norm(first, drawn.groups(), gamma(), beta(), drawn.eps(), false);
            case INSTANCE -> instance(first, training);
            case LAYER -> drawn.rank() < 4 ? byPosition(first) : byExample(first);
            case LAYER_PER_POSITION -> byPosition(first);
            case LAYER_ELEMENTWISE -> drawn.channelsLast() ? elementwise().permute(toFirst()) : elementwise();
            case SWITCHABLE -> switchable(first, training);
            case GHOST -> training ? ghost(first) : batch(first, false);
            case RENORM -> training ? renorm(first) : batch(first, false);
            case FILTER_RESPONSE -> filterResponse(first);
            case GLOBAL_RESPONSE -> affine(Formulas.globalResponse(first, axes(2), drawn.eps())).add(first);
            case RMS -> rms(first);
            case RMS_OF_EXAMPLE -> drawn.rank() < 4 ? rms(first) : rmsOfExample(first);
            case UNIT -> affine(Formulas.unit(first, drawn.eps()));
            case OTHER -> byPlan(first, training);
            case UNIT_OF_EXAMPLE -> affine(drawn.rank() < 4 ? Formulas.unit(first, drawn.eps())
                    : Formulas.unit(first.flatten(1, -1), drawn.eps()).reshape(drawn.shape()));
        };
        y = drawn.relu() ? torch.relu(z) : z;
        if (params.containsKey("tau")) {
            y = y.add(perChannel(params.get("tau")));
        }
        return numbers(stored(y));
    }

    /** What the ReLU got in the last forward pass, if there is one. */
    double[] beforeActivation() {
        return numbers(stored(z));
    }

    private Tensor stored(Tensor channelsFirst) {
        return drawn.channelsLast() ? channelsFirst.permute(toLast()) : channelsFirst;
    }

    /** From channels last to channels first. */
    private long[] toFirst() {
        int last = drawn.rank() - 1;
        return LongStream.concat(LongStream.of(0, last), LongStream.range(1, last)).toArray();
    }

    private long[] toLast() {
        return LongStream.concat(LongStream.concat(LongStream.of(0), LongStream.range(2, drawn.rank())), LongStream.of(1))
                .toArray();
    }

    /** In some of libtorch's norms one of the two without the other has no gradient: then there is a constant. */
    private TensorOptional optional(String name, String other, double neutral) {
        if (params.containsKey(name)) {
            return new TensorOptional(params.get(name));
        }
        double[] constant = new double[drawn.channels()];
        Arrays.fill(constant, neutral);
        return params.containsKey(other) ? new TensorOptional(tensor(constant, constant.length)) : none;
    }

    private TensorOptional gamma() {
        return optional("gamma", "beta", 1);
    }

    private TensorOptional beta() {
        return optional("beta", "gamma", 0);
    }

    private Tensor batch(Tensor input, boolean training) {
        if (training && !drawn.average().unbiased()) {
            // libtorch itself averages unbiased variances only.
            long[] axes = axes(0, 2);
            takeUp(mean(input, axes), input.var(axes, false, true));
            return torch.batch_norm(input, gamma(), beta(), none, none, true, 0, drawn.eps(), false);
        }
        return torch.batch_norm(input, gamma(), beta(), new TensorOptional(runningMean),
                new TensorOptional(runningVariance), training, training ? nextWeight() : 0, drawn.eps(), false);
    }

    private Tensor ghost(Tensor input) {
        TensorVector parts = new TensorVector();
        long[] bounds = drawn.parts();
        for (int i = 0; i + 1 < bounds.length; i++) {
            parts.push_back(batch(input.narrow(0, bounds[i], bounds[i + 1] - bounds[i]), true));
        }
        return torch.cat(parts, 0);
    }

    private Tensor byPlan(Tensor input, boolean training) {
        NormLayer norm = drawn.other();
        NormPlan plan = norm.plan(drawn.rank());
        if (plan instanceof NormPlan.InstanceAndBatch both) {
            return affine(instanceAndBatch(input, both.first(), training));
        }
        if (plan instanceof NormPlan.Split split && training) {
            Tensor first = input.narrow(0, 0, input.size(0) / split.parts());
            takeUp(mean(first, axes(0, 2)), first.var(axes(0, 2), drawn.average().unbiased(), true));
            return SplitBatch.normalized(input, split.parts(), params, drawn.eps());
        }
        if (plan instanceof NormPlan.LargerDeviation) {
            return affine(largerDeviation(input, training));
        }
        if (plan instanceof NormPlan.Gated) {
            return affine(Formulas.gated(input, spread(NormParameter.V, input), drawn.groups(), drawn.eps()));
        }
        if (plan instanceof NormPlan.Curved curved) {
            Tensor z = input.mul(spread(NormParameter.ALPHA, input));
            // The gradient of tanh, 1 − tanh², has few digits in FLOAT where it is saturated.
            return affine(curved.curve() == Curve.TANH ? z.to(ScalarType.Double).tanh().to(type)
                    : z.add(spread(NormParameter.SHIFT, input)).erf());
        }
        long[] axes = Formulas.axes(plan, drawn.channels(), drawn.rank());
        if (plan.hasRunning() && !training) {
            return SplitBatch.withUnused(affine(Formulas.divided(input, perChannel(runningMean), perChannel(runningVariance),
                    plan, drawn.eps())), params.values());
        }
        Tensor mean = mean(input, axes);
        if (plan.hasRunning()) {
            boolean tracksVariance = norm.parameters().stream().anyMatch(each -> each.name().equals(NormParameter.VAR));
            takeUp(mean, tracksVariance ? input.var(axes, drawn.average().unbiased(), true) : runningVariance);
        }
        return affine(Formulas.divided(input, mean, input.var(axes, false, true), plan, drawn.eps(), axes));
    }

    private Tensor instanceAndBatch(Tensor input, int first, boolean training) {
        Tensor ones = input.narrow(1, 0, first);
        Tensor others = input.narrow(1, first, drawn.channels() - first);
        Scalar eps = new Scalar(drawn.eps());
        Tensor instance = ones.sub(mean(ones, axes(2))).div(ones.var(axes(2), false, true).add(eps).sqrt());
        long[] axes = axes(0, 2);
        Tensor mean = training ? mean(others, axes) : perChannel(runningMean).narrow(1, first, others.size(1));
        Tensor variance = training ? others.var(axes, false, true) : perChannel(runningVariance).narrow(1, first, others.size(1));
        if (training) {
            takeUp(torch.cat(new TensorVector(mean(mean(ones, axes(2)), 0), mean), 1), torch.cat(new TensorVector(
                    mean(ones.var(axes(2), drawn.average().unbiased(), true), 0),
                    others.var(axes, drawn.average().unbiased(), true)), 1));
        }
        return torch.cat(new TensorVector(instance, others.sub(mean).div(variance.add(eps).sqrt())), 1);
    }

    private Tensor largerDeviation(Tensor input, boolean training) {
        Tensor ofBatch = training ? input.var(axes(0, 2), false, true) : perChannel(runningVariance);
        if (training) {
            takeUp(runningMean, input.var(axes(0, 2), drawn.average().unbiased(), true));
        }
        return Formulas.byLargerDeviation(input, spread(NormParameter.V, input), ofBatch, axes(2), drawn.eps());
    }

    /** As the paper has it (Ioffe 2017, arXiv 1702.03275). */
    private Tensor renorm(Tensor input) {
        long[] axes = axes(0, 2);
        Scalar eps = new Scalar(drawn.eps());
        Tensor mean = mean(input, axes);
        Tensor deviation = input.var(axes, false, true).add(eps).sqrt();
        Tensor running = perChannel(runningVariance).add(eps).sqrt();
        Tensor r = deviation.div(running).detach()
                .clamp(new ScalarOptional(new Scalar(1 / R_MAX)), new ScalarOptional(new Scalar(R_MAX)));
        Tensor d = mean.sub(perChannel(runningMean)).div(running).detach()
                .clamp(new ScalarOptional(new Scalar(-D_MAX)), new ScalarOptional(new Scalar(D_MAX)));
        Tensor result = affine(input.sub(mean).div(deviation).mul(r).add(d));
        takeUp(mean, input.var(axes, drawn.average().unbiased(), true));
        return result;
    }

    /** Less the threshold, so that a ReLU and the threshold added to it are the maximum of both. */
    private Tensor filterResponse(Tensor input) {
        Tensor eps = params.get("learnedEps").abs().add(new Scalar(drawn.eps()));
        Tensor result = affine(input.div(mean(input.mul(input), axes(2)).add(eps).sqrt()));
        return params.containsKey("tau") ? result.sub(perChannel(params.get("tau"))) : result;
    }

    private Tensor instance(Tensor input, boolean training) {
        boolean tracked = drawn.average() != null;
        if (training && tracked && !drawn.average().unbiased()) {
            long[] axes = axes(2);
            takeUp(mean(mean(input, axes), 0), mean(input.var(axes, false, true), 0));
            tracked = false;
        }
        TensorOptional mean = tracked ? new TensorOptional(runningMean) : none;
        TensorOptional variance = tracked ? new TensorOptional(runningVariance) : none;
        return torch.instance_norm(input.contiguous(), gamma(), beta(), mean, variance, training || !tracked,
                training && tracked ? nextWeight() : 0, drawn.eps(), false);
    }

    private Tensor byPosition(Tensor input) {
        Tensor rows = input.permute(toLast());
        return torch.layer_norm(rows, new long[]{drawn.channels()}, gamma(), beta(), drawn.eps(), false).permute(toFirst());
    }

    /** It has no beta. */
    private Tensor rms(Tensor input) {
        TensorOptional scale = params.containsKey("gamma") ? gamma() : none;
        Tensor rows = torch.rms_norm(input.permute(toLast()), new long[]{drawn.channels()}, scale,
                new DoubleOptional(drawn.eps()));
        Tensor normalized = rows.permute(toFirst());
        return params.containsKey("beta") ? normalized.add(perChannel(params.get("beta"))) : normalized;
    }

    /** As it is in memory: which axis is that of channels makes no difference. */
    private Tensor elementwise() {
        long[] shape = LongStream.of(drawn.stored()).skip(1).toArray();
        Tensor normalized = torch.layer_norm(x, shape, none, none, drawn.eps(), false);
        Tensor scaled = params.containsKey("gamma") ? normalized.mul(params.get("gamma").reshape(shape)) : normalized;
        return params.containsKey("beta") ? scaled.add(params.get("beta").reshape(shape)) : scaled;
    }

    /** libtorch has a gamma for each element here. */
    private Tensor byExample(Tensor input) {
        return affine(torch.layer_norm(input, ofExample(), none, none, drawn.eps(), false));
    }

    /** Here, too. */
    private Tensor rmsOfExample(Tensor input) {
        return affine(torch.rms_norm(input, ofExample(), none, new DoubleOptional(drawn.eps())));
    }

    private long[] ofExample() {
        return LongStream.of(drawn.shape()).skip(1).toArray();
    }

    private Tensor affine(Tensor normalized) {
        Tensor result = normalized;
        if (params.containsKey("gamma")) {
            result = result.mul(perChannel(params.get("gamma")));
        }
        return params.containsKey("beta") ? result.add(perChannel(params.get("beta"))) : result;
    }

    private Tensor spread(String name, Tensor input) {
        return typicalSums.spread(name, perChannel(params.get(name)), input);
    }

    /** In dimension 1; a single value is for all channels. */
    private Tensor perChannel(Tensor values) {
        long[] shape = LongStream.generate(() -> 1).limit(drawn.rank()).toArray();
        shape[1] = values.numel();
        return values.reshape(shape);
    }

    /** As the paper defines it (Luo, Ren and Peng 2018, arXiv 1806.10779), every part from its own elements. */
    private Tensor switchable(Tensor input, boolean training) {
        List<Tensor> means = new ArrayList<>();
        List<Tensor> variances = new ArrayList<>();
        for (long[] axes : drawn.rank() == 2 ? List.of(axes(1)) : List.of(axes(2), axes(1))) {
            means.add(mean(input, axes));
            variances.add(input.var(axes, false, true));
        }
        if (drawn.useBatch() && training) {
            long[] axes = axes(0, 2);
            means.add(mean(input, axes));
            variances.add(input.var(axes, false, true));
            takeUp(mean(input, axes), input.var(axes, drawn.average().unbiased(), true));
        } else if (drawn.useBatch()) {
            means.add(perChannel(runningMean));
            variances.add(perChannel(runningVariance));
        }
        Tensor mean = mixed("meanWeight", means);
        Tensor variance = mixed("varWeight", variances);
        return affine(input.sub(mean).div(variance.add(new Scalar(drawn.eps())).sqrt()));
    }

    /**
     * The weights sum to 1. Written as the first part and what the others differ from it, the gradient of the weights does
     * not lose its digits to what all parts have in common.
     */
    private Tensor mixed(String name, List<Tensor> parts) {
        Tensor weights = params.get(name).softmax(0);
        Tensor first = parts.get(0);
        Tensor sum = parts.size() == 1 ? first.mul(weights.select(0, 0)) : first;
        for (int k = 1; k < parts.size(); k++) {
            sum = sum.add(parts.get(k).sub(first).mul(weights.select(0, k)));
        }
        typicalSums.mixed(name, parts, sum);
        return sum;
    }

    /** All axes from one on. */
    private long[] axes(int from) {
        return LongStream.range(from, drawn.rank()).toArray();
    }

    /** One axis, and all from another one on. */
    private long[] axes(int alone, int from) {
        return LongStream.concat(LongStream.of(alone), LongStream.of(axes(from))).toArray();
    }

    private static Tensor mean(Tensor a, long... axes) {
        return a.mean(axes, true, new ScalarTypeOptional());
    }

    private double nextWeight() {
        return drawn.average().weight(batches++);
    }

    private void takeUp(Tensor mean, Tensor variance) {
        Scalar weight = new Scalar(nextWeight());
        runningMean.lerp_(mean.detach().reshape(drawn.channels()), weight);
        runningVariance.lerp_(variance.detach().reshape(drawn.channels()), weight);
    }

    @Override
    public Map<String, double[]> backward(double[] dy) {
        Map<String, Tensor> sources = new LinkedHashMap<>();
        sources.put("dx", x);
        sources.putAll(leaves);
        sources.putAll(typicalSums.sources());
        Tensor given = tensor(dy, drawn.stored());
        // Made contiguous, since the gradient of libtorch's instance_norm is wrong for one example channels last.
        Tensor first = (drawn.channelsLast() ? given.permute(toFirst()) : given).contiguous();
        Map<String, double[]> gradients = new LinkedHashMap<>();
        Autograd.gradients(y, first, sources).forEach((name, gradient) -> {
            if (!typicalSums.take(name, gradient)) {
                gradients.put(name, numbers(gradient));
            }
        });
        return gradients;
    }

    /** How large the gradient of a parameter would be if its terms had random signs; 0 if its terms are not known. */
    double typicalSum(String parameter) {
        return typicalSums.of(parameter);
    }

    @Override
    public double[] runningMean() {
        return numbers(runningMean);
    }

    @Override
    public double[] runningVariance() {
        return numbers(runningVariance);
    }
}
