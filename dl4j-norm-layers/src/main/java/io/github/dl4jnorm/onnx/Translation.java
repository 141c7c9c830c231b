// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import onnx.Onnx;
import org.nd4j.autodiff.samediff.NameScope;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.VariableType;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Translates a model node by node. Only operators that are known are translated: {@link Operators} and {@link NormOp}. Nothing
 * is computed but integers that sizes and axes are made of.
 */
final class Translation {
    /** Of this size an array may be a shape or a list of axes. */
    private static final long SMALL = 4096;
    /** Numbers that are no integers are only of use to others if they are as few as scales of sizes. */
    private static final long FEW = 8;
    private static final String INNER = "/norm";

    private final SameDiff sd = SameDiff.create();
    private final Map<String, Value> values = new HashMap<>();
    /** All outside names, which the names of what is between must not be. */
    private final Set<String> names = new LinkedHashSet<>();
    /** Unknown sizes by the names that the file has for them. */
    private final Map<String, Long> sizes = new HashMap<>();
    private final OnnxModel model;

    private Translation(OnnxModel model) {
        this.model = model;
    }

    static SameDiff run(OnnxModel model) {
        refuseUnknown(model);
        try {
            return new Translation(model).translated();
        } catch (RuntimeException e) {
            throw model.error(e);
        }
    }

    /** The operators of a model that are not known, with nodes that are of them. */
    static List<String> unknown(OnnxModel model) {
        Map<String, List<String>> unknown = new LinkedHashMap<>();
        for (OnnxNode node : model.nodes()) {
            if (node.op() == null && Operators.of(node.proto()) == null && !isConstant(node)) {
                String domain = OnnxModel.DOMAINS.contains(node.proto().getDomain()) ? "" : node.proto().getDomain() + ".";
                unknown.computeIfAbsent(domain + node.proto().getOpType(), type -> new ArrayList<>()).add(node.label());
            }
        }
        return unknown.entrySet().stream().map(entry -> entry.getKey() + " (node \"" + entry.getValue().get(0) + "\""
                + (entry.getValue().size() > 1 ? " and " + (entry.getValue().size() - 1) + " more)" : ")")).toList();
    }

    private static void refuseUnknown(OnnxModel model) {
        List<String> unknown = unknown(model);
        if (!unknown.isEmpty()) {
            throw model.error(new IllegalArgumentException("it needs " + (unknown.size() == 1 ? "an operator" : unknown.size()
                    + " operators") + " that this importer does not know: " + String.join(", ", unknown)
                    + ". OnnxNorms.Options.allowUntested() leaves such a model to Deeplearning4j's importer, whose results "
                    + "have not been tested"));
        }
    }

    private static boolean isConstant(OnnxNode node) {
        return node.proto().getOpType().equals("Constant") && OnnxModel.DOMAINS.contains(node.proto().getDomain());
    }

    private SameDiff translated() {
        Onnx.GraphProto graph = model.graph();
        Set<String> initialized = new LinkedHashSet<>();
        for (Onnx.TensorProto tensor : graph.getInitializerList()) {
            initialized.add(tensor.getName());
            addConstant(tensor.getName(), Tensors.array(tensor));
        }
        for (Onnx.ValueInfoProto input : graph.getInputList()) {
            if (!initialized.contains(input.getName())) {
                addInput(input);
            }
        }
        model.nodes().forEach(node -> names.addAll(node.outputs()));
        for (OnnxNode node : model.nodes()) {
            List<Value> inputs = new ArrayList<>();
            try {
                node.proto().getInputList().forEach(name -> inputs.add(name.isEmpty() ? null : computed(name)));
                addOutputs(node, inputs);
            } catch (IllegalArgumentException e) {
                throw node.isNamedBy(e) ? e : node.error(e.getMessage(), e);
            } catch (RuntimeException e) {
                throw node.error("its inputs " + inputs.stream().map(Translation::described).toList() + " are not supported", e);
            }
        }
        graph.getOutputList().forEach(output -> computed(output.getName()));
        sd.setOutputs(model.outputs());
        return sd;
    }

    /** What a name stands for; outputs that are not computed, such as the mask of a dropout, may be there but not be used. */
    private Value computed(String name) {
        Value value = values.get(name);
        if (value == null) {
            throw new IllegalArgumentException("\"" + name + "\" is an output that this importer does not compute");
        }
        return value;
    }

    private static String described(Value value) {
        return value == null ? "none" : value.type()
                + (value.hasRank() ? Sizes.text(Arrays.toString(value.shape())) : " of unknown shape");
    }

    private void addConstant(String name, INDArray array) {
        SDVariable constant = sd.constant(OnnxNode.plain(name), array);
        values.put(name, new Value(constant, array.isEmpty() ? new long[]{0} : array.shape(), array, null));
        names.add(OnnxNode.plain(name));
    }

