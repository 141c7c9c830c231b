// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.parity;

import java.util.Map;
import java.util.function.Supplier;

/** Draws recurrent layers, sums of products, and operators of ONNX Runtime's own domain. */
final class OnnxLayerDraws extends OnnxRandom {
    OnnxLayerDraws(long seed) {
        super(seed);
    }

    void addTo(Map<String, Supplier<OnnxTry>> draws) {
        draws.put("RNN", () -> recurrent("RNN", 1));
        draws.put("GRU", () -> recurrent("GRU", 3));
        draws.put("LSTM", () -> recurrent("LSTM", 4));
        draws.put("Einsum", this::einsum);
        addMicrosoft(draws);
    }

    private OnnxTry recurrent(String type, int gates) {
        int directions = 1 + random.nextInt(2);
        long hidden = 1 + random.nextInt(4);
        long inputs = 1 + random.nextInt(4);
        long steps = 1 + random.nextInt(5);
        long batch = 1 + random.nextInt(3);
        OnnxTry node = node(type, 7).input(real(steps, batch, inputs)).constant(real(directions, gates * hidden, inputs))
                .constant(real(directions, gates * hidden, hidden)).with("hidden_size", hidden)
                .with("direction", directions == 2 ? "bidirectional" : chance(2) ? "forward" : "reverse");
        node = chance(3) ? node.missing() : node.constant(real(directions, 2 * gates * hidden));
        if (chance(2)) {
            node = node.missing().input(real(directions, batch, hidden));
            boolean isLong = type.equals("LSTM");
            node = isLong ? chance(3) ? node.missing() : node.input(real(directions, batch, hidden)) : node;
            node = isLong && chance(2) ? node.constant(real(directions, 3 * hidden)) : node;
        }
        node = type.equals("LSTM") && chance(4) ? node.with("input_forget", 1) : node;
        node = type.equals("GRU") ? optional(node, "linear_before_reset", 1) : node;
        node = type.equals("RNN") && chance(2) ? node.with("activations", directions == 2 ? new String[]{"Relu", "Tanh"}
                : new String[]{"Sigmoid"}) : node;
        node = node.output("y").output("last");
        return type.equals("LSTM") ? node.output("cell") : node;
    }

    private OnnxTry einsum() {
        String equation = new String[]{"bij,bjk->bik", "ij,jk", "ij->ji", "ij->", "i,i", "i,j->ij", "bhid,bhjd->bhij",
            "bij,bij->bij", "ijk,kl->lij", "ij,jk,kl->il", "abc,cd->bd", "ab,ab->a", "ba, c -> cab"}[random.nextInt(13)];
        OnnxTry node = node("Einsum", 12).open(chance(3)).with("equation", equation);
        long[] sizes = several(26, 4);
        for (String labels : equation.replace(" ", "").split("->")[0].split(",")) {
            node = node.input(real(labels.chars().mapToLong(label -> sizes[label - 'a']).toArray()));
        }
        return node;
    }

    /** Those of ONNX Runtime's own domain. */
    private void addMicrosoft(Map<String, Supplier<OnnxTry>> draws) {
        String domain = "com.microsoft.";
        draws.put("SimplifiedLayerNormalization", () -> optional(optional(node("SimplifiedLayerNormalization", 15).open(chance(3))
                .input(real(2, 3, 8)).constant(real(8)), "epsilon", 0.01), "axis", -1));
        for (String type : new String[]{"SkipLayerNormalization", "SkipSimplifiedLayerNormalization"}) {
            draws.put(domain + type, () -> skip(domain + type));
        }
        draws.put(domain + "Gelu", () -> node(domain + "Gelu", 15).input(real(shape(1, 4))));
        draws.put(domain + "QuickGelu", () -> optional(node(domain + "QuickGelu", 15).input(real(shape(1, 4))), "alpha", 1.5));
        draws.put(domain + "BiasGelu", () -> node(domain + "BiasGelu", 15).open(chance(3)).input(real(2, 3, 5))
                .constant(real(5)));
        draws.put(domain + "FastGelu", () -> {
            OnnxTry node = node(domain + "FastGelu", 15).open(chance(3)).input(real(2, 3, 5));
            return chance(2) ? node : node.constant(real(5));
        });
        draws.put(domain + "FusedMatMul", () -> {
            boolean left = chance(2);
            boolean right = chance(2);
            OnnxTry node = node(domain + "FusedMatMul", 15).open(chance(3)).input(left ? real(2, 4, 3) : real(2, 3, 4))
                    .input(right ? real(2, 5, 4) : real(2, 4, 5)).with("transA", left ? 1 : 0).with("transB", right ? 1 : 0);
            return optional(node, "alpha", 0.5);
        });
    }

    private OnnxTry skip(String type) {
        boolean isLayer = type.endsWith("SkipLayerNormalization");
        OnnxTry node = node(type, 15).open(chance(3)).input(real(2, 3, 8)).input(real(2, 3, 8)).constant(real(8));
        if (isLayer) {
            node = chance(3) ? node.missing() : node.constant(real(8));
        }
        node = optional(chance(2) ? node : node.constant(real(8)), "epsilon", 0.01);
        return chance(2) ? node : node.output("y").output("").output("").output("sum");
    }
}
