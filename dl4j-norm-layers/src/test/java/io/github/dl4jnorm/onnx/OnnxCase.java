// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import static io.github.dl4jnorm.onnx.OnnxFile.attribute;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import onnx.Onnx;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * A normalization of an operator set for input of a shape.
 *
 * @param type       operation
 * @param opset      version of the operators
 * @param shape      of x
 * @param attributes of the node
 * @param axis       first or only axis, groups or axes: what the formula needs to know
 */
record OnnxCase(String type, int opset, long[] shape, List<Onnx.AttributeProto> attributes, int... axis) {
    static final double EPSILON = 0.02f;

    /** Inputs behind x, and the outputs, in the order of the documentation. */
    record Expected(Map<String, INDArray> inputs, Map<String, double[]> outputs) {
    }

    @Override
    public String toString() {
        return type + "-" + opset + " " + Arrays.toString(shape) + " "
                + attributes.stream().map(each -> each.getName() + "=" + (each.getIntsCount() > 0 ? each.getIntsList()
                : each.getType() == Onnx.AttributeProto.AttributeType.INT ? each.getI() : each.getF())).toList();
    }

    private static final long[][] SHAPES = {{7}, {3, 4}, {2, 4, 5}, {2, 4, 3, 2}, {2, 4, 3, 2, 2}, {2, 4, 1, 2, 3, 2}};

    static Stream<OnnxCase> all() {
        List<OnnxCase> cases = new ArrayList<>();
        Onnx.AttributeProto epsilon = attribute("epsilon", EPSILON);
        for (long[] shape : SHAPES) {
            int rank = shape.length;
            for (int opset : new int[]{1, 6, 7, 9, 14, 15}) {
                List<Onnx.AttributeProto> legacy = opset == 1
                        ? List.of(epsilon, attribute("consumed_inputs", new long[]{0, 0, 0})) : List.of(epsilon);
                cases.add(new OnnxCase("BatchNormalization", opset, shape, legacy));
                if (opset >= 14) {
                    cases.add(new OnnxCase("BatchNormalization", opset, shape,
                            List.of(epsilon, attribute("training_mode", 1), attribute("momentum", 0.75))));
                }
                if (opset == 1 || opset == 6) {
                    addFrom(3, cases, new OnnxCase("InstanceNormalization", opset, shape, legacy));
                }
            }
            addFrom(3, cases, new OnnxCase("InstanceNormalization", 22, shape, List.of(epsilon)));
            for (int opset : new int[]{18, 20, 21, 23}) {
                addFrom(3, cases, new OnnxCase("GroupNormalization", opset, shape,
                        List.of(epsilon, attribute("num_groups", 2)), 2));
            }
            for (int axis = -rank; axis < rank; axis++) {
                Onnx.AttributeProto attribute = attribute("axis", axis);
                int positive = Math.floorMod(axis, rank);
                cases.add(new OnnxCase("LayerNormalization", 17, shape, List.of(epsilon, attribute), positive));
                cases.add(new OnnxCase("RMSNormalization", 23, shape, List.of(epsilon, attribute), positive));
                for (int p = 1; p <= 2; p++) {
                    cases.add(new OnnxCase("LpNormalization", axis < 0 ? 22 : 1, shape,
                            List.of(attribute, attribute("p", p)), positive, p));
                }
            }
            cases.add(new OnnxCase("MeanVarianceNormalization", 13, shape, List.of(attribute("axes", new long[]{-rank})), 0));
            if (rank > 3) {
                cases.add(new OnnxCase("MeanVarianceNormalization", 9, shape, List.of(), 0, 2, 3));
            }
        }
        return cases.stream();
    }

    private static void addFrom(int rank, List<OnnxCase> cases, OnnxCase each) {
        if (each.shape.length >= rank) {
            cases.add(each);
        }
    }

    boolean trains() {
        return attributes.stream().anyMatch(each -> each.getName().equals("training_mode"));
    }