    private void addInput(Onnx.ValueInfoProto input) {
        Onnx.TypeProto.Tensor tensor = input.getType().getTensorType();
        DataType type = Types.of(tensor.getElemType());
        if (!input.getType().hasTensorType() || type == null) {
            throw new IllegalArgumentException("input \"" + input.getName() + "\": expected a tensor of numbers or Booleans, got "
                    + (input.getType().hasTensorType() ? Types.name(tensor.getElemType()) : input.getType().getValueCase()));
        }
        // A size that is absent, or a name, is unknown; one of 0 is written by some who mean the same.
        long[] shape = !tensor.hasShape() ? null : tensor.getShape().getDimList().stream()
                .mapToLong(size -> size.hasDimValue() && size.getDimValue() > 0 ? size.getDimValue() : -1).toArray();
        SDVariable placeholder = shape == null ? sd.placeHolder(OnnxNode.plain(input.getName()), type)
                : sd.placeHolder(OnnxNode.plain(input.getName()), type, shape);
        values.put(input.getName(), new Value(placeholder, shape == null ? null : symbols(tensor, shape), null, null));
        names.add(OnnxNode.plain(input.getName()));
    }

    /** Sizes of one name are equal, but some exporters have a mark for all that they do not know. */
    private long[] symbols(Onnx.TypeProto.Tensor tensor, long... shape) {
        long[] result = shape.clone();
        for (int i = 0; i < shape.length; i++) {
            String name = tensor.getShape().getDim(i).getDimParam();
            if (shape[i] < 0 && name.matches("[A-Za-z_].*") && !name.equalsIgnoreCase("none")) {
                result[i] = sizes.computeIfAbsent(name, key -> Sizes.unknown());
            }
        }
        return result;
    }

    private void addOutputs(OnnxNode node, List<Value> inputs) {
        if (isConstant(node)) {
            INDArray value = node.array("value");
            if (value == null) {
                throw node.error("attribute value, value_int, value_ints, value_float or value_floats", node.attributes());
            }
            addConstant(node.proto().getOutput(0), value);
            return;
        }
        Call call = new Call(sd, node, inputs);
        if (node.op() == null) {
            Operators.of(node.proto()).check(call);
        }
        Sizes sizes = Sizes.of(node, inputs);
        if (sizes != null && sizes.isConstant()) {
            addConstant(node.proto().getOutput(0), sizes.array());
            return;
        }
        INDArray folded = folded(node, inputs);
        if (folded != null && !folded.dataType().isFPType()) {
            addConstant(node.proto().getOutput(0), folded);
            return;
        }
        List<Value> outputs;
        String name = OnnxNode.name(node.proto());
        try (NameScope scope = sd.withNameScope(scope(name))) {
            outputs = build(call);
        }
        for (int i = 0; i < outputs.size(); i++) {
            Value output = outputs.get(i);
            if (node.hasOutput(i) && output != null) {
                values.put(node.proto().getOutput(i), new Value(named(output.variable(), node.outputs().get(i)), output.shape(),
                        i == 0 ? folded : null, i == 0 && sizes != null ? sizes.numbers() : null));
            }
        }
    }

    /** A scope under which no outside name lies. */
    private String scope(String name) {
        String scope = name + INNER;
        while (isTaken(scope + "/")) {
            scope += "_";
        }
        return scope;
    }

    private boolean isTaken(String prefix) {
        return names.stream().anyMatch(name -> name.startsWith(prefix));
    }

    /** Gives a variable an outside name; one that has such a name already is copied. */
    private SDVariable named(SDVariable variable, String name) {
        if (values.values().stream().anyMatch(value -> value.variable() == variable) || variable.getVariableType()
                != VariableType.ARRAY) {
            return sd.identity(name, variable);
        }
        return sd.updateVariableNameAndReference(sd.getOps().get(sd.getVariables().get(variable.name()).getOutputOfOp()),
                variable, name, true);
    }

    static List<Value> build(Call call) {
        OnnxNode node = call.node();
        if (node.op() == null) {
            return Operators.of(node.proto()).builder().build(call);
        }
        NormInput input = new NormInput(call);
        List<SDVariable> outputs = new NormGraph(call.sd(), node, input).outputs();
        List<Value> values = new ArrayList<>();
        for (int i = 0; i < outputs.size(); i++) {
            values.add(outputs.get(i) == null ? null : new Value(outputs.get(i), input.shape(node.op(), i)));
        }
        return values;
    }

    /** The output of a node whose inputs are constants and small, such as part of a shape; null if it is of no use. */
    private static INDArray folded(OnnxNode node, List<Value> inputs) {
        if (node.op() != null || node.outputs().size() != 1
                || inputs.stream().anyMatch(value -> value != null && !isFoldable(value.constant()))) {
            return null;
        }
        SameDiff scratch = SameDiff.create();
        List<Value> constants = new ArrayList<>();
        for (Value value : inputs) {
            constants.add(value == null ? null
                    : new Value(scratch.constant(value.constant()), value.shape(), value.constant(), null));
        }
        Value output = Operators.of(node.proto()).builder().build(new Call(scratch, node, constants)).get(0);
        if (!output.isSized() || Arrays.stream(output.shape()).reduce(1, (a, b) -> a * b) > SMALL) {
            return null;
        }
        INDArray result = scratch.output(Map.of(), output.variable().name()).get(output.variable().name());
        return isFoldable(result) ? result.dup() : null;
    }

    private static boolean isFoldable(INDArray constant) {
        return constant != null && constant.length() <= (constant.dataType().isFPType() ? FEW : SMALL);
    }
}
