// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
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
 * of its first output, without which the importer confuses nodes, constants above all. Functions are gone, and arrays are not
 * in files of their own any more.
 */
final class OnnxModel {
    /** That of ONNX 1.23. */
    static final int NEWEST_OPSET = 28;
    /** Operation that stands in for a normalization. */
    static final String PLACE = "Dl4jNorm";
    private static final String CONSTANT = "Constant";
    /** Name of one that stands in for nothing, before all others. */
    static final String FIRST = "dl4jnorm/first";

    /** Names of the domain of ONNX's own operators. */
    static final Set<String> DOMAINS = Set.of("", "ai.onnx");

    private final Path file;
    private final Tensors tensors;
    private final Functions functions;
    private final Map<String, OnnxNode> norms = new HashMap<>();
    private final Set<String> operations = new HashSet<>();
    private final List<OnnxNode> nodes = new ArrayList<>();
    private Onnx.GraphProto graph;

    private OnnxModel(Path file, Functions functions) {
        this.file = file;
        this.functions = functions;
        tensors = new Tensors(file.toAbsolutePath().getParent());
    }

    /**
     * Reads a model.
     *
     * @throws IOException              if it is incomplete
     * @throws IllegalArgumentException if it is wrong
     */
    static OnnxModel read(Path file, byte[] content) throws IOException {
        Onnx.ModelProto proto;
        try {
            proto = Onnx.ModelProto.parseFrom(content);
        } catch (InvalidProtocolBufferException e) {
            throw new IOException(file + " is not a complete ONNX model: " + e.getMessage(), e);
        }
        if (!proto.hasGraph() || proto.getOpsetImportCount() == 0) {
            throw new IOException(file + " is not a complete ONNX model: it has no "
                    + (proto.hasGraph() ? "operator set" : "graph"));
        }
        long opset = opset(file, proto);
        try {
            OnnxModel model = new OnnxModel(file, new Functions(proto.getFunctionsList()));
            Onnx.GraphProto graph = model.rewrite(proto.getGraph(), opset, Set.of(), true);
            model.graph = graph.toBuilder().clearNode().addNode(place(FIRST).addOutput(FIRST)).addAllNode(graph.getNodeList())
                    .build();
            return model;
        } catch (IllegalArgumentException e) {
            throw error(file, e);
        } catch (UncheckedIOException e) {
            throw new IOException(file + ": " + e.getMessage(), e);
        }
    }

    /** A model as the file has it, but with all arrays in it. */
    static Onnx.ModelProto whole(Path file, byte[] content) throws IOException {
        Onnx.ModelProto.Builder model = Onnx.ModelProto.parseFrom(content).toBuilder();
        Tensors tensors = new Tensors(file.toAbsolutePath().getParent());
        for (int i = 0; i < model.getGraph().getInitializerCount(); i++) {
            Onnx.TensorProto tensor = model.getGraph().getInitializer(i);
            if (tensor.getDataLocation() == Onnx.TensorProto.DataLocation.EXTERNAL) {
                model.getGraphBuilder().setInitializer(i, tensors.loaded(tensor));
            }
        }
        return model.build();
    }

    private static long opset(Path file, Onnx.ModelProto proto) {
        for (Onnx.OperatorSetIdProto each : proto.getOpsetImportList()) {
            if (DOMAINS.contains(each.getDomain())) {
                if (each.getVersion() < 1 || each.getVersion() > NEWEST_OPSET) {
                    throw new IllegalArgumentException(file + ": expected ONNX operator set 1 to " + NEWEST_OPSET + ", got "
                            + each.getVersion());
                }
                return each.getVersion();
            }
        }
        throw new IllegalArgumentException(file + ": expected an ONNX operator set, got only the domains "
                + proto.getOpsetImportList().stream().map(Onnx.OperatorSetIdProto::getDomain).toList());
    }

    IllegalArgumentException error(RuntimeException cause) {
        return error(file, cause);
    }

