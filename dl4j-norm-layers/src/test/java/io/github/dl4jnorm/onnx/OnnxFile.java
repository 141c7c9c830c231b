// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import onnx.Onnx;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.shade.protobuf.ByteString;

/** Writes ONNX models. */
final class OnnxFile {
    private static final String OWN = "own";

    private final List<Onnx.FunctionProto> functions = new ArrayList<>();
    private final Onnx.GraphProto.Builder graph = Onnx.GraphProto.newBuilder().setName("test");
    private final int opset;

    OnnxFile(int opset) {
        this.opset = opset;
    }

    static int code(DataType type) {
        return switch (type) {
            case FLOAT -> 1;
            case INT -> 6;
            case LONG -> 7;
            case HALF -> 10;
            case DOUBLE -> 11;
            case BFLOAT16 -> 16;
            default -> throw new IllegalArgumentException(type.toString());
        };
    }

    /** An input; a size of −1 gets a name instead. */
    OnnxFile input(String name, DataType type, long... shape) {
        graph.addInput(info(name, type, shape));
        return this;
    }

    /** Gives all unknown sizes one mark, as some exporters do. */
    OnnxFile marked(String mark) {
        graph.getInputBuilderList().stream().flatMap(input -> input.getTypeBuilder().getTensorTypeBuilder().getShapeBuilder()
                .getDimBuilderList().stream()).filter(size -> !size.getDimParam().isEmpty())
                .forEach(size -> size.setDimParam(mark));
        return this;
    }

    OnnxFile output(String name, DataType type) {
        graph.addOutput(Onnx.ValueInfoProto.newBuilder().setName(name).setType(Onnx.TypeProto.newBuilder()
                .setTensorType(Onnx.TypeProto.Tensor.newBuilder().setElemType(code(type)))));
        return this;
    }

    private static Onnx.ValueInfoProto info(String name, DataType type, long... shape) {
        Onnx.TensorShapeProto.Builder sizes = Onnx.TensorShapeProto.newBuilder();
        for (int i = 0; i < shape.length; i++) {
            sizes.addDim(shape[i] < 0 ? Onnx.TensorShapeProto.Dimension.newBuilder().setDimParam("size" + i)
                    : Onnx.TensorShapeProto.Dimension.newBuilder().setDimValue(shape[i]));
        }
        return Onnx.ValueInfoProto.newBuilder().setName(name).setType(Onnx.TypeProto.newBuilder().setTensorType(
                Onnx.TypeProto.Tensor.newBuilder().setElemType(code(type)).setShape(sizes))).build();
    }

    /** An array as bytes or as a list of numbers, the two forms that ONNX has. */
    OnnxFile initializer(String name, INDArray array, boolean raw) {
        graph.addInitializer(tensor(name, array, raw));
        return this;
    }

    OnnxFile add(Onnx.TensorProto tensor) {
        graph.addInitializer(tensor);
        return this;
    }

    static Onnx.TensorProto.Builder tensor(String name, INDArray array, boolean raw) {
        DataType type = array.dataType();
        Onnx.TensorProto.Builder tensor = Onnx.TensorProto.newBuilder().setName(name).setDataType(code(type));
        Arrays.stream(array.shape()).forEach(tensor::addDims);
        double[] numbers = array.castTo(DataType.DOUBLE).dup('c').data().asDouble();
        ByteBuffer bytes = ByteBuffer.allocate(numbers.length * type.width()).order(ByteOrder.LITTLE_ENDIAN);
        for (double number : numbers) {
            switch (type) {
                case FLOAT -> {
                    tensor.addFloatData((float) number);
                    bytes.putFloat((float) number);
                }
                case DOUBLE -> {
                    tensor.addDoubleData(number);
                    bytes.putDouble(number);
                }
                case LONG -> {
                    tensor.addInt64Data((long) number);
                    bytes.putLong((long) number);
                }
                default -> {
                    int bits = type == DataType.BFLOAT16 ? Float.floatToIntBits((float) number) >>> 16 : half(number);
                    tensor.addInt32Data(bits);
                    bytes.putShort((short) bits);
                }
            }
        }
        return raw ? tensor.clearFloatData().clearDoubleData().clearInt64Data().clearInt32Data()
                .setRawData(ByteString.copyFrom(bytes.array())) : tensor;
    }

