// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.parity;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.ops.transforms.Transforms;

/** Draws shapes, attributes and numbers for the operators that are imported. */
final class OnnxDraws extends OnnxRandom {
    private final Map<String, Supplier<OnnxTry>> draws = new LinkedHashMap<>();

    OnnxDraws(long seed) {
        super(seed);
        for (String type : new String[]{"Sqrt", "Exp", "Log", "Sin", "Cos", "Tanh", "Erf", "Floor", "Ceil", "Reciprocal", "Neg",
            "Abs", "Sign", "Relu", "Sigmoid", "Softplus", "Softsign", "HardSwish", "Identity"}) {
            draws.put(type, () -> node(type, type.equals("HardSwish") ? 14 : 9).input(type.matches("Sqrt|Log")
                    ? positive(shape(1, 4))
                    : real(shape(1, 4))));
        }
        draws.put("Mish", () -> new OnnxTry("Mish", 18).input(real(shape(1, 4))));
        for (String type : new String[]{"HardSigmoid", "LeakyRelu", "ThresholdedRelu", "Elu", "Selu"}) {
            draws.put(type, () -> activation(type));
        }
        draws.put("Gelu", () -> optional(new OnnxTry("Gelu", 20).input(real(shape(1, 4))), "approximate", "tanh"));
        draws.put("PRelu", () -> node("PRelu", 9).input(real(2, 3, 4)).constant(real(pick(new long[][]{{3, 1}, {1}, {2, 3, 4},
                {4}}))));
        draws.put("Dropout", () -> node("Dropout", 7).input(real(shape(1, 4))));
        draws.put("Cast", this::cast);
        draws.put("Not", () -> node("Not", 7).input(truth(shape(1, 3))));
        draws.put("Clip", this::clip);
        for (String type : new String[]{"Add", "Sub", "Mul", "Div", "Pow", "Equal", "Greater", "GreaterOrEqual", "Less",
            "LessOrEqual", "And", "Or", "Xor"}) {
            draws.put(type, () -> binary(type));
        }
        for (String type : new String[]{"Sum", "Mean", "Max", "Min"}) {
            draws.put(type, () -> many(type));
        }
        draws.put("Mod", () -> optional(node("Mod", 11).input(whole(2, 3, 4)).constant(longs(3, -4, 1L << 60, 7)), "fmod", 1));
        draws.put("Where", this::where);
        draws.put("Shape", () -> optional(optional(new OnnxTry("Shape", 15).open(chance(3)).input(real(2, 3, 4)), "start", 1),
                "end", -1));
        draws.put("Size", () -> node("Size", 7).open(chance(3)).input(real(shape(1, 4))));
        draws.put("Reshape", this::reshape);
        draws.put("Flatten", () -> node("Flatten", 11).open(chance(3)).input(real(2, 3, 4, 2)).with("axis",
                random.nextInt(9) - 4));
        draws.put("Transpose", this::transpose);
        draws.put("Squeeze", () -> axes(node("Squeeze", 13).open(chance(3)).input(real(pick(1, 2), 1, pick(1, 3), 1)),
                new long[][]{{1}, {-1}, {3, 1}}));
        draws.put("Unsqueeze", () -> axes(node("Unsqueeze", 13).open(chance(3)).input(real(pick(1, 2), pick(1, 3))),
                new long[][]{{0}, {-1, 1}, {3, 0, 2}}));
        draws.put("Expand", () -> node("Expand", 9).open(chance(3)).input(chance(4) ? truth(3, 1) : real(3, 1)).constant(
                longs(pick(new long[][]{{3, 4}, {2, 1, 6}, {1}, {3, 1}, {2, 3, 1}}))));
        draws.put("Tile", () -> node("Tile", 7).open(chance(3)).input(real(2, 3)).constant(longs(1 + random.nextInt(3), 1
                + random.nextInt(3))));
        draws.put("ConstantOfShape", () -> node("ConstantOfShape", 9).constant(longs(shape(1, 3))));
        draws.put("Range", () -> node("Range", 13).constant(Nd4j.scalar(DataType.LONG, random.nextInt(4)))
                .constant(Nd4j.scalar(DataType.LONG, 5 + random.nextInt(9))).constant(Nd4j.scalar(DataType.LONG, 1
                + random.nextInt(3))));
        draws.put("Concat", this::concat);
        draws.put("Split", this::split);
        draws.put("Slice", this::slice);
        draws.put("Gather", this::gather);
        draws.put("Pad", this::pad);
        draws.put("Trilu", () -> optional(node("Trilu", 14).open(chance(3)).input(real(2, 3, 4)).constant(Nd4j.scalar(
                (long) random.nextInt(7) - 3)), "upper", 0));
        draws.put("DepthToSpace", () -> node("DepthToSpace", 11).open(chance(3)).input(real(2, 12, 2, 3)).with("blocksize", 2)
                .with("mode", chance(2) ? "DCR" : "CRD"));
        draws.put("SpaceToDepth", () -> node("SpaceToDepth", 7).open(chance(3)).input(real(2, 3, 4, 6)).with("blocksize", 2));
        for (String type : new String[]{"ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2",
            "ReduceLogSum", "ReduceSumSquare", "ReduceLogSumExp"}) {
            draws.put(type, () -> reduce(type));
        }
        for (String type : new String[]{"ArgMax", "ArgMin"}) {
            draws.put(type, () -> optional(optional(optional(node(type, 13).open(chance(3)).input(chance(2) ? real(2, 3, 4)
                    : whole(2, 3, 4).castTo(DataType.FLOAT)), "axis", random.nextInt(6) - 3), "keepdims", 0),
                    "select_last_index", 1));
        }
        for (String type : new String[]{"Softmax", "LogSoftmax"}) {
            draws.put(type, () -> optional(new OnnxTry(type, pick(7, 11, 13, 20, 23)).open(chance(3)).input(real(shape(3, 4))),
                    "axis",
                    random.nextInt(6) - 3));
        }
        draws.put("LRN", () -> optional(optional(node("LRN", 7).open(chance(3)).input(real(2, 5, 3, 3)).with("size", pick(1, 3,
                5)),
                "alpha", 0.3), "bias", 1.5));
        draws.put("MatMul", this::matMul);
        draws.put("Gemm", this::gemm);
        draws.put("Conv", () -> convolution("Conv"));
        draws.put("ConvTranspose", () -> convolution("ConvTranspose"));
        draws.put("MaxPool", () -> pool("MaxPool"));
        draws.put("AveragePool", () -> pool("AveragePool"));
        draws.put("GlobalAveragePool", () -> node("GlobalAveragePool", 7).open(chance(3)).input(real(shape(3, 5))));
        draws.put("GlobalMaxPool", () -> node("GlobalMaxPool", 7).open(chance(3)).input(real(shape(3, 5))));
        draws.put("Resize", this::resize);
        draws.put("Upsample", () -> new OnnxTry("Upsample", 9).open(chance(3)).input(real(2, 3, 4, 5)).constant(floats(1, 1, 2,
                3))
                .with("mode", chance(2) ? "nearest" : "linear"));
        new OnnxLayerDraws(random.nextLong()).addTo(draws);
    }

