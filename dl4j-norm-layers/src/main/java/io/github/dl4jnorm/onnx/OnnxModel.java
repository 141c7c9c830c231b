// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import onnx.Onnx;
import org.nd4j.shade.protobuf.InvalidProtocolBufferException;

/**
 * A model that has been checked and rewritten for the importer: every normalization is an {@link #PLACE} instead, for
 * {@link NormHook} to fill; before all nodes is one more such place, where the inputs get arrays; and every node has the name
 * of its first output, without which the importer confuses nodes, constants above all.
 */
final class OnnxModel {
    /** That of ONNX 1.22. */
    static final int NEWEST_OPSET = 27;
    /** Operation that stands in for a normalization. */
    static final String PLACE = "Dl4jNorm";
    /** Name of one that stands in for nothing, before all others. */
    static final String FIRST = "dl4jnorm/first";

    private static final Set<String> DOMAINS = Set.of("", "ai.onnx");

    private final String file;
    private final long opset;
    private final Map<String, OnnxNode> norms = new HashMap<>();
    private final Set<String> operations = new HashSet<>();
    private Onnx.GraphProto graph;

    private OnnxModel(String file, long opset) {
        this.file = file;
        this.opset = opset;
    }

    /**
     * Reads a model.
     *
     * @throws IOException              if it is incomplete
     * @throws IllegalArgumentException if it is wrong
     */
    static OnnxModel read(String file, byte[] content) throws IOException {
        Onnx.ModelProto proto;
        try {
            proto = Onnx.ModelProto.parseFrom(content);
        } catch (InvalidProtocolBufferException e) {
            throw new IOException(file + " is no complete ONNX model: " + e.getMessage(), e);
        }
        if (!proto.hasGraph() || proto.getOpsetImportCount() == 0) {
            throw new IOException(file + " is no complete ONNX model: it has no "
                    + (proto.hasGraph() ? "operator set" : "graph"));
        }
        OnnxModel model = new OnnxModel(file, opset(file, proto));
        try {
            Onnx.GraphProto graph = model.rewrite(proto.getGraph(), Set.of());
            model.graph = graph.toBuilder().clearNode().addNode(place(FIRST).addOutput(FIRST)).addAllNode(graph.getNodeList())
                    .build();
        } catch (IllegalArgumentException e) {
            throw model.error(e);
        }
        return model;
    }

    private static long opset(String file, Onnx.ModelProto proto) {
        for (Onnx.OperatorSetIdProto each : proto.getOpsetImportList()) {
            if (DOMAINS.contains(each.getDomain())) {
                if (each.getVersion() < 1 || each.getVersion() > NEWEST_OPSET) {
                    throw new IllegalArgumentException(file + ": expected ONNX operator set 1 to " + NEWEST_OPSET + ", got "
                            + each.getVersion());
                }
                return each.getVersion();
            }
        }
        throw new IllegalArgumentException(file + ": expected an operator set of ONNX, got none but of "
                + proto.getOpsetImportList().stream().map(Onnx.OperatorSetIdProto::getDomain).toList());
    }

    IllegalArgumentException error(RuntimeException cause) {
        return new IllegalArgumentException(file + " cannot be imported: "
                + (cause.getMessage() == null ? cause : cause.getMessage()), cause);
    }

    Onnx.GraphProto graph() {
        return graph;
    }

    /** By the names of the nodes that stand for them. */
    Map<String, OnnxNode> norms() {
        return norms;
    }

    /** Types of all nodes that the importer has to know. */
    Set<String> operations() {
        return operations;
    }

    List<String> outputs() {
        return graph.getOutputList().stream().map(output -> OnnxNode.plain(output.getName())).toList();
    }

    private Onnx.GraphProto rewrite(Onnx.GraphProto given, Set<String> outside) {
        Set<String> known = new HashSet<>(outside);
        given.getInputList().forEach(input -> known.add(input.getName()));
        Onnx.GraphProto.Builder graph = given.toBuilder();
        if (given.getSparseInitializerCount() > 0) {
            throw new IllegalArgumentException("sparse initializers are not supported");
        }
        for (int i = 0; i < given.getInitializerCount(); i++) {
            known.add(given.getInitializer(i).getName());
            graph.setInitializer(i, Tensors.readable(given.getInitializer(i)));
        }
        Set<String> made = new HashSet<>();
        for (int i = 0; i < given.getNodeCount(); i++) {
            Onnx.NodeProto node = given.getNode(i);
            graph.setNode(i, rewrite(node, known));
            for (String output : node.getOutputList()) {
                if (!output.isEmpty() && !made.add(output)) {
                    throw new IllegalArgumentException(OnnxNode.describe(node) + ": \"" + output + "\" has been made before");
                }
            }
            known.addAll(node.getOutputList());
        }
        for (Onnx.ValueInfoProto output : given.getOutputList()) {
            if (!known.contains(output.getName())) {
                throw new IllegalArgumentException("no node makes the output \"" + output.getName() + "\"");
            }
        }
        return graph.build();
    }

    private static Onnx.NodeProto.Builder place(String name) {
        return Onnx.NodeProto.newBuilder().setOpType(PLACE).setName(name);
    }

    private Onnx.NodeProto rewrite(Onnx.NodeProto node, Set<String> known) {
        for (String input : node.getInputList()) {
            if (!input.isEmpty() && !known.contains(input)) {
                throw new IllegalArgumentException(OnnxNode.describe(node) + ": no node before it makes its input \"" + input
                        + "\"");
            }
        }
        NormOp op = DOMAINS.contains(node.getDomain()) ? NormOp.of(node.getOpType()) : null;
        if (op != null) {
            OnnxNode norm = new OnnxNode(op, node, opset);
            op.check(norm);
            norms.put(OnnxNode.name(node), norm);
            return place(OnnxNode.name(node))
                    .addAllInput(node.getInputList().stream().filter(name -> !name.isEmpty()).toList())
                    .addAllOutput(node.getOutputList().stream().filter(name -> !name.isEmpty()).toList()).build();
        }
        operations.add(node.getOpType());
        Onnx.NodeProto.Builder other = node.toBuilder();
        if (!OnnxNode.name(node).isEmpty()) {
            other.setName(OnnxNode.name(node));
        }
        List<String> inputs = new ArrayList<>(node.getInputList());
        while (!inputs.isEmpty() && inputs.get(inputs.size() - 1).isEmpty()) {
            inputs.remove(inputs.size() - 1);
        }
        other.clearInput().addAllInput(inputs);
        for (Onnx.AttributeProto.Builder attribute : other.getAttributeBuilderList()) {
            if (attribute.hasG()) {
                attribute.setG(rewrite(attribute.getG(), known));
            }
            for (int i = 0; i < attribute.getGraphsCount(); i++) {
                attribute.setGraphs(i, rewrite(attribute.getGraphs(i), known));
            }
            if (attribute.hasT()) {
                attribute.setT(Tensors.readable(attribute.getT()));
            }
        }
        return other.build();
    }
}