    private static IllegalArgumentException error(Path file, RuntimeException cause) {
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

    /** All nodes of the graph in their order. */
    List<OnnxNode> nodes() {
        return nodes;
    }

    /** Types of all nodes that Deeplearning4j's importer has to know. */
    Set<String> operations() {
        return operations;
    }

    List<String> outputs() {
        return graph.getOutputList().stream().map(output -> OnnxNode.plain(output.getName())).toList();
    }

    private Onnx.GraphProto rewrite(Onnx.GraphProto given, long opset, Set<String> outside, boolean whole) {
        Set<String> known = new HashSet<>(outside);
        given.getInputList().forEach(input -> known.add(input.getName()));
        Onnx.GraphProto.Builder graph = given.toBuilder().clearNode();
        if (given.getSparseInitializerCount() > 0) {
            throw new IllegalArgumentException("sparse initializers are not supported");
        }
        for (int i = 0; i < given.getInitializerCount(); i++) {
            known.add(given.getInitializer(i).getName());
            graph.setInitializer(i, tensors.readable(given.getInitializer(i)));
        }
        graph.getInputBuilderList().forEach(Tensors::widen);
        graph.getOutputBuilderList().forEach(Tensors::widen);
        graph.getValueInfoBuilderList().forEach(Tensors::widen);
        Set<String> made = new HashSet<>();
        List<Functions.Placed> nodes = given.getNodeList().stream()
                .flatMap(node -> functions.placed(node, opset).stream()).toList();
        for (Functions.Placed placed : nodes) {
            Onnx.NodeProto node = placed.node();
            graph.addNode(rewrite(node, placed.opset(), known, whole));
            for (String output : node.getOutputList()) {
                if (!output.isEmpty() && !made.add(output)) {
                    throw new IllegalArgumentException(OnnxNode.describe(node) + ": \"" + output + "\" is already defined");
                }
            }
            known.addAll(node.getOutputList());
        }
        for (Onnx.ValueInfoProto output : given.getOutputList()) {
            if (!known.contains(output.getName())) {
                throw new IllegalArgumentException("no node produces the output \"" + output.getName() + "\"");
            }
        }
        return graph.build();
    }

    private static Onnx.NodeProto.Builder place(String name) {
        return Onnx.NodeProto.newBuilder().setOpType(PLACE).setName(name);
    }

    private Onnx.NodeProto rewrite(Onnx.NodeProto node, long opset, Set<String> known, boolean whole) {
        for (String input : node.getInputList()) {
            if (!input.isEmpty() && !known.contains(input)) {
                throw new IllegalArgumentException(OnnxNode.describe(node) + ": no earlier node produces its input \"" + input
                        + "\"");
            }
        }
        boolean own = DOMAINS.contains(node.getDomain());
        NormOp op = own ? NormOp.of(node.getOpType()) : null;
        if (op != null) {
            OnnxNode norm = new OnnxNode(op, node, opset);
            op.check(norm);
            if (whole) {
                nodes.add(norm);
            }
            return placed(norm);
        }
        Onnx.NodeProto.Builder other = node.toBuilder();
        List<String> inputs = new ArrayList<>(node.getInputList());
        while (!inputs.isEmpty() && inputs.get(inputs.size() - 1).isEmpty()) {
            inputs.remove(inputs.size() - 1);
        }
        other.clearInput().addAllInput(inputs);
        if (node.getOpType().equals(CONSTANT)) {
            other.clearAttribute().addAllAttribute(node.getAttributeList().stream().map(Tensors::value).toList());
        }
        for (Onnx.AttributeProto.Builder attribute : other.getAttributeBuilderList()) {
            if (attribute.hasG()) {
                attribute.setG(rewrite(attribute.getG(), opset, known, false));
            }
            for (int i = 0; i < attribute.getGraphsCount(); i++) {
                attribute.setGraphs(i, rewrite(attribute.getGraphs(i), opset, known, false));
            }
            if (Tensors.asksForBfloat16(attribute)) {
                attribute.setI(Onnx.TensorProto.DataType.FLOAT_VALUE);
            }
            if (attribute.hasT()) {
                attribute.setT(tensors.readable(attribute.getT()));
            }
        }
        if (whole) {
            nodes.add(new OnnxNode(null, other.build(), opset));
        }
        // Inside of others nothing is computed that a plain operation could look at.
        if (own && whole && PlainOp.of(node.getOpType()) != null) {
            return placed(new OnnxNode(null, other.build(), opset));
        }
        operations.add(node.getOpType());
        return OnnxNode.name(node).isEmpty() ? other.build() : other.setName(OnnxNode.name(node)).build();
    }

    /** A place for what is built here. */
    private Onnx.NodeProto placed(OnnxNode node) {
        String name = OnnxNode.name(node.proto());
        norms.put(name, node);
        return place(name).addAllInput(node.proto().getInputList().stream().filter(input -> !input.isEmpty()).toList())
                .addAllOutput(node.proto().getOutputList().stream().filter(output -> !output.isEmpty()).toList()).build();
    }
}
