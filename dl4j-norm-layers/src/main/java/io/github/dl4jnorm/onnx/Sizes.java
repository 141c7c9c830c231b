// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongBinaryOperator;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Integers that exporters compute shapes with, of which some are known before the graph runs: the size of the batch is not, that
 * of the channels is. What is unknown has a number that stands for it.
 *
 * @param numbers  the integers
 * @param isScalar whether it is one integer without an axis
 * @param type     the type of the output
 */
record Sizes(long[] numbers, boolean isScalar, DataType type) {
    /** From here on are the numbers of what is unknown, the even ones of sizes, which are not negative. No file counts so far. */
    private static final long FIRST = -(1L << 62);
    private static final long COUNT = 1L << 40;
    private static final String PATTERN = "-461168\\d{13}";
    private static final AtomicLong NEXT = new AtomicLong(FIRST);

    /** A new number for a size that is unknown. */
    static long unknown() {
        return NEXT.getAndAdd(2);
    }

    static boolean isUnknown(long number) {
        return number >= FIRST && number < FIRST + COUNT;
    }

    /** As messages say it: what is unknown is −1. */
    static String text(Object value) {
        return String.valueOf(value).replaceAll(PATTERN, "-1");
    }

    /** As ND4J takes it: what is unknown is −1. */
    static long[] plain(long... shape) {
        return Arrays.stream(shape).map(size -> Math.max(size, -1)).toArray();
    }

    /** Whether it is not negative, as far as can be told. */
    static boolean isSize(long number) {
        return isUnknown(number) ? number % 2 == 0 : number >= 0;
    }

    private static long unknown(boolean isSize) {
        return isSize ? unknown() : unknown() + 1;
    }

    boolean isConstant() {
        return Arrays.stream(numbers).noneMatch(Sizes::isUnknown);
    }

    INDArray array() {
        return numbers.length == 0 ? Nd4j.empty(type) : isScalar ? Nd4j.scalar(type, numbers[0])
                : Nd4j.createFromArray(numbers).castTo(type);
    }

    long[] shape() {
        return isScalar ? new long[0] : new long[]{numbers.length};
    }

    /** What is known of the output of a node; null if nothing is. */
    static Sizes of(OnnxNode node, List<Value> inputs) {
        if (node.op() != null || inputs.isEmpty() || inputs.get(0) == null || node.proto().getOutputCount() != 1
                || !OnnxModel.DOMAINS.contains(node.proto().getDomain())) {
            return null;
        }
        Value x = inputs.get(0);
        String type = node.proto().getOpType();
        if (type.equals("Shape") || type.equals("Size")) {
            return ofShape(node, x);
        }
        List<long[]> numbers = new ArrayList<>();
        for (Value input : inputs) {
            numbers.add(input == null ? null : input.integers());
            if (input != null && numbers.get(numbers.size() - 1) == null) {
                return null;
            }
        }
        return switch (type) {
            case "Identity" -> new Sizes(numbers.get(0), x.rank() == 0, x.type());
            case "Cast" -> cast(node, numbers.get(0), x.rank() == 0);
            case "Concat" -> joined(inputs, numbers);
            case "Gather" -> picked(node, inputs, numbers);
            case "Slice" -> part(node, x, numbers);
            case "Unsqueeze", "Squeeze", "Reshape" -> reshaped(node, inputs, numbers);
            case "ReduceProd" -> product(node, inputs, numbers);
            case "Add" -> each(inputs, numbers, x.type(), Sizes::sum);
            case "Sub" -> each(inputs, numbers, x.type(), Sizes::difference);
            case "Mul" -> each(inputs, numbers, x.type(), Sizes::product);
            case "Div" -> each(inputs, numbers, x.type(), Sizes::quotient);
            case "Mod" -> node.integer("fmod", 0) == 0 ? each(inputs, numbers, x.type(), Sizes::remainder) : null;
            case "Equal" -> each(inputs, numbers, DataType.BOOL, Sizes::equal);
            case "Where" -> chosen(inputs, numbers);
            default -> null;
        };
    }

    private static Sizes ofShape(OnnxNode node, Value x) {
        if (!x.hasRank()) {
            return null;
        }
        if (node.proto().getOpType().equals("Size")) {
            return new Sizes(new long[]{Arrays.stream(x.shape()).reduce(1, Sizes::product)}, true, DataType.LONG);
        }
        int[] part = ShapeOperators.part(node, x.rank());
        return new Sizes(Arrays.copyOfRange(x.shape(), part[0], Math.max(part[0], part[1])), false, DataType.LONG);
    }

    private static Sizes cast(OnnxNode node, long[] numbers, boolean isScalar) {
        DataType type = Types.of(node.integer("to", 0));
        return type == DataType.LONG || type == DataType.INT ? new Sizes(numbers, isScalar, type) : null;
    }

    private static Sizes joined(List<Value> inputs, List<long[]> numbers) {
        if (inputs.stream().anyMatch(each -> each.rank() != 1)) {
            return null;
        }
        return new Sizes(numbers.stream().flatMapToLong(Arrays::stream).toArray(), false, inputs.get(0).type());
    }

    private static Sizes picked(OnnxNode node, List<Value> inputs, List<long[]> numbers) {
        long[] given = numbers.get(0);
        if (inputs.get(0).rank() != 1 || node.integer("axis", 0) > 0
                || Arrays.stream(numbers.get(1)).anyMatch(i -> i < -given.length || i >= given.length)) {
            return null;
        }
        return new Sizes(Arrays.stream(numbers.get(1)).map(i -> given[(int) (i < 0 ? i + given.length : i)]).toArray(),
                inputs.get(1).rank() == 0, inputs.get(0).type());
    }

