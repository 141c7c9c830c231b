// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import java.util.List;
import onnx.Onnx;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.shade.protobuf.ByteString;

/**
 * A normalization in a model, or a plain operation that is built here, too.
 *
 * @param op    which normalization, or null
 * @param proto the node as the file has it
 * @param opset version of the operators
 */
record OnnxNode(NormOp op, Onnx.NodeProto proto, long opset) {

    /** The importer leaves TensorFlow's suffix out of all names. */
    static String plain(String name) {
        return name.replace(":0", "");
    }

    /** Its first output that has a name, after which the importer names the node. */
    static String name(Onnx.NodeProto proto) {
        return proto.getOutputList().stream().filter(output -> !output.isEmpty()).map(OnnxNode::plain).findFirst()
                .orElse("");
    }

    List<String> inputs() {
        return proto.getInputList().stream().map(OnnxNode::plain).toList();
    }

    List<String> outputs() {
        return proto.getOutputList().stream().map(OnnxNode::plain).toList();
    }

    /** Optional inputs and outputs are left out by an empty name, or at the end. */
    boolean hasInput(int index) {
        return index < proto.getInputCount() && !proto.getInput(index).isEmpty();
    }

    boolean hasOutput(int index) {
        return index < proto.getOutputCount() && !proto.getOutput(index).isEmpty();
    }

    boolean hasOutputs() {
        return !name(proto).isEmpty();
    }

    /** Whether batch normalization takes its statistics over positions, too. */
    boolean spatial() {
        return integer("spatial", 1) != 0;
    }

    List<String> attributes() {
        return proto.getAttributeList().stream().map(Onnx.AttributeProto::getName).toList();
    }

    IllegalArgumentException error(String expected, Object actual) {
        return new IllegalArgumentException(describe(proto) + " of operator set " + opset + ": expected "
                + Sizes.text(expected) + ", got " + Sizes.text(actual));
    }

    IllegalArgumentException error(String message, RuntimeException cause) {
        return new IllegalArgumentException(describe(proto) + ": " + message, cause);
    }

    boolean isNamedBy(RuntimeException error) {
        return String.valueOf(error.getMessage()).startsWith(describe(proto));
    }

    /** The name that the file gives the node, or that of its first output. */
    String label() {
        return label(proto);
    }

    private static String label(Onnx.NodeProto proto) {
        return proto.getName().isEmpty() ? name(proto) : proto.getName();
    }

    static String describe(Onnx.NodeProto proto) {
        return proto.getOpType() + " \"" + label(proto) + "\"";
    }

    double number(String name, double fallback) {
        Onnx.AttributeProto found = attribute(name, Onnx.AttributeProto.AttributeType.FLOAT);
        return found == null ? fallback : found.getF();
    }

    long integer(String name, long fallback) {
        Onnx.AttributeProto found = attribute(name, Onnx.AttributeProto.AttributeType.INT);
        return found == null ? fallback : found.getI();
    }

    long[] integers(String name, long... fallback) {
        Onnx.AttributeProto found = attribute(name, Onnx.AttributeProto.AttributeType.INTS);
        return found == null ? fallback : found.getIntsList().stream().mapToLong(Long::longValue).toArray();
    }

    String text(String name, String fallback) {
        Onnx.AttributeProto found = attribute(name, Onnx.AttributeProto.AttributeType.STRING);
        return found == null ? fallback : found.getS().toStringUtf8();
    }

    List<String> texts(String name) {
        Onnx.AttributeProto found = attribute(name, Onnx.AttributeProto.AttributeType.STRINGS);
        return found == null ? List.of() : found.getStringsList().stream().map(ByteString::toStringUtf8).toList();
    }

    float[] floats(String name) {
        Onnx.AttributeProto found = attribute(name, Onnx.AttributeProto.AttributeType.FLOATS);
        float[] values = new float[found == null ? 0 : found.getFloatsCount()];
        for (int i = 0; i < values.length; i++) {
            values[i] = found.getFloats(i);
        }
        return values;
    }

    /** The array that an attribute is, or null. */
    INDArray array(String name) {
        Onnx.AttributeProto found = attribute(name, Onnx.AttributeProto.AttributeType.TENSOR);
        return found == null ? null : Tensors.array(found.getT());
    }

    /** Files of the first versions do not say of what type an attribute is. */
    private Onnx.AttributeProto attribute(String name, Onnx.AttributeProto.AttributeType type) {
        for (Onnx.AttributeProto each : proto.getAttributeList()) {
            if (each.getName().equals(name)) {
                if (each.getType() != type && each.getType() != Onnx.AttributeProto.AttributeType.UNDEFINED) {
                    throw error("attribute " + name + " of type " + type, each.getType());
                }
                return each;
            }
        }
        return null;
    }
}
