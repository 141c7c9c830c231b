// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import java.util.List;
import java.util.function.BiFunction;
import java.util.function.Function;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.ops.SDMath;
import org.nd4j.linalg.api.buffer.DataType;

/** Operators whose output has the shape of their input. */
final class ElementwiseOperators {
    private static final double SQRT_HALF = Math.sqrt(0.5);
    private static final double SELU_ALPHA = 1.67326319217681884765625;
    private static final double SELU_GAMMA = 1.05070102214813232421875;

    private ElementwiseOperators() {
    }

    static void addTo() {
        real("Sqrt", SDMath::sqrt);
        real("Exp", SDMath::exp);
        real("Log", SDMath::log);
        real("Sin", SDMath::sin);
        real("Cos", SDMath::cos);
        real("Tanh", SDMath::tanh);
        real("Erf", SDMath::erf);
        real("Floor", SDMath::floor);
        real("Ceil", SDMath::ceil);
        real("Reciprocal", SDMath::reciprocal);
        Operators.add("Neg", 1, 1, same(call -> call.sd().math.neg(call.x())));
        Operators.add("Abs", 1, 1, same(call -> call.sd().math.abs(call.x())));
        Operators.add("Sign", 1, 1, same(call -> call.sd().math.sign(call.x())));
        Operators.add("Relu", 1, 1, same(call -> call.sd().nn.relu(call.x(), 0)));
        function("Sigmoid", call -> call.sd().nn.sigmoid(call.x()));
        function("Softplus", call -> softplus(call, call.x()));
        function("Softsign", call -> call.x().div(call.sd().math.abs(call.x()).add(call.number(1))));
        function("HardSwish", call -> call.x().mul(clipped(call, call.x().mul(call.number(1.0 / 6)).add(call.number(0.5)))));
        function("Mish", call -> call.x().mul(call.sd().math.tanh(softplus(call, call.x()))));
        function("HardSigmoid", call -> clipped(call, call.x().mul(call.number(call.node().number("alpha", 0.2f)))
                .add(call.number(call.node().number("beta", 0.5f)))), "alpha", "beta");
        function("LeakyRelu", call -> leaky(call, call.number(call.node().number("alpha", 0.01f))), "alpha");
        function("ThresholdedRelu", call -> call.x().mul(call.typed(call.sd().gt(call.x(),
                call.number(call.node().number("alpha", 1))), call.input(0).type())), "alpha");
        function("Elu", call -> elu(call, call.node().number("alpha", 1), 1), "alpha");
        function("Selu", call -> elu(call, call.node().number("alpha", SELU_ALPHA), call.node().number("gamma", SELU_GAMMA)),
                "alpha", "gamma");
        function("Gelu", call -> gelu(call, call.x(), call.node().text("approximate", "none")), "approximate");
        Operators.add("PRelu", 2, 2, call -> {
            call.requireReal(0);
            return Call.one(leaky(call, call.x(1)), call.broadcast(call.inputs()));
        });
        Operators.add("Identity", 1, 1, same(Call::x));
        Operators.add("Dropout", 1, 3, 2, ElementwiseOperators::dropout, "ratio", "seed", "is_test");
        Operators.add("Cast", 1, 1, same(ElementwiseOperators::cast), "to", "saturate", "round_mode");
        Operators.add("Not", 1, 1, same(call -> call.sd().eq(call.typed(call.x(), DataType.INT), call.number(0, DataType.INT))));
        Operators.add("Clip", 1, 3, same(ElementwiseOperators::clip), "min", "max");
    }

    private static Operators.Builder same(Function<Call, SDVariable> function) {
        return call -> List.of(new Value(function.apply(call), call.input(0).shape()));
    }

    private static void real(String type, BiFunction<SDMath, SDVariable, SDVariable> function) {
        function(type, call -> function.apply(call.sd().math, call.x()));
    }

