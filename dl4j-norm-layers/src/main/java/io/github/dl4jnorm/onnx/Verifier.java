// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.OrtUtil;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import onnx.Onnx;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.shade.protobuf.ByteString;

/** Compares a graph with what ONNX Runtime computes, node by node. The only class that uses ONNX Runtime. */
final class Verifier {
    private static final int LARGEST_BATCH = 4;
    private static final double OF_HALF = 32;
    private static final int SHOWN = 4;

    private final String file;
    private final Onnx.ModelProto model;
    private final SameDiff graph;
    private final List<OnnxVerification.Difference> differences = new ArrayList<>();
    private double largest;

    Verifier(String file, Onnx.ModelProto model, SameDiff graph) {
        this.file = file;
        this.model = model;
        this.graph = graph;
    }

    /** Draws inputs of the shapes that the model says; a first size that it does not say is drawn, too. */
    Map<String, INDArray> drawn() {
        Random random = new Random();
        Map<String, Long> sizes = new HashMap<>();
        Map<String, INDArray> inputs = new LinkedHashMap<>();
        for (Onnx.ValueInfoProto input : model.getGraph().getInputList()) {
            if (graph.inputs().contains(OnnxNode.plain(input.getName()))) {
                inputs.put(OnnxNode.plain(input.getName()), drawn(input, sizes, random));
            }
        }
        return inputs;
    }

    private static INDArray drawn(Onnx.ValueInfoProto input, Map<String, Long> sizes, Random random) {
        List<Onnx.TensorShapeProto.Dimension> given = input.getType().getTensorType().getShape().getDimList();
        long[] shape = new long[given.size()];
        for (int i = 0; i < shape.length; i++) {
            Onnx.TensorShapeProto.Dimension size = given.get(i);
            String name = size.getDimParam();
            if (size.getDimValue() > 0) {
                shape[i] = size.getDimValue();
            } else if (i == 0 || sizes.containsKey(name)) {
                shape[i] = sizes.computeIfAbsent(name.isEmpty() ? "first" : name, key -> 1L + random.nextInt(LARGEST_BATCH));
            } else {
                throw new IllegalArgumentException("input \"" + input.getName() + "\" has an unknown size at axis " + i
                        + ": call verify(file, graph, inputs) with an array for each input");
            }
        }
        DataType type = Types.of(input.getType().getTensorType().getElemType());
        double[] numbers = random.doubles(Arrays.stream(shape).reduce(1, Math::multiplyExact)).map(type.isFPType()
                ? number -> 4 * number - 2 : number -> Math.round(number)).toArray();
        return Nd4j.createFromArray(numbers).reshape(shape).castTo(type);
    }

    OnnxVerification run(Map<String, INDArray> inputs) {
        Map<String, Onnx.NodeProto> nodes = new LinkedHashMap<>();
        for (Onnx.NodeProto node : model.getGraph().getNodeList()) {
            node.getOutputList().stream().filter(name -> graph.hasVariable(OnnxNode.plain(name)))
                    .forEach(name -> nodes.put(name, node));
        }
        Set<String> names = new LinkedHashSet<>(nodes.keySet());
        Map<String, INDArray> actual = graph.output(new LinkedHashMap<>(inputs), names.stream().map(OnnxNode::plain)
                .toArray(String[]::new));
        Map<String, INDArray> expected;
        try {
            expected = expected(inputs, names);
        } catch (OrtException e) {
            throw new IllegalStateException(file + " is not run by ONNX Runtime: " + e.getMessage(), e);
        }
        nodes.forEach((name, node) -> compare(name, node, expected.get(name), actual.get(OnnxNode.plain(name))));
        return new OnnxVerification(file, nodes.size(), largest, List.copyOf(differences));
    }

