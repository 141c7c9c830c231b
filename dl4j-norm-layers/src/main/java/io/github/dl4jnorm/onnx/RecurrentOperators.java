// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import org.nd4j.autodiff.samediff.SDVariable;

/**
 * Recurrent layers, each step of which becomes nodes of the graph: the number of timesteps has to be known. Shapes: input
 * [T, N, I], weights [D, gates · H, I] and [D, gates · H, H], initial states [D, N, H] with D directions.
 */
final class RecurrentOperators {
    /** So many steps are no layer any more but a damaged file. */
    private static final int LONGEST = 10_000;
    private static final int LENGTHS = 4;
    private static final int HIDDEN = 5;
    private static final int CELL = 6;
    private static final int PEEPHOLES = 7;

    private RecurrentOperators() {
    }

    static void addTo() {
        Operators.add("RNN", 3, 6, 2, call -> layers(call, 1, RecurrentOperators::simple, "Tanh"), "activations", "direction",
                "hidden_size", "layout", "output_sequence");
        Operators.add("GRU", 3, 6, 2, call -> layers(call, 3, RecurrentOperators::gated, "Sigmoid", "Tanh"), "activations",
                "direction", "hidden_size", "layout", "linear_before_reset", "output_sequence");
        Operators.add("LSTM", 3, 8, 3, call -> layers(call, 4, RecurrentOperators::longShort, "Sigmoid", "Tanh", "Tanh"),
                "activations", "direction", "hidden_size", "input_forget", "layout", "output_sequence");
    }

    /** One step: the products of the input with the weights become the next state, whose last element is the output. */
    @FunctionalInterface
    private interface Cell {
        State step(Weights weights, SDVariable products, State state);
    }

    /**
     * What one step leaves to the next.
     *
     * @param hidden the output [N, H]
     * @param cell   what an LSTM remembers, or null
     */
    private record State(SDVariable hidden, SDVariable cell) {
    }

    /**
     * What the steps of one direction share.
     *
     * @param call      the node
     * @param recurrent weights [H, gates · H]
     * @param bias      that of the recurrent products, or null
     * @param peepholes of an LSTM, or null
     * @param size      H
     * @param functions names of the activations
     */
    private record Weights(Call call, SDVariable recurrent, SDVariable bias, SDVariable peepholes, long size,
                           List<String> functions) {

        SDVariable part(SDVariable gates, int gate) {
            return call.part(gates, new long[]{-1, -1}, 1, gate * size, (gate + 1) * size);
        }

        SDVariable peephole(int index, SDVariable cell) {
            return call.part(peepholes, new long[]{-1}, 0, index * size, (index + 1) * size).mul(cell);
        }

        SDVariable activated(int index, SDVariable x) {
            return switch (functions.get(index)) {
                case "sigmoid" -> call.sd().nn.sigmoid(x);
                case "tanh" -> call.sd().math.tanh(x);
                case "relu" -> call.sd().nn.relu(x, 0);
                default -> throw call.node().error("activations Sigmoid, Tanh or Relu", functions);
            };
        }
    }

    private static State simple(Weights weights, SDVariable products, State state) {
        SDVariable sum = products.add(weights.call().sd().mmul(state.hidden(), weights.recurrent()));
        return new State(weights.activated(0, weights.bias() == null ? sum : sum.add(weights.bias())), null);
    }

    /** Gates in the order update, reset, hidden: h = (1 − z) · h̃ + z · h. */
    private static State gated(Weights weights, SDVariable products, State state) {
        Call call = weights.call();
        SDVariable h = state.hidden();
        SDVariable[] gates = new SDVariable[2];
        SDVariable recurrent = product(weights, h);
        for (int i = 0; i < 2; i++) {
            gates[i] = weights.activated(0, weights.part(products, i).add(weights.part(recurrent, i)));
        }
        boolean isAfter = call.node().integer("linear_before_reset", 0) != 0;
        SDVariable reset = isAfter ? weights.part(recurrent, 2).mul(gates[1])
                : weights.part(product(weights, h.mul(gates[1])), 2);
        SDVariable next = weights.activated(1, weights.part(products, 2).add(reset));
        return new State(next.add(gates[0].mul(h.sub(next))), null);
    }

