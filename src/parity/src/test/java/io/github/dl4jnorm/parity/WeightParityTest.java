// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.parity;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.conf.OrthogonalParametrization;
import io.github.dl4jnorm.conf.Reparameterization;
import io.github.dl4jnorm.conf.ScaledWeightStandardization;
import io.github.dl4jnorm.conf.SpectralNormalization;
import io.github.dl4jnorm.conf.WeightNormalization;
import io.github.dl4jnorm.conf.WeightStandardization;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.Convolution3D;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.Deconvolution2D;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whole layers with computed weights, in training mode, step by step, then in test mode: output, the gradients of input and
 * parameters, singular vectors.
 */
class WeightParityTest {
    private static final Logger LOG = LoggerFactory.getLogger(WeightParityTest.class);
    private static final long SEED = ParityTest.seed();
    private static final int REPEATS = Integer.getInteger("parity.repeats", 4);
    private static final int STEPS = 3;
    private static final Map<String, Double> LARGEST = new LinkedHashMap<>();

    @BeforeAll
    static void loadLibtorch() {
        Autograd.load();
        LOG.info("Drawing layers from -Dparity.seed={}", SEED);
    }

    @AfterAll
    static void tell() {
        LOG.info("largest deviations from libtorch, relative to the largest element: {}", LARGEST);
    }

    static Stream<WeightCase> configurations() {
        List<WeightCase> all = new ArrayList<>();
        Random random = new Random(SEED);
        for (WeightCase.Wrapper wrapper : WeightCase.Wrapper.values()) {
            for (WeightCase.Inside inside : WeightCase.Inside.values()) {
                for (DataType type : new DataType[]{DataType.FLOAT, DataType.DOUBLE}) {
                    // Those that are newer, more often.
                    boolean often = wrapper == WeightCase.Wrapper.SCALED || wrapper == WeightCase.Wrapper.ORTHOGONAL;
                    for (int i = 0; i < (often ? 2 * REPEATS : REPEATS); i++) {
                        all.add(WeightCase.draw(random.nextInt(Integer.MAX_VALUE), wrapper, inside, type));
                    }
                }
            }
        }
        return all.stream();
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("configurations")
    void equalsLibtorch(WeightCase drawn) {
        try (PointerScope scope = new PointerScope(Tensor.class, TensorOptional.class, TensorVector.class)) {
            Random random = new Random(drawn.seed());
            Reparameterization conf = conf(drawn);
            Layer ours = layer(conf, drawn.type());
            Map<String, double[]> params = new LinkedHashMap<>();
            ours.paramTable().forEach((name, array) -> params.put(name,
                    drawn.gaussian(random, Math.toIntExact(array.length()), name.equals("Wg") ? 2 : 0.25)));
            params.forEach((name, values) -> set(ours.getParam(name), values));
            // Of FLOAT, too, libtorch computes in DOUBLE: what differs are our rounding errors.
            LibtorchWeight oracle = new LibtorchWeight(drawn, ScalarType.Double, conf.getEps(), params);
            for (int step = 0; step <= STEPS; step++) {
                pass(drawn, random, ours, oracle, step < STEPS);
            }
        }
    }

    private static void pass(WeightCase drawn, Random random, Layer ours, LibtorchWeight oracle, boolean training) {
        double[] x = drawn.gaussian(random, WeightCase.length(drawn.inputShape()), 0.25);
        INDArray input = Nd4j.createFromArray(x).castTo(drawn.type()).reshape(drawn.inputShape());
        INDArray y = ours.activate(input, training, LayerWorkspaceMgr.noWorkspaces());
        compare(drawn, "y", oracle.forward(x, training), numbers(y, false), 0);
        double[] dy = drawn.gaussian(random, Math.toIntExact(y.length()), 0.25);
        Pair<Gradient, INDArray> back = ours.backpropGradient(Nd4j.createFromArray(dy).castTo(drawn.type())
                .reshape(y.shape()), LayerWorkspaceMgr.noWorkspaces());
        Map<String, double[]> gradients = new LinkedHashMap<>(oracle.backward(dy));
        double ofWeights = Deviations.largest(gradients.remove("computed")) * oracle.steepest();
        gradients.forEach((name, expected) -> {
            boolean ofInput = name.equals("dx");
            double[] actual = ofInput ? numbers(back.getSecond(), false)
                    : numbers(back.getFirst().getGradientFor(name), true);
            compare(drawn, ofInput ? name : "d" + name, expected, actual, name.equals("W") ? ofWeights : 0);
        });
        oracle.state().forEach((name, expected) -> compare(drawn, name, expected, numbers(ours.getParam(name), true), 0));
    }

    private static Reparameterization conf(WeightCase drawn) {
        FeedForwardLayer.Builder<?> builder = switch (drawn.inside()) {
            case DENSE -> new DenseLayer.Builder();
            case CNN -> new ConvolutionLayer.Builder(drawn.kernel());
            case VOLUME -> new Convolution3D.Builder(drawn.kernel());
            case DECONVOLUTION -> new Deconvolution2D.Builder(drawn.kernel());
        };
        FeedForwardLayer layer = builder.nIn(drawn.in()).nOut(drawn.out()).activation(Activation.IDENTITY).build();
        return switch (drawn.wrapper()) {
            case WEIGHT -> new WeightNormalization(layer);
            case STANDARDIZATION -> new WeightStandardization(layer);
            case ORTHOGONAL -> new OrthogonalParametrization(layer);
            case SCALED -> new ScaledWeightStandardization.Builder(layer).gammaAct(WeightCase.GAMMA_ACT).build();
            case SPECTRAL -> new SpectralNormalization.Builder(layer).powerIterations(drawn.powers()).build();
        };
    }

    private static Layer layer(Reparameterization wrapper, DataType type) {
        NeuralNetConfiguration conf = new NeuralNetConfiguration.Builder().updater(new Sgd(0.1)).dataType(type)
                .layer(wrapper).build();
        long count = wrapper.initializer().numParams(conf);
        Layer layer = wrapper.instantiate(conf, null, 0, Nd4j.create(type, 1, count), true, type);
        layer.setBackpropGradientsViewArray(Nd4j.create(type, 1, count));
        return layer;
    }

    /** Matrices are in Fortran order, which is libtorch's transposed. */
    private static void set(INDArray param, double[] values) {
        INDArray array = Nd4j.createFromArray(values).castTo(param.dataType());
        if (param.rank() == 2) {
            param.transpose().assign(array.reshape('c', param.size(1), param.size(0)));
        } else {
            param.assign(array.reshape('c', param.shape()));
        }
    }

    private static double[] numbers(INDArray array, boolean param) {
        return (param && array.rank() == 2 ? array.transpose() : array).castTo(DataType.DOUBLE).dup('c').data().asDouble();
    }

    private static void compare(WeightCase drawn, String quantity, double[] expected, double[] actual,
                                double least) {
        double deviation = Deviations.of(expected, actual, Math.max(1, least));
        LARGEST.merge(drawn.wrapper() + " " + drawn.type() + " " + quantity, deviation, Math::max);
        assertThat(deviation).as("deviation of %s from libtorch's: %s, -Dparity.seed=%d", quantity, drawn, SEED)
                .isLessThanOrEqualTo(Deviations.tolerance(drawn.type(), 1));
    }
}
