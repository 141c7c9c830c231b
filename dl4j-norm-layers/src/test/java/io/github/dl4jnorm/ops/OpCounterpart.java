// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

import io.github.dl4jnorm.conf.FeatureNormalization;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.NormParameter;
import io.github.dl4jnorm.layer.NormalizationLayer;
import io.github.dl4jnorm.norm.NormPlan;
import io.github.dl4jnorm.norm.Parameter;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** The operation that does what a layer does: the one with the same plan and with an input for each parameter. */
public final class OpCounterpart {
    private OpCounterpart() {
    }

    /**
     * What the operation of a layer gives with the layer's parameters, at once and in a graph.
     *
     * @param layer    layer
     * @param x        input
     * @param training which mode
     * @return elements in c order; empty if there is no such operation
     */
    public static List<double[]> outputs(NormalizationLayer layer, INDArray x, boolean training) {
        NormLayer conf = layer.layerConf();
        NormOps.Kind kind = kind(conf, x.rank(), training);
        if (kind == null) {
            return List.of();
        }
        Map<String, INDArray> inputs = inputs(layer);
        List<double[]> outputs = new ArrayList<>();
        inputs.put(NormSpec.X, x);
        Layout layout = conf.isChannelsLast() ? Layout.CHANNELS_LAST : Layout.CHANNELS_FIRST;
        int groups = groups(conf.plan(x.rank()));
        NDNorm eager = new NDNorm().gammaOffset(conf.getGammaOffset()).layout(layout);
        outputs.add(numbers(new OpMethod(kind).call(eager, inputs, groups, conf.getEps())));
        SameDiff sd = SameDiff.create();
        Map<String, SDVariable> constants = new HashMap<>();
        inputs.forEach((name, array) -> constants.put(name, array == null ? null : sd.constant(name, array)));
        SDNorm graph = new SDNorm(sd).gammaOffset(conf.getGammaOffset()).layout(layout);
        SDVariable y = new OpMethod(kind).call(graph, constants, groups, conf.getEps());
        outputs.add(numbers(y.eval()));
        return outputs;
    }

    private static double[] numbers(INDArray array) {
        return array.dup('c').data().asDouble();
    }

    private static NormOps.Kind kind(NormLayer conf, int rank, boolean training) {
        boolean inference = conf.tracksStatistics() && !conf.usesBatch(training);
        int weights = conf.parameters().stream().filter(parameter -> parameter.name().equals(NormParameter.MEAN_WEIGHT))
                .mapToInt(parameter -> (int) parameter.length()).findFirst().orElse(0);
        NormPlan plan = conf.plan(rank);
        for (NormOps.Kind kind : NormOps.Kind.values()) {
            Definition operation = kind.definition();
            boolean known = conf.parameters().stream().filter(NormParameter::isTrained).map(NormParameter::kind)
                    .allMatch(learned -> learned == Parameter.GAMMA || learned == Parameter.BETA
                            || operation.extras().contains(learned));
            if (known && operation.isInference() == inference && rank >= operation.minRank()
                    && withoutRunning(operation.plan(rank, (int) conf.getNOut(), groups(plan), weights))
                            .equals(withoutRunning(plan))
                    && conf.parameters().stream().filter(parameter -> parameter.name().equals(NormParameter.GAMMA))
                            .allMatch(parameter -> parameter.length() == operation.length(Parameter.GAMMA, conf.getNOut()))
                    && conf.affineLength() == conf.getNOut() && !corrects(conf)
                    && operation.extras().contains(Parameter.MEAN_WEIGHT) == weights > 0
                    && (new OpMethod(kind).isAffine() || conf.parameters().isEmpty())) {
                return kind;
            }
        }
        return null;
    }

    /** Batch renormalization has the plan of batch normalization and corrects what comes out; other layers do something else. */
    private static boolean corrects(NormLayer conf) {
        return conf instanceof FeatureNormalization other && (other.isInverse() || !other.isStatistics())
                || conf.parameters().stream().anyMatch(parameter -> parameter.name().equals(NormParameter.BATCHES));
    }

    private static NormPlan withoutRunning(NormPlan plan) {
        return plan instanceof NormPlan.Channels channels && channels.parts().size() == 1
                ? new NormPlan.Channels(channels.parts(), 0, -1, channels.divisor(), null) : plan;
    }

    private static int groups(NormPlan plan) {
        return plan instanceof NormPlan.Positions positions ? positions.groups()
                : plan instanceof NormPlan.Gated gated ? gated.groups()
                : plan instanceof NormPlan.Channels channels ? Math.max(1, channels.parts().get(0).groups()) : 1;
    }

    private static Map<String, INDArray> inputs(NormalizationLayer layer) {
        NormLayer conf = layer.layerConf();
        Map<String, INDArray> inputs = new HashMap<>();
        inputs.put("gamma", orFixed(layer.getParam(NormParameter.GAMMA), conf.fixedGamma(), 1, conf.getNOut()));
        inputs.put("beta", orFixed(layer.getParam(NormParameter.BETA), conf.fixedBeta(), 0, conf.getNOut()));
        conf.parameters().stream().filter(NormParameter::isTrained)
                .forEach(parameter -> inputs.putIfAbsent(parameter.name(), layer.getParam(parameter.name())));
        if (conf.tracksStatistics()) {
            inputs.put("mean", Nd4j.createFromArray(layer.runningMean()).castTo(layer.input().dataType()));
            inputs.put("var", Nd4j.createFromArray(layer.runningVariance()).castTo(layer.input().dataType()));
        }
        return inputs;
    }

    private static INDArray orFixed(INDArray learned, double fixed, double neutral, long length) {
        return learned != null ? learned.dup() : fixed == neutral ? null
                : Nd4j.valueArrayOf(new long[]{length}, fixed, org.nd4j.linalg.api.buffer.DataType.FLOAT);
    }
}