    /** What ONNX Runtime computes, with all of its own changes of the graph left out. */
    private Map<String, INDArray> expected(Map<String, INDArray> inputs, Set<String> names) throws OrtException {
        Onnx.ModelProto.Builder whole = model.toBuilder();
        whole.getGraphBuilder().clearOutput();
        names.forEach(name -> whole.getGraphBuilder().addOutput(Onnx.ValueInfoProto.newBuilder().setName(name)));
        OrtEnvironment environment = OrtEnvironment.getEnvironment();
        Map<String, OnnxTensor> given = new LinkedHashMap<>();
        try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
            options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.NO_OPT);
            options.setSessionLogLevel(OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR);
            try (OrtSession session = environment.createSession(whole.build().toByteArray(), options)) {
                for (String name : session.getInputNames()) {
                    if (inputs.containsKey(OnnxNode.plain(name))) {
                        given.put(name, tensor(environment, inputs.get(OnnxNode.plain(name))));
                    }
                }
                Map<String, INDArray> outputs = new HashMap<>();
                try (OrtSession.Result result = session.run(given)) {
                    for (Map.Entry<String, OnnxValue> output : result) {
                        outputs.put(output.getKey(), array((OnnxTensor) output.getValue()));
                    }
                }
                return outputs;
            } finally {
                given.values().forEach(OnnxTensor::close);
            }
        }
    }

    private static OnnxTensor tensor(OrtEnvironment environment, INDArray array) throws OrtException {
        INDArray flat = array.dup('c').reshape(-1);
        long[] shape = array.rank() == 0 ? new long[]{1} : array.shape();
        Object numbers = switch (array.dataType()) {
            case FLOAT -> OrtUtil.reshape(flat.toFloatVector(), shape);
            case DOUBLE -> OrtUtil.reshape(flat.toDoubleVector(), shape);
            case INT -> OrtUtil.reshape(flat.toIntVector(), shape);
            case LONG -> OrtUtil.reshape(flat.toLongVector(), shape);
            case BOOL -> truths(flat.castTo(DataType.INT).toIntVector(), shape);
            default -> throw new IllegalArgumentException("ONNX Runtime is not given arrays of type " + array.dataType());
        };
        return OnnxTensor.createTensor(environment, array.rank() == 0 ? flat.getNumber(0) : numbers);
    }

    private static Object truths(int[] numbers, long... shape) {
        boolean[] truths = new boolean[numbers.length];
        for (int i = 0; i < truths.length; i++) {
            truths[i] = numbers[i] != 0;
        }
        return OrtUtil.reshape(truths, shape);
    }

    private static INDArray array(OnnxTensor tensor) {
        // ONNX Runtime counts types in its own way.
        int type = Onnx.TensorProto.DataType.valueOf(tensor.getInfo().type.name()).getNumber();
        Onnx.TensorProto.Builder proto = Onnx.TensorProto.newBuilder().setDataType(type)
                .setRawData(ByteString.copyFrom(tensor.getByteBuffer()));
        Arrays.stream(tensor.getInfo().getShape()).forEach(proto::addDims);
        return Tensors.array(proto.build());
    }

    private void compare(String name, Onnx.NodeProto node, INDArray expected, INDArray actual) {
        String message = null;
        if (expected.isEmpty() || actual.isEmpty() ? expected.isEmpty() != actual.isEmpty()
                : !Arrays.equals(expected.shape(), actual.shape())) {
            message = "expected shape " + Arrays.toString(expected.shape()) + ", got " + Arrays.toString(actual.shape());
        } else if (!expected.isEmpty()) {
            double[] a = expected.castTo(DataType.DOUBLE).dup('c').data().asDouble();
            double[] b = actual.castTo(DataType.DOUBLE).dup('c').data().asDouble();
            double scale = Arrays.stream(a).map(Math::abs).filter(Double::isFinite).reduce(1, Math::max);
            double difference = 0;
            for (int i = 0; i < a.length; i++) {
                boolean isEqual = Double.compare(a[i], b[i]) == 0 || a[i] == b[i];
                double each = isEqual ? 0 : Math.abs(a[i] - b[i]) / scale;
                difference = Math.max(difference, Double.isNaN(each) ? Double.POSITIVE_INFINITY : each);
            }
            largest = Math.max(largest, difference);
            if (!(difference <= OnnxVerification.TOLERANCE * (expected.dataType() == DataType.HALF ? OF_HALF : 1))) {
                message = "expected " + start(a) + ", got " + start(b) + " of shape " + Arrays.toString(actual.shape());
            }
        }
        if (message != null) {
            differences.add(new OnnxVerification.Difference(node.getOpType(), node.getName().isEmpty() ? OnnxNode.name(node)
                    : node.getName(), name, message));
        }
    }

    private static String start(double... numbers) {
        String first = Arrays.toString(Arrays.copyOf(numbers, Math.min(SHOWN, numbers.length)));
        return numbers.length > SHOWN ? first.replace("]", ", …]") : first;
    }
}
