// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

/**
 * Prints {@link Kernels#describe()}: the main class of the jar.
 *
 * <pre>
 * java -jar dl4j-norm-layers.jar                                    what this JVM offers
 * java -cp CLASSPATH io.github.dl4jnorm.kernel.Describe             what an application with this class path uses
 * </pre>
 */
public final class Describe {
    private Describe() {
    }

    /**
     * Prints the description.
     *
     * @param arguments none
     */
    public static void main(String[] arguments) {
        System.out.println(describe());
    }

    private static String describe() {
        try {
            return Kernels.describe();
        } catch (NoClassDefFoundError e) {
            String missing = VectorSupport.missing();
            return "Normalization kernels on ND4J's CPU backend: " + (missing == null ? "vector" : "scalar (plain Java), because "
                    + "the vector kernels need " + missing) + ".\nThis JVM: JDK " + Runtime.version() + ".\nND4J is not on the "
                    + "class path; run io.github.dl4jnorm.kernel.Describe with your application's class path to include it.";
        }
    }
}