    Map<String, Supplier<OnnxTry>> all() {
        return draws;
    }

    private OnnxTry activation(String type) {
        OnnxTry node = optional(node(type, type.equals("ThresholdedRelu") ? 11 : 7).input(real(shape(1, 4))), "alpha", 0.3);
        return switch (type) {
            case "HardSigmoid" -> optional(node, "beta", 0.4);
            case "Selu" -> optional(node, "gamma", 1.3);
            default -> node;
        };
    }

    private OnnxTry cast() {
        INDArray x = chance(2) ? real(shape(1, 3)) : whole(shape(1, 3));
        return node("Cast", 9).input(x).with("to", pick(1, 6, 7, 9, 11));
    }

    private OnnxTry clip() {
        OnnxTry node = node("Clip", 13).input(real(shape(1, 4)));
        if (chance(4)) {
            return new OnnxTry("Clip", 9).input(real(shape(1, 4))).with("min", -0.5).with("max", 1.0);
        }
        node = chance(3) ? node.missing() : node.constant(Nd4j.scalar(-0.5f));
        return chance(3) ? node : node.constant(Nd4j.scalar(1.25f));
    }

    private OnnxTry binary(String type) {
        long[] shape = shape(1, 4);
        long[] other = part(shape);
        boolean isLogical = type.matches("And|Or|Xor");
        boolean isWhole = !isLogical && !type.equals("Pow") && chance(3);
        INDArray a = isLogical ? truth(shape) : isWhole ? whole(shape) : type.equals("Pow") ? positive(shape) : real(shape);
        INDArray b = isLogical ? truth(other) : isWhole ? whole(other) : real(other);
        if (isWhole && type.equals("Div")) {
            b = Transforms.abs(b.castTo(DataType.FLOAT)).castTo(DataType.LONG).addi(1);
        }
        OnnxTry node = node(type, type.endsWith("OrEqual") ? 13 : type.equals("Pow") ? 7 : 9);
        boolean swapped = chance(2) && !type.equals("Div") && !type.equals("Pow");
        OnnxTry first = node.input(swapped ? b : a);
        return chance(2) ? first.input(swapped ? a : b) : first.constant(swapped ? a : b);
    }