    private static SDVariable product(Weights weights, SDVariable hidden) {
        SDVariable product = weights.call().sd().mmul(hidden, weights.recurrent());
        return weights.bias() == null ? product : product.add(weights.bias());
    }

    /** Gates in the order input, output, forget, cell; peepholes in the order input, output, forget. */
    private static State longShort(Weights weights, SDVariable products, State state) {
        Call call = weights.call();
        SDVariable all = products.add(product(weights, state.hidden()));
        SDVariable[] gates = IntStream.range(0, 4).mapToObj(i -> weights.part(all, i)).toArray(SDVariable[]::new);
        boolean isPeeping = weights.peepholes() != null;
        SDVariable input = weights.activated(0, isPeeping ? gates[0].add(weights.peephole(0, state.cell())) : gates[0]);
        SDVariable forget = call.node().integer("input_forget", 0) != 0 ? input.rsub(1)
                : weights.activated(0, isPeeping ? gates[2].add(weights.peephole(2, state.cell())) : gates[2]);
        SDVariable cell = forget.mul(state.cell()).add(input.mul(weights.activated(1, gates[3])));
        SDVariable output = weights.activated(0, isPeeping ? gates[1].add(weights.peephole(1, cell)) : gates[1]);
        return new State(output.mul(weights.activated(2, cell)), cell);
    }

