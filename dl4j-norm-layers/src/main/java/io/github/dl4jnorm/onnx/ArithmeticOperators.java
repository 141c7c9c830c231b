// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import java.util.List;
import java.util.function.BinaryOperator;
import java.util.function.Function;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.linalg.api.buffer.DataType;

/** Operators of several arrays that are broadcast to each other. */
final class ArithmeticOperators {

    private ArithmeticOperators() {
    }

    static void addTo() {
        binary("Add", call -> call.x().add(second(call)));
        binary("Sub", call -> call.x().sub(second(call)));
        binary("Mul", call -> call.x().mul(second(call)));
        binary("Div", ArithmeticOperators::quotient);
        binary("Pow", ArithmeticOperators::power);
        Operators.add("Mod", 2, 2, call -> Call.one(remainder(call), call.broadcast(call.inputs())), "fmod");
        binary("Equal", call -> call.sd().eq(comparable(call, 0), comparable(call, 1)));
        binary("Greater", call -> call.sd().gt(call.x(), second(call)));
        binary("GreaterOrEqual", call -> call.sd().gte(call.x(), second(call)));
        binary("Less", call -> call.sd().lt(call.x(), second(call)));
        binary("LessOrEqual", call -> call.sd().lte(call.x(), second(call)));
        binary("And", call -> call.sd().gt(truth(call, 0).mul(truth(call, 1)), call.number(0, DataType.INT)));
        binary("Or", call -> call.sd().gt(truth(call, 0).add(truth(call, 1)), call.number(0, DataType.INT)));
        binary("Xor", call -> call.sd().neq(truth(call, 0), truth(call, 1)));
        many("Sum", (a, b) -> a.add(b));
        many("Mean", (a, b) -> a.add(b));
        Operators.add("Max", 1, Operators.MANY, call -> extremes(call, (a, b) -> call.sd().math.max(a, b)));
        Operators.add("Min", 1, Operators.MANY, call -> extremes(call, (a, b) -> call.sd().math.min(a, b)));
        Operators.add("Where", 3, 3, ArithmeticOperators::choice);
    }

    private static void binary(String type, Function<Call, SDVariable> function) {
        Operators.add(type, 2, 2, call -> {
            if (call.node().opset() < 7) {
                call.require(call.node().integer("broadcast", 0) == 0 || sameSuffix(call),
                        "broadcasting over leading axes", "axis " + call.node().integer("axis", -1));
            }
            return Call.one(function.apply(call), call.broadcast(call.inputs()));
        }, "broadcast", "axis");
    }

    /** Before operator set 7 the second array was aligned by an axis; aligned at the end is what is now the rule. */
    private static boolean sameSuffix(Call call) {
        long axis = call.node().integer("axis", -1);
        int first = call.rank(0);
        int second = call.rank(1);
        return axis == -1 || axis == first - second || axis == -second;
    }

    private static SDVariable second(Call call) {
        call.require(call.input(0).type() == call.input(1).type(), "two inputs of one type",
                call.input(0).type() + " and " + call.input(1).type());
        return call.x(1);
    }

    /** Comparisons do not take Booleans. */
    private static SDVariable comparable(Call call, int index) {
        second(call);
        return call.input(index).type() == DataType.BOOL ? truth(call, index) : call.x(index);
    }

    private static SDVariable truth(Call call, int index) {
        return call.typed(call.x(index), DataType.INT);
    }

    /** A quotient of integers is cut, and 0 if the divisor is 0: the processor would end the program. */
    private static SDVariable quotient(Call call) {
        SDVariable divisor = second(call);
        DataType type = call.input(0).type();
        if (type.isFPType()) {
            return call.x().div(divisor);
        }
        SDVariable zero = call.typed(call.sd().eq(divisor, call.number(0, type)), type);
        SDVariable safe = call.typed(call.x().div(divisor.add(zero)), type);
        return safe.mul(call.number(1, type).sub(zero));
    }

    /** Has the sign of the divisor, or that of the dividend with fmod. */
    private static SDVariable remainder(Call call) {
        DataType type = call.input(0).type();
        call.require(!type.isFPType(), "integers", type);
        SDVariable rest = call.x().sub(quotient(call).mul(call.x(1)));
        if (call.node().integer("fmod", 0) != 0) {
            return rest;
        }
        SDVariable signs = negative(call, rest).sub(negative(call, call.x(1)));
        SDVariable isSome = call.typed(call.sd().neq(rest, call.number(0, type)), type);
        return rest.add(call.x(1).mul(signs.mul(signs).mul(isSome)));
    }

    /** 1 for what is negative, else 0. */
    private static SDVariable negative(Call call, SDVariable x) {
        return call.typed(call.sd().lt(x, call.number(0)), call.input(0).type());
    }

    private static SDVariable power(Call call) {
        DataType type = call.input(0).type();
        if (type.isFPType()) {
            return call.sd().math.pow(call.x(), call.typed(call.x(1), type));
        }
        return call.typed(call.sd().math.pow(call.typed(call.x(), DataType.DOUBLE), call.typed(call.x(1), DataType.DOUBLE)),
                type);
    }

    private static void many(String type, BinaryOperator<SDVariable> operation) {
        Operators.add(type, 1, Operators.MANY, call -> {
            SDVariable sum = call.inputs().stream().map(Value::variable).reduce(operation).orElseThrow();
            int count = call.inputs().size();
            return Call.one(type.equals("Mean") && count > 1 ? sum.mul(call.number(1.0 / count)) : sum,
                    call.broadcast(call.inputs()));
        });
    }

    private static List<Value> extremes(Call call, BinaryOperator<SDVariable> operation) {
        return Call.one(call.inputs().stream().map(Value::variable).reduce(operation).orElseThrow(),
                call.broadcast(call.inputs()));
    }

    /** Both are broadcast first, since ND4J's own choice takes arrays of one shape. */
    static List<Value> choice(Call call) {
        DataType type = call.input(1).type();
        call.require(type == call.input(2).type(), "two inputs of one type", type + " and " + call.input(2).type());
        DataType inner = type == DataType.BOOL ? DataType.INT : type;
        SDVariable condition = call.typed(call.x(0), inner);
        SDVariable zeros = zeros(call, condition, call.typed(call.x(1), inner), call.typed(call.x(2), inner));
        SDVariable chosen = call.sd().where(call.typed(call.x(1), inner).add(zeros), call.typed(call.x(2), inner).add(zeros),
                call.sd().gt(condition.add(zeros), call.number(0, inner)));
        return Call.one(type == DataType.BOOL ? call.sd().gt(chosen, call.number(0, inner)) : chosen,
                call.broadcast(call.inputs()));
    }

    /** Zeros of the shape that arrays are broadcast to; sums of zeros, as they would not be if numbers were multiplied by 0. */
    private static SDVariable zeros(Call call, SDVariable... all) {
        SDVariable sum = null;
        for (SDVariable each : all) {
            SDVariable zeros = call.sd().zerosLike(each);
            sum = sum == null ? zeros : sum.add(zeros);
        }
        return sum;
    }
}