    private OnnxTry many(String type) {
        long[] shape = shape(1, 4);
        OnnxTry node = node(type, 9).input(real(shape));
        for (int i = random.nextInt(3); i > 0; i--) {
            node.input(real(part(shape)));
        }
        return node;
    }

    private OnnxTry where() {
        long[] shape = shape(1, 3);
        OnnxTry node = node("Where", 9).input(truth(part(shape)));
        return chance(2) ? node.input(real(shape)).input(real(part(shape))) : node.input(whole(part(shape))).input(whole(shape));
    }

    private OnnxTry reshape() {
        OnnxTry node = node("Reshape", 7).open(chance(2)).input(real(2, 3, 4));
        return node.constant(longs(pick(new long[][]{{6, 4}, {-1}, {0, -1}, {0, 0, 2, 2}, {2, -1, 4, 1}, {0, 12}, {3, 0, -1},
                {24}})));
    }

    private OnnxTry transpose() {
        OnnxTry node = node("Transpose", 7).open(chance(3)).input(real(2, 3, 4));
        return chance(3) ? node : node.with("perm", pick(new long[][]{{0, 2, 1}, {2, 0, 1}, {1, 0, 2}, {0, 1, 2}}));
    }

    private OnnxTry axes(OnnxTry node, long[]... choices) {
        // An attribute until operator set 12.
        return node.constant(longs(pick(choices)));
    }

    private OnnxTry concat() {
        long[] shape = shape(2, 4);
        int axis = random.nextInt(shape.length);
        OnnxTry node = node("Concat", 7).open(axis > 0 && chance(3));
        for (int i = 1 + random.nextInt(3); i > 0; i--) {
            long[] each = shape.clone();
            each[axis] = 1 + random.nextInt(4);
            node.input(real(each));
        }
        return node.with("axis", chance(2) ? axis : axis - shape.length);
    }

    private OnnxTry split() {
        OnnxTry node = new OnnxTry("Split", pick(11, 13, 18)).open(chance(3)).input(real(2, 6, 4));
        return switch (random.nextInt(3)) {
            case 0 -> new OnnxTry("Split", 13).input(real(2, 6, 4)).constant(longs(1, 3, 2)).with("axis",
                    1).output("a").output("b")
                    .output("c");
            case 1 -> new OnnxTry("Split", 11).input(real(2, 6, 4)).with("split", new long[]{4, 2}).with("axis",
                    -2).output("a").output("b");
            default -> new OnnxTry("Split", 18).input(real(2, 7, 4)).with("num_outputs", 3).with("axis",
                    1).output("a").output("b")
                    .output("c");
        };
    }

