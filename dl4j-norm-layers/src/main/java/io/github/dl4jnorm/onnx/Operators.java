// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import onnx.Onnx;

/** The operators, other than normalizations, that are imported; every one is tested against ONNX Runtime. */
final class Operators {
    /** Translates a node whose inputs and attributes have been counted. */
    @FunctionalInterface
    interface Builder {
        List<Value> build(Call call);
    }

    /**
     * One operator.
     *
     * @param type       its name, behind that of a domain that is not ONNX's
     * @param least      number of inputs that it needs
     * @param most       number of inputs that it takes
     * @param outputs    number of outputs that it gives
     * @param attributes names of the attributes that are supported
     * @param builder    translates it
     */
    record Operator(String type, int least, int most, int outputs, Set<String> attributes, Builder builder) {

        /** Refuses inputs, outputs and attributes that it does not have. */
        void check(Call call) {
            OnnxNode node = call.node();
            for (int i = 0; i < least; i++) {
                call.require(call.has(i), least == most ? least + " inputs" : "at least " + least + " inputs", node.inputs());
            }
            call.require(node.inputs().size() <= most, "at most " + most + " inputs", node.inputs());
            call.require(node.hasOutputs() && node.outputs().size() <= outputs,
                    outputs == 1 ? "1 output" : "1 to " + outputs + " outputs", node.outputs());
            for (String attribute : node.attributes()) {
                call.require(attributes.contains(attribute), "only the attributes " + attributes.stream().sorted().toList(),
                        attribute);
            }
        }
    }

    static final int MANY = Integer.MAX_VALUE;
    private static final Map<String, Operator> ALL = new HashMap<>();

    static {
        ElementwiseOperators.addTo();
        ArithmeticOperators.addTo();
        ShapeOperators.addTo();
        PartOperators.addTo();
        SliceOperators.addTo();
        ReductionOperators.addTo();
        MatrixOperators.addTo();
        ConvolutionOperators.addTo();
        PoolingOperators.addTo();
        ResizeOperators.addTo();
        EinsumOperators.addTo();
        RecurrentOperators.addTo();
        MicrosoftOperators.addTo();
    }

    private Operators() {
    }

    static void add(String type, int least, int most, Builder builder, String... attributes) {
        add(type, least, most, 1, builder, attributes);
    }

    static void add(String type, int least, int most, int outputs, Builder builder, String... attributes) {
        if (ALL.put(type, new Operator(type, least, most, outputs, Set.of(attributes), builder)) != null) {
            throw new IllegalStateException(type + " is defined twice");
        }
    }

    /** The operator of a node, or null if it is not known. */
    static Operator of(Onnx.NodeProto node) {
        return ALL.get((OnnxModel.DOMAINS.contains(node.getDomain()) ? "" : node.getDomain() + ".") + node.getOpType());
    }

    /** Names of all of them. */
    static Set<String> types() {
        return Set.copyOf(ALL.keySet());
    }
}