    private static void function(String type, Function<Call, SDVariable> function, String... attributes) {
        Operators.add(type, 1, 1, same(call -> {
            call.requireReal(0);
            return function.apply(call);
        }), attributes);
    }

    /** log(1 + eˣ) = max(x, 0) + log(1 + e^−|x|), which does not overflow. */
    private static SDVariable softplus(Call call, SDVariable x) {
        SDVariable small = call.sd().math.exp(call.sd().math.neg(call.sd().math.abs(x)));
        return call.sd().nn.relu(x, 0).add(call.sd().math.log(small.add(call.number(1))));
    }

    private static SDVariable clipped(Call call, SDVariable x) {
        return call.sd().math.min(call.sd().math.max(x, call.number(0)), call.number(1));
    }

    private static SDVariable negative(Call call) {
        return call.sd().math.min(call.x(), call.number(0));
    }

    private static SDVariable leaky(Call call, SDVariable slope) {
        return call.sd().nn.relu(call.x(), 0).add(negative(call).mul(slope));
    }

    private static SDVariable elu(Call call, double alpha, double gamma) {
        return call.sd().nn.relu(call.x(), 0).add(call.sd().math.exp(negative(call)).sub(call.number(1)).mul(call.number(alpha)))
                .mul(call.number(gamma));
    }

    static SDVariable gelu(Call call, SDVariable x, String approximate) {
        SDVariable gate;
        if (approximate.equals("tanh")) {
            SDVariable cube = x.mul(x).mul(x).mul(call.number(0.044715));
            gate = call.sd().math.tanh(x.add(cube).mul(call.number(Math.sqrt(2 / Math.PI))));
        } else {
            call.require(approximate.equals("none"), "approximate \"none\" or \"tanh\"", approximate);
            gate = call.sd().math.erf(x.mul(call.number(SQRT_HALF)));
        }
        return x.mul(call.number(0.5)).mul(gate.add(call.number(1)));
    }

    /** At test time, which is what a file is for unless it says otherwise. */
    private static List<Value> dropout(Call call) {
        boolean training = call.has(2) ? call.constant(2).getInt(0) != 0
                : call.node().opset() < 7 && call.node().integer("is_test", 0) == 0;
        call.require(!training || call.has(1) && call.constant(1).getDouble(0) == 0, "training_mode = 0 (is_test = 1)",
                "training");
        Value x = call.input(0);
        if (!call.node().hasOutput(1)) {
            return List.of(new Value(call.x(), x.shape()));
        }
        // Everything is kept; the mask had the type of the input before operator set 10.
        SDVariable ones = call.sd().onesLike(call.x());
        return List.of(new Value(call.x(), x.shape()), new Value(call.node().opset() < 10 ? ones
                : call.sd().gt(ones, call.number(0)), x.shape()));
    }

    private static SDVariable cast(Call call) {
        long code = call.node().integer("to", 0);
        DataType type = Types.of(code);
        call.require(type != null, "a type that ND4J has", Types.name(code));
        SDVariable x = call.x();
        if (type == DataType.BOOL) {
            return call.sd().neq(x, call.number(0));
        }
        return call.typed(x, type);
    }

    /** Bounds are attributes, and inputs since operator set 11. NaN stays NaN. */
    private static SDVariable clip(Call call) {
        DataType type = call.input(0).type();
        SDVariable x = call.x();
        boolean below = call.has(1) || call.node().attributes().contains("min");
        boolean above = call.has(2) || call.node().attributes().contains("max");
        if (below) {
            x = call.sd().math.max(x, call.has(1) ? scalar(call, 1) : call.number(call.node().number("min", 0), type));
        }
        if (above) {
            x = call.sd().math.min(x, call.has(2) ? scalar(call, 2) : call.number(call.node().number("max", 0), type));
        }
        return x;
    }

    private static SDVariable scalar(Call call, int index) {
        return call.input(index).hasRank() && call.rank(index) == 0 ? call.x(index) : call.sd().reshape(call.x(index),
                new long[0]);
    }
}