    private OnnxTry slice() {
        boolean open = chance(3);
        int axis = random.nextInt(3);
        int step = open && axis == 0 ? 1 + random.nextInt(2) : pick(1, 1, 2, 3, -1, -2);
        long start = step > 0 ? pick(0, 1, -3, -9, 2) : pick(-1, 4, 99, 3);
        long end = step > 0 ? pick(3, 4, 99, -1) : pick(0, -99, -5, 1);
        if (chance(4)) {
            return new OnnxTry("Slice", 9).open(open).input(real(4, 5, 6)).with("starts", new long[]{0, start}).with("ends",
                    new long[]{2, 4}).with("axes", new long[]{1, 0});
        }
        return node("Slice", 13).open(open).input(real(4, 5, 6)).constant(longs(start)).constant(longs(end)).constant(longs(axis))
                .constant(longs(step));
    }

    private OnnxTry gather() {
        int axis = random.nextInt(3);
        long[] shape = {4, 5, 6};
        long[] picked = shape(0, 2);
        INDArray indices = Nd4j.zeros(DataType.LONG, picked);
        for (long i = 0; i < indices.length(); i++) {
            indices.putScalar(i, random.nextInt((int) shape[axis] * 2) - shape[axis]);
        }
        OnnxTry node = node("Gather", 11).open(chance(3)).input(real(shape));
        return (chance(2) ? node.open(false).input(indices) : node.constant(indices)).with("axis", axis);
    }

    private OnnxTry pad() {
        String mode = new String[]{"constant", "reflect", "edge"}[random.nextInt(3)];
        boolean constant = mode.equals("constant");
        OnnxTry node = node("Pad", 13).open(chance(3)).input(real(2, 3, 4, 5)).constant(longs(0, constant ? random.nextInt(2) : 0,
                random.nextInt(3), constant ? random.nextInt(4) - 1 : random.nextInt(3), 0, 0, random.nextInt(3),
                random.nextInt(3)));
        return (constant && chance(2) ? node.constant(Nd4j.scalar(1.5f)) : node).with("mode", mode);
    }

    private OnnxTry reduce(String type) {
        long[] shape = shape(1, 3);
        int rank = shape.length;
        INDArray x = type.equals("ReduceLogSum") ? positive(shape) : real(shape);
        long[] axes = rank == 3 ? pick(new long[][]{{0}, {1, 2}, {-1}, {0, 2}, {0, 1, 2}}) : pick(new long[][]{{0}, {-1}});
        boolean input = type.equals("ReduceSum") || chance(2);
        OnnxTry node = input ? new OnnxTry(type, 18).open(chance(3)).input(x) : new OnnxTry(type, 11).open(chance(3)).input(x);
        if (!chance(4)) {
            node = input ? node.constant(longs(axes)) : node.with("axes", axes);
        }
        return chance(2) ? node : node.with("keepdims", 0);
    }

    private OnnxTry matMul() {
        long[][][] shapes = {{{3, 4}, {4, 5}}, {{4}, {4, 5}}, {{3, 4}, {4}}, {{4}, {4}}, {{2, 3, 4}, {4, 5}}, {{2, 3, 4}, {2, 4,
                5}},
            {{2, 3, 4}, {1, 4, 5}}, {{3, 4}, {2, 4, 5}}, {{2, 2, 3, 4}, {2, 2, 4, 5}}, {{2, 1, 3, 4}, {3, 4, 5}}, {{2, 3, 4},
            {4}},
            {{4}, {2, 4, 5}}, {{1}, {1}}, {{1}, {1, 1}}, {{1, 1, 3}, {3, 1}}, {{1, 1, 1}, {1, 1, 1}}};
        long[][] chosen = shapes[random.nextInt(shapes.length)];
        OnnxTry node = node("MatMul", 9).open(chosen[0].length > 1 && chance(3)).input(real(chosen[0]));
        return chance(2) ? node.open(false).input(real(chosen[1])) : node.constant(real(chosen[1]));
    }

    private OnnxTry gemm() {
        boolean left = chance(2);
        boolean right = chance(2);
        OnnxTry node = node("Gemm", 13).open(chance(3)).input(left ? real(4, 3) : real(3, 4)).constant(right ? real(5, 4)
                : real(4, 5));
        node = chance(3) ? node : node.constant(real(pick(new long[][]{{5}, {3, 1}, {1, 5}, {1}, {3, 5}, {}})));
        node = optional(optional(node, "alpha", 0.5), "beta", 1.5);
        node = left ? node.with("transA", 1) : node;
        return right ? node.with("transB", 1) : node;
    }

