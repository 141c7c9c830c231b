// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.conf;

import io.github.dl4jnorm.norm.Divisor;
import io.github.dl4jnorm.norm.NormPlan;
import lombok.EqualsAndHashCode;
import lombok.Getter;
import lombok.Setter;
import lombok.ToString;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.EmbeddingLayer;
import org.deeplearning4j.nn.weights.WeightInit;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.shade.jackson.annotation.JsonInclude;

/**
 * Normalizes the content x, with gamma and beta taken from a condition v, such as the output of a layer that sees a label, a
 * style or a diffusion step:
 *
 * <pre>
 *   y = (gammaOffset + v[n, c])·(x − mean)/√(var + eps) + v[n, C + c]
 * </pre>
 *
 * The options choose what normalizes x:
 *
 * <ul>
 * <li>By default this is conditional instance normalization (Dumoulin, Shlens and Kudlur 2017,
 *     <a href="https://arxiv.org/abs/1610.07629">arXiv 1610.07629</a>).
 * <li>{@code groups} makes it adaptive group normalization (Dhariwal and Nichol 2021,
 *     <a href="https://arxiv.org/abs/2105.05233">arXiv 2105.05233</a>).
 * <li>{@code perPosition(true)} normalizes over the channels of each position, as adaLN in transformers (Peebles and Xie 2022,
 *     <a href="https://arxiv.org/abs/2212.09748">Scalable Diffusion Models with Transformers</a>, arXiv 2212.09748).
 * <li>{@code rms(true)} divides by the root mean square and subtracts no mean.
 * <li>{@code normalize(false)} only scales and shifts: FiLM (Perez et al. 2017,
 *     <a href="https://arxiv.org/abs/1709.07871">arXiv 1709.07871</a>). Behind a {@link BatchNormalization} with
 *     {@code affine(false)} it is conditional batch normalization (de Vries et al. 2017,
 *     <a href="https://arxiv.org/abs/1707.00683">arXiv 1707.00683</a>), whose running statistics are those of the layer. With
 *     {@code shift(false)} it is a gate, {@code y = v·x}.
 * </ul>
 *
 * <p>The condition is a vector for each example, {@code [N, 2C]}: gamma of all channels, then beta of all channels. Or it is of
 * the content's kind, {@code [N, 2C, …]}: a gamma and a beta for each position, as SPADE has them (Park et al. 2019,
 * <a href="https://arxiv.org/abs/1903.07291">arXiv 1903.07291</a>). If its size differs from the content's, it is resized to the
 * nearest element, {@code v[⌊i·size/contentSize⌋]}. Masked positions of such a condition count as 0. With {@code shift(false)}
 * the condition has C channels instead of 2C, and beta is 0.
 *
 * <p>With {@code gammaOffset(1)} and v = 0 the vertex is the unconditional norm. {@link #conditionLayer} and {@link #classTable}
 * make layers whose output starts at 0. Gradients flow into both inputs. A residual block with adaLN-Zero starts as the identity:
 *
 * <pre>{@code
 * ConditionalNormalization norm = new ConditionalNormalization.Builder().perPosition(true).gammaOffset(1).build();
 * ConditionalNormalization gate = new ConditionalNormalization.Builder().normalize(false).shift(false).build();
 * graph.addLayer("scale-shift", norm.conditionLayer(64), "step").addVertex("norm", norm, "x", "scale-shift")
 *         .addLayer("branch", layer, "norm")
 *         .addLayer("gate", gate.conditionLayer(64), "step").addVertex("gated", gate, "branch", "gate")
 *         .addVertex("sum", new ElementWiseVertex(ElementWiseVertex.Op.Add), "x", "gated");
 * }</pre>
 */
@Getter
@Setter
@ToString(callSuper = true)
@EqualsAndHashCode(callSuper = true)
public class ConditionalNormalization extends ConditionedNorm {
    private static final long serialVersionUID = 1L;

    /** Number of groups, or 0 to normalize each channel separately, or all channels of each position. */
    private int groups;
    /** Value added to the first half of the condition to give gamma. */
    private double gammaOffset;
    /** Whether each position is normalized over its channels. */
    @JsonInclude(JsonInclude.Include.NON_DEFAULT)
    private boolean perPosition;
    /** Whether the divisor is the root mean square, and no mean is subtracted. */
    @JsonInclude(JsonInclude.Include.NON_DEFAULT)
    private boolean rms;
    /** Whether the content is not normalized. */
    @JsonInclude(JsonInclude.Include.NON_DEFAULT)
    private boolean unnormalized;
    /** Whether the condition has no beta. */
    @JsonInclude(JsonInclude.Include.NON_DEFAULT)
    private boolean unshifted;

    /** Creates a conditional instance normalization with gammaOffset 0. */
    public ConditionalNormalization() {
    }

    @Override
    protected void validateOptions() {
        super.validateOptions();
        if (groups < 0) {
            throw invalid("groups >= 0", "groups " + groups);
        }
        if (!Double.isFinite(gammaOffset)) {
            throw invalid("a finite gammaOffset", "gammaOffset " + gammaOffset);
        }
        if (unnormalized && (groups > 0 || perPosition || rms)) {
            throw invalid("neither groups nor perPosition nor rms with normalize false", "groups " + groups + ", perPosition "
                    + perPosition + " and rms " + rms);
        }
    }

