// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.parity;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import org.bytedeco.pytorch.Tensor;

/**
 * How large the gradients of parameters would be if the terms they sum up had random signs. Where the signs make a sum come
 * to nearly nothing, its rounding is still that of its terms, so deviations are relative to this.
 */
final class TypicalSums {
    private static final String PREFIX = "terms of ";

    /** A tensor whose gradient tells the terms, and the typical sum by that gradient. */
    private record Watched(Tensor source, ToDoubleFunction<Tensor> typicalSum) {
    }

    private final Map<String, Watched> watched = new LinkedHashMap<>();
    private final Map<String, Double> sums = new LinkedHashMap<>();

    /** A parameter that was spread to the size of the input: the gradient there is the terms. */
    Tensor spread(String parameter, Tensor values, Tensor input) {
        Tensor spread = values.expand(input.shape());
        double count = values.numel();
        watched.put(parameter, new Watched(spread, terms -> Math.sqrt(sumOfSquares(terms) / count)));
        return spread;
    }

    /** Weights whose softmax mixes statistics. */
    void mixed(String weights, List<Tensor> parts, Tensor result) {
        watched.put(weights, new Watched(result, gradient -> parts.stream()
                .mapToDouble(part -> Math.sqrt(sumOfSquares(part.sub(parts.get(0)).mul(gradient)))).max().orElse(0)));
    }

    private static double sumOfSquares(Tensor terms) {
        return terms.mul(terms).sum().item_double();
    }

    /** What gradients are wanted of, by names to give back to {@link #take}. */
    Map<String, Tensor> sources() {
        Map<String, Tensor> sources = new LinkedHashMap<>();
        watched.forEach((parameter, each) -> sources.put(PREFIX + parameter, each.source()));
        return sources;
    }

    /**
     * Takes the gradient of a source.
     *
     * @return false if the name is not that of a source
     */
    boolean take(String name, Tensor gradient) {
        if (!name.startsWith(PREFIX)) {
            return false;
        }
        String parameter = name.substring(PREFIX.length());
        sums.put(parameter, watched.get(parameter).typicalSum().applyAsDouble(gradient));
        return true;
    }

    /** The typical sum behind a parameter's gradient; 0 if its terms are not known. */
    double of(String parameter) {
        return sums.getOrDefault(parameter, 0.0);
    }
}
