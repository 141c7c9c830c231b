// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.convolution;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;

/**
 * What was made for the input sizes that a layer saw last: those of training, of its last batch, and of evaluation.
 *
 * @param <K> the sizes
 * @param <V> what is made for them; closed when others take its place
 */
final class Recent<K, V extends AutoCloseable> {
    private static final int KEPT = 8;

    private final Map<K, V> entries = new LinkedHashMap<>(KEPT, 1, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<K, V> eldest) {
            if (size() > KEPT) {
                release(eldest.getValue());
            }
            return size() > KEPT;
        }
    };

    private static void release(AutoCloseable value) {
        try {
            value.close();
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    V get(K key, Function<K, V> maker) {
        return entries.computeIfAbsent(key, maker);
    }
}
