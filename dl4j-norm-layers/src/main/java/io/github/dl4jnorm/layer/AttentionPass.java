// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static io.github.dl4jnorm.layer.SelfAttentionParamInitializer.KEY_GAMMA;
import static io.github.dl4jnorm.layer.SelfAttentionParamInitializer.KEY_WEIGHT;
import static io.github.dl4jnorm.layer.SelfAttentionParamInitializer.OUTPUT_WEIGHT;
import static io.github.dl4jnorm.layer.SelfAttentionParamInitializer.QUERY_GAMMA;
import static io.github.dl4jnorm.layer.SelfAttentionParamInitializer.QUERY_WEIGHT;
import static io.github.dl4jnorm.layer.SelfAttentionParamInitializer.VALUE_WEIGHT;

import io.github.dl4jnorm.conf.SelfAttention;
import io.github.dl4jnorm.norm.NormPlan;
import io.github.dl4jnorm.norm.Parameter;
import io.github.dl4jnorm.norm.Values;
import io.github.dl4jnorm.norm.View;
import io.github.dl4jnorm.pass.NormPass;
import io.github.dl4jnorm.pass.ParameterArrays;
import io.github.dl4jnorm.pass.Saved;
import java.util.Map;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Forward and backward pass of a {@link SelfAttention} over rows [N·T, nIn]. Heads are [N·heads, T, d]; weights of timesteps
 * [N·heads, T, T].
 */
final class AttentionPass {
    /** Added to the logits of masked timesteps, as in Deeplearning4j: their weight is 0. */
    private static final double NEVER = -1e9;
    /** The same in HALF, which has no larger numbers. */
    private static final double NEVER_IN_HALF = -6e4;
    private static final int[] SWAPPED = {0, 2, 1, 3};

    private final SelfAttention conf;
    private final Map<String, INDArray> params;
    private final INDArray rows;
    private final long examples;
    private final long steps;
    private final double scale;
    private Projection queries;
    private Projection keys;
    private INDArray values;
    private INDArray weights;
    private INDArray attended;

    AttentionPass(SelfAttention conf, Map<String, INDArray> params, INDArray rows, long examples) {
        this.conf = conf;
        this.params = params;
        this.rows = rows;
        this.examples = examples;
        steps = rows.size(0) / examples;
        scale = 1 / Math.sqrt(conf.elementsOfHead());
    }

    /** Queries or keys: their rows before the norm, what the norm left, and their heads. */
    private record Projection(INDArray plain, Saved norm, INDArray heads) {
    }

    private Projection projection(String weight, String gamma) {
        INDArray plain = rows.mmul(params.get(weight));
        if (conf.getQkNorm() == SelfAttention.QkNorm.NONE) {
            return new Projection(plain, null, heads(plain));
        }
        INDArray x = plain.dup('c');
        INDArray y = x.ulike();
        double[] ofHead = ParameterArrays.read(params.get(gamma));
        double[] ofAll = new double[conf.getHeads() * ofHead.length];
        for (int i = 0; i < ofAll.length; i++) {
            ofAll[i] = ofHead[i % ofHead.length];
        }
        NormPlan plan = new NormPlan.Positions(conf.getQkNorm().divisor(), conf.getHeads(), false);
        Saved norm = new NormPass(View.of(x.shape(), false), null, plan, new Values().set(Parameter.GAMMA, ofAll),
                conf.getEps()).forward(x, y);
        return new Projection(x, norm, heads(y));
    }

    /** [N·T, heads·d] as [N·heads, T, d]. */
    private INDArray heads(INDArray ofRows) {
        return ofRows.dup('c').reshape('c', examples, steps, conf.getHeads(), conf.elementsOfHead()).permute(SWAPPED).dup('c')
                .reshape('c', examples * conf.getHeads(), steps, conf.elementsOfHead());
    }

    /** [N·heads, T, d] as [N·T, heads·d]. */
    private INDArray merged(INDArray heads) {
        return heads.dup('c').reshape('c', examples, conf.getHeads(), steps, conf.elementsOfHead()).permute(SWAPPED).dup('c')
                .reshape('c', examples * steps, (long) conf.getHeads() * conf.elementsOfHead());
    }

    /**
     * Computes the output.
     *
     * @param mask 1 or 0 for each timestep [N, T], or null
     * @return rows [N·T, nOut]
     */
    INDArray forward(INDArray mask) {
        queries = projection(QUERY_WEIGHT, QUERY_GAMMA);
        keys = projection(KEY_WEIGHT, KEY_GAMMA);
        values = heads(rows.mmul(params.get(VALUE_WEIGHT)));
        INDArray logits = Nd4j.matmul(queries.heads, keys.heads, false, true, false).muli(scale);
        if (mask != null) {
            double never = logits.dataType() == DataType.HALF ? NEVER_IN_HALF : NEVER;
            INDArray bias = mask.castTo(logits.dataType()).rsub(1).muli(never).reshape('c', examples, 1, 1, steps);
            logits = logits.reshape('c', examples, conf.getHeads(), steps, steps).add(bias)
                    .reshape('c', examples * conf.getHeads(), steps, steps);
        }
        weights = Nd4j.nn.softmax(logits, 2);
        attended = merged(Nd4j.matmul(weights, values, false, false, false));
        return attended.mmul(params.get(OUTPUT_WEIGHT));
    }

    /**
     * Writes the gradients of all parameters.
     *
     * @param dy        gradient of the output, [N·T, nOut]
     * @param gradients arrays for the gradients of parameters
     * @return gradient of the input, [N·T, nIn]
     */
    INDArray backward(INDArray dy, Map<String, INDArray> gradients) {
        gradients.get(OUTPUT_WEIGHT).assign(attended.transpose().mmul(dy));
        INDArray dAttended = heads(dy.mmul(params.get(OUTPUT_WEIGHT).transpose()));
        INDArray dValues = merged(Nd4j.matmul(weights, dAttended, true, false, false));
        INDArray dWeights = Nd4j.matmul(dAttended, values, false, true, false);
        INDArray mean = dWeights.mul(weights).sum(true, 2);
        INDArray dLogits = dWeights.sub(mean).muli(weights).muli(scale);
        INDArray dx = input(dValues, VALUE_WEIGHT, gradients);
        dx.addi(input(queries, Nd4j.matmul(dLogits, keys.heads, false, false, false), QUERY_WEIGHT, QUERY_GAMMA, gradients));
        return dx.addi(input(keys, Nd4j.matmul(dLogits, queries.heads, true, false, false), KEY_WEIGHT, KEY_GAMMA, gradients));
    }

    /** Writes gradients of gamma and weights and gives that of the input. */
    private INDArray input(Projection projection, INDArray ofHeads, String weight, String gamma,
                           Map<String, INDArray> gradients) {
        INDArray gradient = merged(ofHeads);
        if (projection.norm != null) {
            INDArray plain = gradient.ulike();
            double[] ofAll = projection.norm.backward(projection.plain, gradient, plain).get(Parameter.GAMMA);
            double[] ofHead = new double[conf.elementsOfHead()];
            for (int i = 0; i < ofAll.length; i++) {
                ofHead[i % ofHead.length] += ofAll[i];
            }
            ParameterArrays.write(ofHead, gradients.get(gamma));
            gradient = plain;
        }
        return input(gradient, weight, gradients);
    }

    private INDArray input(INDArray gradient, String weight, Map<String, INDArray> gradients) {
        gradients.get(weight).assign(rows.transpose().mmul(gradient));
        return gradient.mmul(params.get(weight).transpose());
    }
}