    private OnnxTry convolution(String type) {
        boolean isTransposed = type.equals("ConvTranspose");
        int spatial = 1 + random.nextInt(3);
        int group = pick(1, 1, 2, 4);
        long inputs = 4;
        long outputs = isTransposed ? pick(1, 2, 3) : group * pick(1, 2);
        long[] kernel = several(spatial, 3);
        long[] x = new long[spatial + 2];
        long[] w = new long[spatial + 2];
        x[0] = pick(1, 2);
        x[1] = inputs;
        w[0] = isTransposed ? inputs : outputs;
        w[1] = isTransposed ? outputs : inputs / group;
        for (int i = 0; i < spatial; i++) {
            x[2 + i] = 5 + random.nextInt(4);
            w[2 + i] = kernel[i];
        }
        OnnxTry node = node(type, 7).open(chance(3)).input(real(x)).constant(real(w));
        node = chance(2) ? node.constant(real(isTransposed ? outputs * group : outputs)) : node;
        node = chance(2) ? node.with("kernel_shape", kernel) : node;
        node = group > 1 ? node.with("group", group) : node;
        long[] strides = several(spatial, 2);
        node = chance(3) ? node : node.with("strides", strides);
        boolean isDilated = chance(3);
        long[] dilations = several(spatial, 2);
        node = isDilated ? node.with("dilations", dilations) : node;
        if (!isDilated && chance(4)) {
            return node.with("auto_pad", new String[]{"SAME_UPPER", "SAME_LOWER", "VALID"}[random.nextInt(3)]);
        }
        return chance(3) ? node : node.with("pads", IntStream.range(0, 2 * spatial).mapToLong(i -> random.nextInt(2)).toArray());
    }

    private OnnxTry pool(String type) {
        int spatial = 1 + random.nextInt(3);
        long[] kernel = IntStream.range(0, spatial).mapToLong(i -> 2 + random.nextInt(2)).toArray();
        long[] x = new long[spatial + 2];
        x[0] = pick(1, 2);
        x[1] = pick(1, 3);
        for (int i = 0; i < spatial; i++) {
            x[2 + i] = 4 + random.nextInt(5);
        }
        // Since operator set 19 ONNX Runtime takes other means than before if both pads and ceil_mode are counted.
        OnnxTry node = new OnnxTry(type, pick(10, 11, 13, 18)).open(chance(3)).input(real(x)).with("kernel_shape", kernel);
        if (chance(3) && type.equals("MaxPool")) {
            node = node.with("dilations", several(spatial, 2));
        }
        node = chance(3) ? node : node.with("strides", several(spatial, 3));
        node = type.equals("AveragePool") && chance(2) ? node.with("count_include_pad", 1) : node;
        if (chance(4)) {
            return node.with("auto_pad", new String[]{"SAME_UPPER", "SAME_LOWER", "VALID"}[random.nextInt(3)]);
        }
        node = chance(2) ? node.with("ceil_mode", 1) : node;
        return chance(3) ? node : node.with("pads", IntStream.range(0, 2 * spatial).mapToLong(i -> random.nextInt(2)).toArray());
    }

    private OnnxTry resize() {
        OnnxTry node = node("Resize", 13).open(chance(3)).input(real(2, 3, 4, 5)).missing();
        node = chance(2) ? node.constant(floats(1, 1, pick(1, 2, 3), new float[]{0.5f, 2, 1.5f}[random.nextInt(3)]))
                : node.missing().constant(longs(2, 3, 2 + random.nextInt(8), 2 + random.nextInt(8)));
        String mode = new String[]{"nearest", "linear", "cubic"}[random.nextInt(3)];
        node = mode.equals("cubic") ? optional(optional(node, "cubic_coeff_a", -0.5), "exclude_outside", 1) : node;
        node = node.with("mode", mode).with("coordinate_transformation_mode",
                new String[]{"half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners"}[random.nextInt(4)]);
        return !mode.equals("nearest") ? node : node.with("nearest_mode",
                new String[]{"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"}[random.nextInt(4)]);
    }
}
