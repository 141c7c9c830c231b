// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

import java.util.Arrays;
import java.util.List;

/** The operations of a layer. */
public final class OpsOf {
    private OpsOf() {
    }

    /** The names of the methods of {@link NormOps} that do what layers of the class do. */
    public static List<String> layer(Class<?> layer) {
        return Arrays.stream(NormOps.Kind.values())
                .filter(kind -> kind.definition().layer(2, 1, Definition.PARTS).getClass() == layer)
                .map(NormOps.Kind::toString).toList();
    }
}