    /** For numbers that half precision has exactly, of ordinary size. */
    private static int half(double number) {
        int bits = Float.floatToIntBits((float) number);
        int exponent = (bits >>> 23 & 0xff) - 112;
        return number == 0 ? 0 : bits >>> 16 & 0x8000 | exponent << 10 | bits >>> 13 & 0x3ff;
    }

    OnnxFile node(String type, List<String> inputs, List<String> outputs, Onnx.AttributeProto... attributes) {
        graph.addNode(Onnx.NodeProto.newBuilder().setOpType(type).addAllInput(inputs).addAllOutput(outputs)
                .addAllAttribute(List.of(attributes)));
        return this;
    }

    /** A function of the domain "own", whose nodes are those of another file. */
    OnnxFile function(String name, List<String> inputs, List<String> outputs, List<String> attributes, OnnxFile body) {
        functions.add(Onnx.FunctionProto.newBuilder().setDomain(OWN).setName(name).addAllInput(inputs).addAllOutput(outputs)
                .addAllAttribute(attributes).addAllNode(body.graph.getNodeList())
                .addOpsetImport(Onnx.OperatorSetIdProto.newBuilder().setDomain("").setVersion(body.opset)).build());
        return this;
    }

    /** Has the last node call a function. */
    OnnxFile own() {
        return domain(OWN);
    }

    /** Says the domain of the last node's operator. */
    OnnxFile domain(String domain) {
        int last = graph.getNodeCount() - 1;
        graph.setNode(last, graph.getNode(last).toBuilder().setDomain(domain));
        return this;
    }

    OnnxFile named(String name) {
        int last = graph.getNodeCount() - 1;
        graph.setNode(last, graph.getNode(last).toBuilder().setName(name));
        return this;
    }

    static Onnx.AttributeProto attribute(String name, double value) {
        return Onnx.AttributeProto.newBuilder().setName(name).setType(Onnx.AttributeProto.AttributeType.FLOAT)
                .setF((float) value).build();
    }

    static Onnx.AttributeProto attribute(String name, long value) {
        return Onnx.AttributeProto.newBuilder().setName(name).setType(Onnx.AttributeProto.AttributeType.INT).setI(value).build();
    }

    static Onnx.AttributeProto attribute(String name, long[] values) {
        return Onnx.AttributeProto.newBuilder().setName(name).setType(Onnx.AttributeProto.AttributeType.INTS)
                .addAllInts(Arrays.stream(values).boxed().toList()).build();
    }

    /** An attribute of a function's node that is one of the call. */
    static Onnx.AttributeProto reference(String name, String called, Onnx.AttributeProto.AttributeType type) {
        return Onnx.AttributeProto.newBuilder().setName(name).setType(type).setRefAttrName(called).build();
    }

    byte[] bytes() {
        return Onnx.ModelProto.newBuilder().setIrVersion(8).setGraph(graph).addAllFunctions(functions)
                .addOpsetImport(Onnx.OperatorSetIdProto.newBuilder().setDomain("").setVersion(opset)).build().toByteArray();
    }

    Path write(Path directory) {
        try {
            return Files.write(directory.resolve("model.onnx"), bytes());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The importer prints all it meets. */
    SameDiff imported(Path directory) throws IOException {
        PrintStream out = System.out;
        System.setOut(new PrintStream(OutputStream.nullOutputStream()));
        try {
            return OnnxNorms.importModel(write(directory));
        } finally {
            System.setOut(out);
        }
    }
}
