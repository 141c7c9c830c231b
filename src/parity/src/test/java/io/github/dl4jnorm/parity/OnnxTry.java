// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.parity;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import onnx.Onnx;
import onnx.Onnx.AttributeProto.AttributeType;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.shade.protobuf.ByteString;

/** A model of one operator, with numbers for its inputs. */
final class OnnxTry {
    private final String type;
    private final int opset;
    private final Onnx.NodeProto.Builder node;
    private final Onnx.GraphProto.Builder graph = Onnx.GraphProto.newBuilder().setName("try");
    private final Map<String, INDArray> inputs = new LinkedHashMap<>();
    private final List<String> outputs = new ArrayList<>();
    private boolean open;

    OnnxTry(String type, int opset) {
        this.type = type;
        this.opset = opset;
        int end = type.lastIndexOf('.');
        node = Onnx.NodeProto.newBuilder().setDomain(end < 0 ? "" : type.substring(0, end)).setOpType(type.substring(end + 1))
                .setName("tried");
    }

    String type() {
        return type;
    }

    /** Leaves the first size of every input from here on to be found when the graph runs. */
    OnnxTry open(boolean isOpen) {
        open = isOpen;
        return this;
    }

    private static int code(DataType type) {
        return switch (type) {
            case FLOAT -> 1;
            case INT -> 6;
            case LONG -> 7;
            case BOOL -> 9;
            case DOUBLE -> 11;
            default -> throw new IllegalArgumentException(type.toString());
        };
    }

    /** An input that is given when the graph runs. */
    OnnxTry input(INDArray array) {
        String name = "x" + node.getInputCount();
        Onnx.TensorShapeProto.Builder shape = Onnx.TensorShapeProto.newBuilder();
        for (int i = 0; i < array.rank(); i++) {
            shape.addDim(i == 0 && open ? Onnx.TensorShapeProto.Dimension.newBuilder().setDimParam("n")
                    : Onnx.TensorShapeProto.Dimension.newBuilder().setDimValue(array.size(i)));
        }
        graph.addInput(Onnx.ValueInfoProto.newBuilder().setName(name).setType(Onnx.TypeProto.newBuilder().setTensorType(
                Onnx.TypeProto.Tensor.newBuilder().setElemType(code(array.dataType())).setShape(shape))));
        inputs.put(name, array);
        node.addInput(name);
        return this;
    }

    /** An input that the file has. */
    OnnxTry constant(INDArray array) {
        String name = "onnx::Constant_" + node.getInputCount();
        Onnx.TensorProto.Builder tensor = Onnx.TensorProto.newBuilder().setName(name).setDataType(code(array.dataType()));
        Arrays.stream(array.shape()).forEach(tensor::addDims);
        for (double number : numbers(array)) {
            switch (array.dataType()) {
                case FLOAT -> tensor.addFloatData((float) number);
                case DOUBLE -> tensor.addDoubleData(number);
                case LONG -> tensor.addInt64Data((long) number);
                default -> tensor.addInt32Data((int) number);
            }
        }
        graph.addInitializer(tensor);
        node.addInput(name);
        return this;
    }

    OnnxTry missing() {
        node.addInput("");
        return this;
    }

    OnnxTry with(String name, long value) {
        node.addAttribute(Onnx.AttributeProto.newBuilder().setName(name).setType(AttributeType.INT).setI(value));
        return this;
    }

    OnnxTry with(String name, double value) {
        node.addAttribute(Onnx.AttributeProto.newBuilder().setName(name).setType(AttributeType.FLOAT).setF((float) value));
        return this;
    }

    OnnxTry with(String name, String value) {
        node.addAttribute(Onnx.AttributeProto.newBuilder().setName(name).setType(AttributeType.STRING)
                .setS(ByteString.copyFromUtf8(value)));
        return this;
    }

    OnnxTry with(String name, long[] values) {
        node.addAttribute(Onnx.AttributeProto.newBuilder().setName(name).setType(AttributeType.INTS)
                .addAllInts(Arrays.stream(values).boxed().toList()));
        return this;
    }

    OnnxTry with(String name, String... values) {
        Onnx.AttributeProto.Builder attribute = Onnx.AttributeProto.newBuilder().setName(name).setType(AttributeType.STRINGS);
        Arrays.stream(values).map(ByteString::copyFromUtf8).forEach(attribute::addStrings);
        node.addAttribute(attribute);
        return this;
    }

    OnnxTry output(String name) {
        outputs.add(name);
        return this;
    }

    Map<String, INDArray> inputs() {
        return inputs;
    }

    List<String> outputs() {
        return outputs.isEmpty() ? List.of("onnx::y") : outputs.stream().filter(name -> !name.isEmpty()).toList();
    }

    byte[] bytes() {
        Onnx.GraphProto.Builder whole = graph.clone().addNode(node.clone().addAllOutput(outputs.isEmpty() ? outputs() : outputs));
        // The types of outputs are not declared: an oracle that needs them infers them.
        outputs().forEach(name -> whole.addOutput(Onnx.ValueInfoProto.newBuilder().setName(name)));
        return Onnx.ModelProto.newBuilder().setIrVersion(8).setGraph(whole)
                .addOpsetImport(Onnx.OperatorSetIdProto.newBuilder().setDomain("").setVersion(opset))
                .addOpsetImport(Onnx.OperatorSetIdProto.newBuilder().setDomain("com.microsoft").setVersion(1)).build()
                .toByteArray();
    }

    static double[] numbers(INDArray array) {
        return array.isEmpty() ? new double[0] : array.castTo(DataType.DOUBLE).dup('c').data().asDouble();
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder(type + "-" + opset);
        inputs.forEach((name, array) -> text.append(' ').append(array.dataType()).append(Arrays.toString(array.shape())));
        graph.getInitializerList().forEach(tensor -> text.append(" const").append(tensor.getDimsList())
                .append(tensor.getInt64DataCount() > 0 ? tensor.getInt64DataList() : tensor.getFloatDataCount() < 9
                        ? tensor.getFloatDataList() : ""));
        for (Onnx.AttributeProto each : node.getAttributeList()) {
            text.append(' ').append(each.getName()).append('=').append(switch (each.getType()) {
                case INT -> each.getI();
                case FLOAT -> each.getF();
                case STRING -> each.getS().toStringUtf8();
                case STRINGS -> each.getStringsList().stream().map(ByteString::toStringUtf8).toList();
                default -> each.getIntsList();
            });
        }
        return text + (open ? " open" : "") + " -> " + outputs().size();
    }
}