    private static Sizes part(OnnxNode node, Value x, List<long[]> numbers) {
        boolean old = node.opset() < 10;
        long[] starts = old ? node.integers("starts") : numbers.get(1);
        long[] ends = old ? node.integers("ends") : numbers.size() > 2 ? numbers.get(2) : new long[0];
        long[] steps = numbers.size() > 4 ? numbers.get(4) : new long[]{1};
        if (x.rank() != 1 || starts.length != 1 || ends.length != 1 || steps.length != 1 || isUnknown(starts[0])
                || isUnknown(ends[0]) || steps[0] == 0 || isUnknown(steps[0])) {
            return null;
        }
        long[] span = SliceOperators.span(starts[0], ends[0], steps[0], numbers.get(0).length);
        long[] part = new long[(int) span[1]];
        Arrays.setAll(part, i -> numbers.get(0)[(int) (span[0] + i * steps[0])]);
        return new Sizes(part, false, x.type());
    }

    /** The same integers with an axis or without. */
    private static Sizes reshaped(OnnxNode node, List<Value> inputs, List<long[]> numbers) {
        Value x = inputs.get(0);
        String type = node.proto().getOpType();
        boolean isScalar = type.equals("Squeeze") && x.rank() == 1;
        if (type.equals("Reshape")) {
            long[] shape = inputs.size() > 1 ? numbers.get(1) : node.integers("shape");
            isScalar = shape.length == 0;
            if (shape.length > 1 || !isScalar && shape[0] != -1 && shape[0] != numbers.get(0).length) {
                return null;
            }
        } else if (type.equals("Unsqueeze") && x.rank() > 0) {
            return null;
        }
        return isScalar && numbers.get(0).length != 1 ? null : new Sizes(numbers.get(0), isScalar, x.type());
    }

    private static Sizes product(OnnxNode node, List<Value> inputs, List<long[]> numbers) {
        boolean all = inputs.size() > 1 ? numbers.get(1).length == 0 : node.integers("axes").length == 0;
        if (inputs.get(0).rank() != 1 || all && node.integer("noop_with_empty_axes", 0) != 0) {
            return null;
        }
        return new Sizes(new long[]{Arrays.stream(numbers.get(0)).reduce(1, Sizes::product)}, node.integer("keepdims", 1) == 0,
                inputs.get(0).type());
    }

    private static Sizes each(List<Value> inputs, List<long[]> numbers, DataType type, LongBinaryOperator operation) {
        long[] a = numbers.get(0);
        long[] b = numbers.size() == 2 ? numbers.get(1) : new long[0];
        if (a.length == 0 || b.length == 0 || a.length != b.length && a.length > 1 && b.length > 1
                || inputs.get(0).type() == DataType.BOOL) {
            return null;
        }
        long[] result = new long[Math.max(a.length, b.length)];
        Arrays.setAll(result, i -> operation.applyAsLong(a[a.length == 1 ? 0 : i], b[b.length == 1 ? 0 : i]));
        if (Arrays.stream(result).anyMatch(number -> !isUnknown(number) && number != (int) number)) {
            return null;
        }
        return new Sizes(result, inputs.get(0).rank() == 0 && inputs.get(1).rank() == 0, type);
    }

    private static Sizes chosen(List<Value> inputs, List<long[]> numbers) {
        int length = numbers.stream().mapToInt(each -> each.length).max().orElse(0);
        if (numbers.size() != 3 || numbers.stream().anyMatch(each -> each.length != 1 && each.length != length)) {
            return null;
        }
        long[] result = new long[length];
        for (int i = 0; i < length; i++) {
            long[] at = new long[3];
            for (int j = 0; j < 3; j++) {
                at[j] = numbers.get(j)[numbers.get(j).length == 1 ? 0 : i];
            }
            result[i] = !isUnknown(at[0]) ? at[at[0] != 0 ? 1 : 2] : at[1] == at[2] ? at[1]
                    : unknown(isSize(at[1]) && isSize(at[2]));
        }
        return new Sizes(result, inputs.stream().allMatch(each -> each.rank() == 0), inputs.get(1).type());
    }

    private static long sum(long a, long b) {
        return a == 0 ? b : b == 0 ? a : isUnknown(a) || isUnknown(b) ? unknown(isSize(a) && isSize(b)) : a + b;
    }

    private static long difference(long a, long b) {
        return b == 0 ? a : a == b ? 0 : isUnknown(a) || isUnknown(b) ? unknown(false) : a - b;
    }

    static long product(long a, long b) {
        return a == 1 || b == 0 ? b : b == 1 || a == 0 ? a
                : isUnknown(a) || isUnknown(b) ? unknown(isSize(a) && isSize(b)) : a * b;
    }

    private static long quotient(long a, long b) {
        return b == 1 ? a : isUnknown(a) || isUnknown(b) ? unknown(isSize(a) && isSize(b)) : b == 0 ? 0 : a / b;
    }

    private static long remainder(long a, long b) {
        return isUnknown(a) || isUnknown(b) || b == 0 ? unknown(isSize(b)) : Math.floorMod(a, b);
    }

    private static long equal(long a, long b) {
        if (a == b) {
            return 1;
        }
        boolean different = !isUnknown(a) && !isUnknown(b) || !isUnknown(a) && a < 0 && isSize(b)
                || !isUnknown(b) && b < 0 && isSize(a);
        return different ? 0 : unknown(false);
    }
}
