// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

/** Whether this JVM can run the vector kernels. Needs no other class of ND4J's, so that it answers without ND4J, too. */
final class VectorSupport {
    private static final String MODULE = "jdk.incubator.vector";

    private VectorSupport() {
    }

    /** {@return what the vector kernels need and this JVM lacks, or null if it lacks nothing} */
    static String missing() {
        int jdk = Runtime.version().feature();
        if (jdk > 18 && jdk < 22) {
            return "JDK 17, 18 or 22+; this is JDK " + jdk;
        }
        return ModuleLayer.boot().findModule(MODULE).isEmpty() ? "the JVM option --add-modules " + MODULE : Lanes.obstacle(jdk);
    }
}