    /** Numbers that half precision has exactly. */
    static INDArray numbers(long seed, DataType type, double offset, long... shape) {
        Random random = new Random(seed);
        double[] numbers = random.ints(Arrays.stream(shape).reduce(1, (a, b) -> a * b), -64, 65)
                .mapToDouble(value -> offset + value / 64.0).toArray();
        return Nd4j.createFromArray(numbers).reshape('c', shape).castTo(type);
    }

    /** Parameters and what the documentation's formulas make of x with them. */
    Expected expected(INDArray x) {
        OnnxReference reference = new OnnxReference(numbers(x), shape);
        Map<String, INDArray> inputs = new LinkedHashMap<>();
        Map<String, double[]> outputs = new LinkedHashMap<>();
        DataType dataType = x.dataType();
        long[] channels = {shape.length == 1 ? 1 : shape[1]};
        switch (type) {
            case "LayerNormalization" -> {
                long[] tail = Arrays.copyOfRange(shape, axis[0], shape.length);
                double[] scale = parameter(inputs, "scale", dataType, tail);
                double[] bias = parameter(inputs, "bias", dataType, tail);
                outputs.put("y", reference.layer(axis[0], scale, bias, EPSILON));
                var set = reference.over(reference.from(axis[0]));
                outputs.put("Mean", reference.first(reference.mean(reference.x(), set), set));
                outputs.put("InvStdDev", reference.first(reference.inverseDeviation(set, EPSILON), set));
            }
            case "RMSNormalization" -> outputs.put("y", reference.rms(axis[0],
                    parameter(inputs, "scale", dataType, Arrays.copyOfRange(shape, axis[0], shape.length)), EPSILON));
            case "InstanceNormalization" -> outputs.put("y", reference.instance(parameter(inputs, "scale", dataType, channels),
                    parameter(inputs, "bias", dataType, channels), EPSILON));
            case "GroupNormalization" -> {
                long[] scaled = opset < 21 ? new long[]{axis[0]} : channels;
                outputs.put("y", reference.group(axis[0], parameter(inputs, "scale", dataType, scaled),
                        parameter(inputs, "bias", dataType, scaled), EPSILON, opset < 21));
            }
            case "MeanVarianceNormalization" -> outputs.put("y", reference.meanVariance(axis));
            case "LpNormalization" -> outputs.put("y", reference.lp(axis[0], axis[1]));
            default -> batch(reference, inputs, outputs, dataType, channels);
        }
        return new Expected(inputs, outputs);
    }

    private void batch(OnnxReference reference, Map<String, INDArray> inputs, Map<String, double[]> outputs, DataType dataType,
                       long[] channels) {
        double[] scale = parameter(inputs, "scale", dataType, channels);
        double[] bias = parameter(inputs, "bias", dataType, channels);
        double[] mean = parameter(inputs, "mean", dataType, channels);
        double[] variance = parameter(inputs, "var", dataType, channels);
        if (!trains()) {
            outputs.put("y", reference.batch(scale, bias, mean, variance, EPSILON));
            return;
        }
        double[] currentMean = reference.byChannel(reference.mean(reference.x(), reference.channels()));
        double[] currentVariance = reference.byChannel(reference.variance(reference.channels()));
        outputs.put("y", reference.batch(scale, bias, currentMean, currentVariance, EPSILON));
        outputs.put("running_mean", running(mean, currentMean));
        outputs.put("running_var", running(variance, currentVariance));
    }

    private static double[] running(double[] given, double[] current) {
        double[] running = new double[given.length];
        Arrays.setAll(running, c -> given[c] * 0.75 + current[c] * 0.25);
        return running;
    }

    private static double[] parameter(Map<String, INDArray> inputs, String name, DataType type, long... shape) {
        INDArray array = numbers(name.hashCode(), type, 1.5, shape);
        inputs.put(name, array);
        return numbers(array);
    }

    static double[] numbers(INDArray array) {
        return array.castTo(DataType.DOUBLE).dup('c').data().asDouble();
    }
}
