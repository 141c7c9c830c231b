// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import java.util.Arrays;
import java.util.List;
import onnx.Onnx;
import org.nd4j.autodiff.samediff.SDVariable;

/** Operators that ONNX Runtime adds to those of ONNX, in its own domain; it writes them when it optimizes a model. */
final class MicrosoftOperators {
    private static final String DOMAIN = "com.microsoft.";
    private static final String EPSILON = "epsilon";
    /** Default of what adds before it normalizes. */
    private static final double SMALL_EPSILON = 1e-12f;
    private static final double QUICK = 1.702f;
    private static final int GROUP_OPSET = 21;
    private static final int PLANE = 4;

    private MicrosoftOperators() {
    }

    static void addTo() {
        // Written without a domain by ONNX Runtime, too.
        for (String domain : new String[]{"", DOMAIN}) {
            Operators.add(domain + "SimplifiedLayerNormalization", 2, 2, 2, MicrosoftOperators::simplified, "axis", EPSILON,
                    "stash_type");
        }
        Operators.add(DOMAIN + "SkipLayerNormalization", 3, 5, 4, call -> skipped(call, NormOp.LAYER, 4), EPSILON);
        Operators.add(DOMAIN + "SkipSimplifiedLayerNormalization", 3, 4, 4, call -> skipped(call, NormOp.RMS, 3), EPSILON);
        Operators.add(DOMAIN + "GroupNorm", 3, 3, MicrosoftOperators::group, "activation", "channels_last", EPSILON, "groups");
        Operators.add(DOMAIN + "Gelu", 1, 1, call -> activation(call, "none"));
        Operators.add(DOMAIN + "BiasGelu", 2, 2, call -> activation(call, "none"));
        Operators.add(DOMAIN + "FastGelu", 1, 2, call -> activation(call, "tanh"));
        Operators.add(DOMAIN + "QuickGelu", 1, 1, call -> Call.one(call.x().mul(call.sd().nn.sigmoid(call.x().mul(
                call.number(call.node().number("alpha", QUICK))))), call.input(0).shape()), "alpha");
        Operators.add(DOMAIN + "FusedMatMul", 2, 2, MicrosoftOperators::product, "alpha", "transA", "transB", "transBatchA",
                "transBatchB");
    }

    /** Normalizes with a node of ONNX's own. */
    private static List<Value> norm(Call call, NormOp op, List<Value> inputs, Onnx.AttributeProto... attributes) {
        Onnx.NodeProto.Builder node = call.node().proto().toBuilder().setOpType(op.type()).clearInput().clearOutput()
                .clearAttribute().addOutput(call.node().outputs().get(0)).addAllAttribute(Arrays.asList(attributes));
        for (int i = 0; i < inputs.size(); i++) {
            node.addInput(inputs.get(i) == null ? "" : "input" + i);
        }
        OnnxNode normal = new OnnxNode(op, node.build(), Math.max(call.node().opset(), GROUP_OPSET));
        return Translation.build(new Call(call.sd(), normal, inputs));
    }

    private static Onnx.AttributeProto attribute(String name, long value) {
        return Onnx.AttributeProto.newBuilder().setName(name).setType(Onnx.AttributeProto.AttributeType.INT).setI(value).build();
    }

    private static Onnx.AttributeProto epsilon(Call call, double fallback) {
        return Onnx.AttributeProto.newBuilder().setName(EPSILON).setType(Onnx.AttributeProto.AttributeType.FLOAT)
                .setF((float) call.node().number(EPSILON, fallback)).build();
    }

    /** Root mean square normalization; its second output is not computed. */
    private static List<Value> simplified(Call call) {
        return norm(call, NormOp.RMS, call.inputs(), epsilon(call, NormGraph.EPSILON),
                attribute("axis", call.node().integer("axis", -1)),
                attribute("stash_type", call.node().integer("stash_type", 1)));
    }

    /** Normalizes a sum, which is the fourth output: input, skip and bias, if any. The second and third are not computed. */
    private static List<Value> skipped(Call call, NormOp op, int bias) {
        SDVariable sum = call.x().add(call.x(1));
        long[] shape = call.broadcast(List.of(call.ranked(0), call.ranked(1)));
        call.require(shape.length == call.rank(0), "skip of at most rank " + call.rank(0), shape.length);
        Value y = new Value(call.has(bias) ? sum.add(call.x(bias)) : sum, shape);
        List<Value> inputs = op == NormOp.RMS ? List.of(y, call.input(2))
                : Arrays.asList(y, call.input(2), call.has(3) ? call.input(3) : null);
        return Arrays.asList(norm(call, op, inputs, epsilon(call, SMALL_EPSILON)).get(0), null, null, y);
    }

    private static List<Value> group(Call call) {
        call.requireRank(0, PLANE, PLANE);
        long activation = call.node().integer("activation", 0);
        call.require(activation == 0 || activation == 1, "activation 0 (none) or 1 (SiLU)", activation);
        boolean isLast = call.node().integer("channels_last", 1) != 0;
        Value x = isLast ? call.permuted(call.input(0), 0, 3, 1, 2) : call.input(0);
        Value y = norm(call, NormOp.GROUP, List.of(x, call.input(1), call.input(2)), epsilon(call, NormGraph.EPSILON),
                attribute("num_groups", call.node().integer("groups", 0))).get(0);
        if (activation == 1) {
            y = new Value(y.variable().mul(call.sd().nn.sigmoid(y.variable())), y.shape());
        }
        return List.of(isLast ? call.permuted(y, 0, 2, 3, 1) : y);
    }

    private static List<Value> activation(Call call, String approximate) {
        call.requireReal(0);
        SDVariable x = call.has(1) ? call.x().add(call.x(1)) : call.x();
        return Call.one(ElementwiseOperators.gelu(call, x, approximate), call.broadcast(call.inputs()));
    }

    private static List<Value> product(Call call) {
        for (String attribute : List.of("transBatchA", "transBatchB")) {
            call.require(call.node().integer(attribute, 0) == 0, attribute + " 0", 1);
        }
        Value y = MatrixOperators.matMul(new Call(call.sd(), call.node(), List.of(turned(call, 0, "transA"),
                turned(call, 1, "transB")))).get(0);
        return Call.one(y.variable().mul(call.number(call.node().number("alpha", 1))), y.shape());
    }

    private static Value turned(Call call, int index, String attribute) {
        Value x = call.ranked(index);
        if (call.node().integer(attribute, 0) == 0 || x.rank() < 2) {
            return x;
        }
        int[] axes = Call.range(0, x.rank());
        axes[x.rank() - 2]++;
        axes[x.rank() - 1]--;
        return call.permuted(x, axes);
    }
}