    private static List<Value> layers(Call call, int gates, Cell cell, String... defaults) {
        call.requireReal(0);
        call.requireRank(0, 3, 3);
        boolean isBatchFirst = call.node().integer("layout", 0) != 0;
        Value x = isBatchFirst ? call.permuted(call.input(0), 1, 0, 2) : call.input(0);
        String direction = call.node().text("direction", "forward");
        call.require(List.of("forward", "reverse", "bidirectional").contains(direction),
                "direction forward, reverse or bidirectional", direction);
        int count = direction.equals("bidirectional") ? 2 : 1;
        long size = check(call, x, gates, count);
        List<String> functions = new ArrayList<>(call.node().texts("activations"));
        if (functions.isEmpty()) {
            IntStream.range(0, count).forEach(i -> functions.addAll(Arrays.asList(defaults)));
        }
        functions.replaceAll(name -> name.toLowerCase(Locale.ROOT));
        call.require(functions.size() == count * defaults.length, count * defaults.length + " activations", functions);
        List<List<State>> all = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            boolean isReverse = i == 1 || direction.equals("reverse");
            all.add(steps(call, x, gates, i, isReverse, size, cell, functions.subList(i * defaults.length,
                    (i + 1) * defaults.length), isBatchFirst));
        }
        return outputs(call, x, all, size, direction.equals("reverse"), isBatchFirst);
    }

    private static long check(Call call, Value x, int gates, int count) {
        long[] shape = x.shape();
        call.require(shape[0] > 0 && shape[0] <= LONGEST, "input of a known number of timesteps, 1 to " + LONGEST,
                Arrays.toString(call.input(0).shape()));
        long[] w = call.ranked(1).shape();
        long[] r = call.ranked(2).shape();
        long size = r.length == 3 ? r[2] : -1;
        call.require(call.input(1).isSized() && w.length == 3 && w[0] == count && w[1] == gates * size && (shape[2] < 0
                || w[2] == shape[2]) && call.input(2).isSized() && r[0] == count && r[1] == gates * size
                && call.node().integer("hidden_size", size) == size, "weights [" + count + ", " + gates + "·H, I] and [" + count
                + ", " + gates + "·H, H] of known sizes", Arrays.toString(w) + " and " + Arrays.toString(r));
        if (call.has(3)) {
            call.require(Arrays.equals(call.ranked(3).shape(), new long[]{count, 2 * gates * size}), "a bias [" + count + ", "
                    + 2 * gates * size + "]", Arrays.toString(call.input(3).shape()));
        }
        if (call.has(LENGTHS)) {
            long[] lengths = call.input(LENGTHS).integers();
            call.require(lengths != null && Arrays.stream(lengths).allMatch(length -> length == shape[0]),
                    "no sequence_lens, or all of them " + shape[0], lengths == null ? "others" : Arrays.toString(lengths));
        }
        return size;
    }

    /** States behind each step of one direction, in the order of the timesteps. */
    private static List<State> steps(Call call, Value x, int gates, int direction, boolean isReverse, long size, Cell cell,
                                     List<String> functions, boolean isBatchFirst) {
        long all = gates * size;
        Value w = call.reaxed(first(call, 1, direction), 1, 2);
        Value r = call.reaxed(first(call, 2, direction), 1, 2);
        SDVariable bias = call.has(3) ? call.reaxed(first(call, 3, direction), 1).variable() : null;
        SDVariable flat = call.sd().mmul(call.sd().reshape(x.variable(), -1, w.shape()[1]),
                call.sd().permute(w.variable(), 1, 0));
        if (bias != null) {
            flat = flat.add(call.part(bias, new long[]{2 * all}, 0, 0, all));
        }
        SDVariable products = call.sd().reshape(flat, x.shape()[0], -1, all);
        SDVariable peepholes = call.has(PEEPHOLES) ? call.reaxed(first(call, PEEPHOLES, direction), 1).variable() : null;
        Weights weights = new Weights(call, call.sd().permute(r.variable(), 1, 0), bias == null ? null
                : call.part(bias, new long[]{2 * all}, 0, all, 2 * all), peepholes, size, functions);
        boolean isLong = gates == 4;
        State state = new State(initial(call, HIDDEN, x, direction, size, isBatchFirst),
                isLong ? initial(call, CELL, x, direction, size, isBatchFirst) : null);
        List<State> states = new ArrayList<>();
        int length = (int) x.shape()[0];
        for (int i = 0; i < length; i++) {
            int time = isReverse ? length - 1 - i : i;
            SDVariable step = call.sd().reshape(call.part(products, new long[]{length, -1, all}, 0, time, time + 1), -1, all);
            state = cell.step(weights, step, state);
            states.add(state);
        }
        if (isReverse) {
            Collections.reverse(states);
        }
        return states;
    }

    /** What an input has for one direction. */
    private static Value first(Call call, int index, int direction) {
        long[] shape = call.input(index).shape();
        return new Value(call.part(call.x(index), shape, 0, direction, direction + 1L), Call.with(shape, 0, 1));
    }

    private static SDVariable initial(Call call, int index, Value x, int direction, long size, boolean isBatchFirst) {
        if (call.has(index)) {
            Value given = isBatchFirst ? call.permuted(call.ranked(index), 1, 0, 2) : call.ranked(index);
            return call.sd().reshape(call.part(given.variable(), new long[]{-1, -1, -1}, 0, direction, direction + 1L), -1, size);
        }
        return call.sd().fill(call.sd().concat(0, call.size(x.variable(), x.shape(), 1), call.list(size)), x.type(), 0);
    }

    private static List<Value> outputs(Call call, Value x, List<List<State>> all, long size, boolean isReverse,
                                       boolean isBatchFirst) {
        List<SDVariable> sequences = new ArrayList<>();
        List<SDVariable> hidden = new ArrayList<>();
        List<SDVariable> cells = new ArrayList<>();
        for (List<State> states : all) {
            sequences.add(joined(call, 0, states.stream()
                    .map(state -> call.sd().reshape(state.hidden(), 1, 1, -1, size)).toList()));
            State last = states.get(isReverse || sequences.size() == 2 ? 0 : states.size() - 1);
            hidden.add(call.sd().reshape(last.hidden(), 1, -1, size));
            if (last.cell() != null) {
                cells.add(call.sd().reshape(last.cell(), 1, -1, size));
            }
        }
        long batch = x.shape()[1];
        List<Value> outputs = new ArrayList<>();
        Value y = new Value(joined(call, 1, sequences), x.shape()[0], all.size(), batch, size);
        outputs.add(isBatchFirst ? call.permuted(y, 2, 0, 1, 3) : y);
        for (List<SDVariable> each : cells.isEmpty() ? List.of(hidden) : List.of(hidden, cells)) {
            Value last = new Value(joined(call, 0, each), all.size(), batch, size);
            outputs.add(isBatchFirst ? call.permuted(last, 1, 0, 2) : last);
        }
        return outputs;
    }

    private static SDVariable joined(Call call, int axis, List<SDVariable> parts) {
        return parts.size() == 1 ? parts.get(0) : call.sd().concat(axis, parts.toArray(SDVariable[]::new));
    }
}
