// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.convolution;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.bytedeco.javacpp.PointerScope;

/**
 * Native objects that are released together. What nobody closes, JavaCPP releases after the garbage collector found it, which
 * comes late for objects that are small in Java.
 */
final class Natives implements AutoCloseable {
    private final List<PointerScope> scopes = new ArrayList<>();

    /**
     * Takes over all native objects that are made.
     *
     * @param maker makes them, in the calling thread
     * @param <T>   what it gives
     * @return what it gave
     */
    <T> T make(Supplier<T> maker) {
        PointerScope scope = new PointerScope();
        // Left open for close() when it ends here.
        scope.extend();
        try {
            return maker.get();
        } finally {
            scope.close();
            scopes.add(scope);
        }
    }

    @Override
    public void close() {
        scopes.forEach(PointerScope::close);
        scopes.clear();
    }
}