    @Override
    public NormPlan plan(int channels, int rank) {
        boolean positions = perPosition || rank == 2;
        if (unnormalized) {
            return NormPlan.affineOfExamples(channels);
        }
        if (channels % Math.max(1, groups) != 0 || positions && !perPosition && groups == 0) {
            return null;
        }
        Divisor divisor = rms ? Divisor.ROOT_MEAN_SQUARE : Divisor.DEVIATION;
        return positions ? new NormPlan.Positions(divisor, Math.max(1, groups), false)
                : (groups == 0 ? NormPlan.instance(channels, false) : NormPlan.channelGroups(groups)).by(divisor);
    }

    @Override
    public String expectedContent() {
        return (unnormalized || perPosition || groups > 0 ? "rank 2 to 5" : super.expectedContent())
                + (groups == 0 ? "" : " with a number of channels divisible by groups = " + groups);
    }

    /**
     * Returns how many channels the condition has.
     *
     * @param channels number of channels C of the content
     * @return 2C, or C without a shift
     */
    public long conditionLength(long channels) {
        return unshifted ? channels : 2 * channels;
    }

    @Override
    void checkCondition(InputType type, InputTypes content) {
        InputTypes condition = InputTypes.of(type, content.channelsLast());
        long expected = conditionLength(content.channels());
        boolean map = condition.rank() > 2 && condition.rank() == content.rank()
                && condition.channelsLast() == (isChannelsLastFixed() ? isChannelsLast() : content.channelsLast());
        if (condition.rank() > 2 && !map || condition.channels() != expected) {
            throw invalid("vectors of size " + expected + " (gamma and beta for " + content.channels() + " channels), or "
                    + "as many channels in the kind and data format of the content", type.toString());
        }
    }

    /**
     * Creates a dense layer for the condition whose weights and biases start at 0. With gammaOffset 1, the vertex then starts as
     * the unconditional norm; with gammaOffset 0, its output starts at 0.
     *
     * @param channels number of channels of the content
     * @return a layer to be placed between the vectors and the vertex
     */
    public DenseLayer conditionLayer(int channels) {
        return new DenseLayer.Builder().nOut(conditionLength(channels)).weightInit(WeightInit.ZERO).biasInit(0)
                .activation(Activation.IDENTITY).build();
    }

    /**
     * Creates a table with a gamma and a beta for each class, which start at 0. Its input is the index of the class,
     * {@code [N, 1]}, with the input type {@code InputType.feedForward(classes)}.
     *
     * @param classes  number of classes
     * @param channels number of channels of the content
     * @return a layer to be placed between the indices and the vertex
     */
    public EmbeddingLayer classTable(int classes, int channels) {
        return new EmbeddingLayer.Builder().nIn(classes).nOut(conditionLength(channels)).weightInit(WeightInit.ZERO)
                .activation(Activation.IDENTITY).build();
    }

    @Override
    public ConditionalNormalization clone() {
        ConditionalNormalization copy = giveOptions(new ConditionalNormalization());
        copy.setGroups(groups);
        copy.setGammaOffset(gammaOffset);
        copy.setPerPosition(perPosition);
        copy.setRms(rms);
        copy.setUnnormalized(unnormalized);
        copy.setUnshifted(unshifted);
        return copy;
    }

    /** Builds a {@link ConditionalNormalization}. */
    public static class Builder extends ConditionedNorm.Builder<Builder, ConditionalNormalization> {
        /** Creates a builder with the default options. */
        public Builder() {
            super(new ConditionalNormalization());
        }

        /**
         * Sets the number of channel groups that share statistics.
         *
         * @param groups must divide C; 1 normalizes over all channels of an example; default 0, each channel separately. With
         *               {@link #perPosition}, the groups of each position
         * @return this builder
         */
        public Builder groups(int groups) {
            vertex.groups = groups;
            return this;
        }

        /**
         * Sets the value added to the first half of the condition to give gamma.
         *
         * @param gammaOffset default 0
         * @return this builder
         */
        public Builder gammaOffset(double gammaOffset) {
            vertex.gammaOffset = gammaOffset;
            return this;
        }

        /**
         * Sets whether each position is normalized over its channels, as in transformers. Content may then be dense.
         *
         * @param perPosition default false
         * @return this builder
         */
        public Builder perPosition(boolean perPosition) {
            vertex.perPosition = perPosition;
            return this;
        }

        /**
         * Sets whether the content is divided by its root mean square, and no mean is subtracted.
         *
         * @param rms default false
         * @return this builder
         */
        public Builder rms(boolean rms) {
            vertex.rms = rms;
            return this;
        }

        /**
         * Sets whether the content is normalized. If not, the condition only scales and shifts it, and it may be dense.
         *
         * @param normalize default true
         * @return this builder
         */
        public Builder normalize(boolean normalize) {
            vertex.unnormalized = !normalize;
            return this;
        }

        /**
         * Sets whether the second half of the condition is added as beta. If not, the condition is gamma alone.
         *
         * @param shift default true
         * @return this builder
         */
        public Builder shift(boolean shift) {
            vertex.unshifted = !shift;
            return this;
        }
    }
}
