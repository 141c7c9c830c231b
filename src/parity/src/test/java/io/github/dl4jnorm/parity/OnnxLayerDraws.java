// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.parity;

import java.util.Map;
import java.util.function.Supplier;

/** Draws operators of ONNX Runtime's own domain. */
final class OnnxLayerDraws extends OnnxRandom {
    OnnxLayerDraws(long seed) {
        super(seed);
    }

    void addTo(Map<String, Supplier<OnnxTry>> draws) {
        addMicrosoft(draws);
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
