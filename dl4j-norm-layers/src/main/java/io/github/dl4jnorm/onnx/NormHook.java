// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.nd4j.autodiff.samediff.NameScope;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.internal.SameDiffOp;
import org.nd4j.ir.OpNamespace;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.samediff.frameworkimport.ImportGraph;
import org.nd4j.samediff.frameworkimport.hooks.PreImportHook;
import org.nd4j.samediff.frameworkimport.hooks.annotations.HookResult;
import org.nd4j.samediff.frameworkimport.registry.OpMappingRegistry;
import org.nd4j.shade.protobuf.GeneratedMessageV3;
import org.nd4j.shade.protobuf.ProtocolMessageEnum;

/** Builds the normalizations of a model. The importer calls it for each node that stands in for one. */
final class NormHook implements PreImportHook {
    private static final ThreadLocal<Map<String, OnnxNode>> NORMS = new ThreadLocal<>();

    /** The normalizations of the model that this thread imports, by the names of the nodes that stand in for them. */
    static void begin(Map<String, OnnxNode> norms) {
        NORMS.set(norms);
    }

    static void end() {
        NORMS.remove();
    }

    @Override
    public HookResult preProcess(SameDiffOp op, SameDiff sd, Map<String, ?> attributes, OpNamespace.OpDescriptor descriptor,
            List<String> outputNames, boolean isFinalOutput,
            OpMappingRegistry<GeneratedMessageV3, GeneratedMessageV3, GeneratedMessageV3, GeneratedMessageV3,
                    ProtocolMessageEnum, GeneratedMessageV3, GeneratedMessageV3> registry,
            ImportGraph<GeneratedMessageV3, GeneratedMessageV3, GeneratedMessageV3, GeneratedMessageV3, GeneratedMessageV3,
                    GeneratedMessageV3, ProtocolMessageEnum> graph,
            Map<String, ? extends GeneratedMessageV3> dynamicVariables) {
        if (op.getName().equals(OnnxModel.FIRST)) {
            fillInputs(sd);
            return new HookResult(Map.of(), List.of(), false);
        }
        // There is no operation of that name for the inputs to go to.
        for (String input : op.getInputsToOp()) {
            sd.getVariables().get(input).getInputsForOp().remove(op.getName());
        }
        Map<String, OnnxNode> norms = NORMS.get();
        if (norms == null || !norms.containsKey(op.getName())) {
            throw new IllegalArgumentException(op.getName() + " is not a normalization of this model");
        }
        OnnxNode node = norms.get(op.getName());
        if (node.op() == null) {
            buildPlain(sd, node);
        } else {
            build(sd, node);
        }
        return new HookResult(Map.of(), List.of(), false);
    }

    /** The importer computes the graph while it builds it, but some operations find no array of an input. */
    private static void fillInputs(SameDiff sd) {
        for (String name : sd.inputs()) {
            SDVariable input = sd.getVariable(name);
            if (input.getShape() != null && input.dataType().isNumerical()) {
                long[] shape = Arrays.stream(input.getShape()).map(size -> Math.max(1, size)).toArray();
                INDArray array = Nd4j.zeros(input.dataType(), shape);
                // An index of 0 is always valid, the logarithm of 1, too.
                sd.setArrayForVariable(name, input.dataType().isFPType() ? array.addi(1) : array);
                sd.setEagerArrForVarName(name, array);
            }
        }
    }

    /**
     * The importer computes the graph while it builds it, with 1 for each size that is unknown. Normalizations need not: their
     * outputs have the sizes of their inputs, and what does not fit a parameter may do so with the true sizes.
     */
    private static void build(SameDiff sd, OnnxNode node) {
        NormInput input = new NormInput(sd, node);
        List<SDVariable> outputs;
        sd.disableEagerMode();
        // What is between inputs and outputs must not take the names of variables to come.
        try (NameScope scope = sd.withNameScope(OnnxNode.name(node.proto()) + "/norm")) {
            outputs = new NormGraph(sd, node, input).outputs();
        } catch (IllegalArgumentException e) {
            throw node.isNamedBy(e) ? e : node.error(e.getMessage(), e);
        } finally {
            sd.enableEagerMode();
        }
        for (int i = 0; i < outputs.size(); i++) {
            SDVariable output = outputs.get(i);
            if (node.hasOutput(i)) {
                long[] shape = input.shape(node.op(), i);
                name(sd, output, node.outputs().get(i), Nd4j.ones(output.dataType(), shape));
                output.setShape(shape);
            }
        }
    }

    /** What is computed here may be a shape, or axes, which others need while they are imported. */
    private static void buildPlain(SameDiff sd, OnnxNode node) {
        SDVariable output;
        try (NameScope scope = sd.withNameScope(OnnxNode.name(node.proto()) + "/plain")) {
            output = PlainOp.of(node.proto().getOpType()).build(sd, node);
        } catch (IllegalArgumentException e) {
            throw node.isNamedBy(e) ? e : node.error(e.getMessage(), e);
        }
        name(sd, output, node.outputs().get(0), sd.getEagerArrays().getArray(output.name()));
    }

    private static void name(SameDiff sd, SDVariable output, String name, INDArray sample) {
        SameDiffOp last = sd.getOps().get(sd.getVariables().get(output.name()).getOutputOfOp());
        sd.updateVariableNameAndReference(last, output, name, true);
        sd.setEagerArrForVarName(name, sample);
    }

    @Override
    public Map<String, List<SDVariable>> handleOutputs(List<String> outputNames, SameDiff sd, SameDiffOp op,
            Map<String, ?> attributes,
            OpMappingRegistry<GeneratedMessageV3, GeneratedMessageV3, GeneratedMessageV3, GeneratedMessageV3,
                    ProtocolMessageEnum, GeneratedMessageV3, GeneratedMessageV3> registry,
            ImportGraph<GeneratedMessageV3, GeneratedMessageV3, GeneratedMessageV3, GeneratedMessageV3, GeneratedMessageV3,
                    GeneratedMessageV3, ProtocolMessageEnum> graph,
            Map<String, ? extends GeneratedMessageV3> dynamicVariables) {
        throw new UnsupportedOperationException("only preProcess is called by the importer");
    }

    @Override
    public Map<String, List<SDVariable>> doImport(SameDiff sd, Map<String, ?> attributes, List<String> outputNames,
            SameDiffOp op,
            OpMappingRegistry<GeneratedMessageV3, GeneratedMessageV3, GeneratedMessageV3, GeneratedMessageV3,
                    ProtocolMessageEnum, GeneratedMessageV3, GeneratedMessageV3> registry,
            ImportGraph<GeneratedMessageV3, GeneratedMessageV3, GeneratedMessageV3, GeneratedMessageV3, GeneratedMessageV3,
                    GeneratedMessageV3, ProtocolMessageEnum> graph,
            Map<String, ? extends GeneratedMessageV3> dynamicVariables) {
        throw new UnsupportedOperationException("only preProcess is called by the importer");
    }
}
