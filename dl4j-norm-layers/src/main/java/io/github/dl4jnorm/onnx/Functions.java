// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import onnx.Onnx;
import org.nd4j.shade.protobuf.ByteString;
import org.nd4j.shade.protobuf.InvalidProtocolBufferException;

/** Functions that a model brings along. The importer knows none: a node that calls one becomes the nodes of its body. */
final class Functions {
    /** Field of a function with attributes and their defaults, which is younger than the importer's classes. */
    private static final int DEFAULTS = 11;

    private final Map<String, Onnx.FunctionProto> functions = new HashMap<>();

    /**
     * A node that calls no function.
     *
     * @param node  with names and attributes that hold in the graph
     * @param opset version of the operators that it was written for
     */
    record Placed(Onnx.NodeProto node, long opset) {
    }

    Functions(List<Onnx.FunctionProto> functions) {
        for (Onnx.FunctionProto function : functions) {
            if (this.functions.put(key(function.getDomain(), function.getName()), function) != null) {
                throw new IllegalArgumentException("function \"" + function.getName() + "\" of domain \""
                        + function.getDomain() + "\" is defined twice");
            }
        }
    }

    private static String key(String domain, String name) {
        return (OnnxModel.DOMAINS.contains(domain) ? "" : domain) + ":" + name;
    }

    /** The nodes that a node stands for: itself, or those of a function and of the functions that this calls. */
    List<Placed> placed(Onnx.NodeProto node, long opset) {
        List<Placed> all = new ArrayList<>();
        place(node, opset, Set.of(), all);
        return all;
    }

    private void place(Onnx.NodeProto node, long opset, Set<String> callers, List<Placed> all) {
        String key = key(node.getDomain(), node.getOpType());
        Onnx.FunctionProto function = functions.get(key);
        if (function == null) {
            all.add(new Placed(node, opset));
            return;
        }
        if (callers.contains(key)) {
            throw new IllegalArgumentException("function \"" + function.getName() + "\" calls itself");
        }
        if (node.getInputCount() > function.getInputCount() || node.getOutputCount() > function.getOutputCount()) {
            throw new IllegalArgumentException(OnnxNode.describe(node) + ": expected at most " + function.getInputCount()
                    + " inputs and " + function.getOutputCount() + " outputs for the function, got " + node.getInputList()
                    + " and " + node.getOutputList());
        }
        Set<String> inner = new HashSet<>(callers);
        inner.add(key);
        Call call = new Call(function, node);
        long own = function.getOpsetImportList().stream().filter(each -> OnnxModel.DOMAINS.contains(each.getDomain()))
                .mapToLong(Onnx.OperatorSetIdProto::getVersion).findFirst().orElse(opset);
        for (Onnx.NodeProto each : function.getNodeList()) {
            place(call.translated(each), own, inner, all);
        }
    }

    /** Names and attributes of a function as they are where it is called. */
    private static final class Call {
        private final Map<String, String> names = new HashMap<>();
        private final Map<String, Onnx.AttributeProto> attributes;
        private final String prefix;

        Call(Onnx.FunctionProto function, Onnx.NodeProto node) {
            prefix = OnnxNode.name(node) + "/" + function.getName() + "/";
            for (int i = 0; i < function.getInputCount(); i++) {
                names.put(function.getInput(i), i < node.getInputCount() ? node.getInput(i) : "");
            }
            for (int i = 0; i < function.getOutputCount(); i++) {
                if (i < node.getOutputCount() && !node.getOutput(i).isEmpty()) {
                    names.put(function.getOutput(i), node.getOutput(i));
                }
            }
            attributes = defaults(function);
            node.getAttributeList().forEach(attribute -> attributes.put(attribute.getName(), attribute));
        }

        private static Map<String, Onnx.AttributeProto> defaults(Onnx.FunctionProto function) {
            Map<String, Onnx.AttributeProto> defaults = new HashMap<>();
            for (ByteString bytes : function.getUnknownFields().getField(DEFAULTS).getLengthDelimitedList()) {
                try {
                    Onnx.AttributeProto attribute = Onnx.AttributeProto.parseFrom(bytes);
                    defaults.put(attribute.getName(), attribute);
                } catch (InvalidProtocolBufferException e) {
                    throw new IllegalArgumentException("function \"" + function.getName() + "\": " + e.getMessage(), e);
                }
            }
            return defaults;
        }

        /** What only the body knows is told apart from the rest of the graph by the name of what is called. */
        private String name(String given) {
            return given.isEmpty() ? "" : names.getOrDefault(given, prefix + given);
        }

        Onnx.NodeProto translated(Onnx.NodeProto node) {
            return node.toBuilder()
                    .clearInput().addAllInput(node.getInputList().stream().map(this::name).toList())
                    .clearOutput().addAllOutput(node.getOutputList().stream().map(this::name).toList())
                    .clearAttribute().addAllAttribute(node.getAttributeList().stream().map(this::translated)
                            .filter(attribute -> attribute != null).toList()).build();
        }

        /** An attribute that refers to one of the call is that, or missing as that is. */
        private Onnx.AttributeProto translated(Onnx.AttributeProto attribute) {
            if (!attribute.getRefAttrName().isEmpty()) {
                Onnx.AttributeProto given = attributes.get(attribute.getRefAttrName());
                return given == null ? null : given.toBuilder().setName(attribute.getName()).build();
            }
            Onnx.AttributeProto.Builder builder = attribute.toBuilder();
            if (attribute.hasG()) {
                builder.setG(translated(attribute.getG()));
            }
            for (int i = 0; i < attribute.getGraphsCount(); i++) {
                builder.setGraphs(i, translated(attribute.getGraphs(i)));
            }
            return builder.build();
        }

        private Onnx.GraphProto translated(Onnx.GraphProto graph) {
            Onnx.GraphProto.Builder builder = graph.toBuilder().clearNode().addAllNode(graph.getNodeList().stream()
                    .map(this::translated).collect(Collectors.toList()));
            builder.getInputBuilderList().forEach(input -> input.setName(name(input.getName())));
            builder.getOutputBuilderList().forEach(output -> output.setName(name(output.getName())));
            builder.getInitializerBuilderList().forEach(array -> array.setName(name(array.getName())));
            return builder.build();
        }
    }
}
