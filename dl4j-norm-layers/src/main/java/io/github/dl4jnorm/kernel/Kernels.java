// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import java.util.Locale;
import org.nd4j.linalg.factory.Nd4j;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.helpers.NOPLoggerFactory;

/**
 * Chooses the {@link NormKernels} once: those that the system property {@value #PROPERTY} names ({@code vector},
 * {@code scalar} or {@code nd4j}), else ND4J's operations on a backend that is not the CPU, else the JDK's vectors, else,
 * with a warning that says what to do about it, plain Java.
 */
public final class Kernels {
    /** System property that forces an implementation; an unavailable one throws and is never replaced silently. */
    public static final String PROPERTY = "dl4jnorm.kernels";

    private static final Logger LOG = LoggerFactory.getLogger(Kernels.class);
    private static final NormKernels CHOSEN = chooseForThisJvm();

    private Kernels() {
    }

    /**
     * The kernels of this JVM.
     *
     * @return the implementation in use
     * @throws IllegalStateException if {@value #PROPERTY} names an unknown or unavailable implementation
     */
    public static NormKernels get() {
        return CHOSEN;
    }

    /**
     * Describes the kernels of this JVM: which implementation runs, why, and how to get a faster one.
     *
     * <pre>
     * Normalization kernels: scalar (plain Java)
     * Why: the vector kernels need the JVM option --add-modules jdk.incubator.vector
     * This JVM: JDK 17.0.15+6, ND4J backend CpuBackend, -Ddl4jnorm.kernels not set
     * </pre>
     *
     * @return a few lines of text
     * @throws IllegalStateException if {@value #PROPERTY} names an unknown or unavailable implementation
     */
    public static String describe() {
        String forced = System.getProperty(PROPERTY);
        String name = get().name();
        String implementation = switch (name) {
            case "vector" -> "JDK Vector API";
            case "scalar" -> "plain Java";
            default -> "ND4J operations";
        };
        return "Normalization kernels: " + name + " (" + implementation + ")\nWhy: " + why(name, forced) + "\nThis JVM: JDK "
                + Runtime.version() + ", ND4J backend " + backend() + ", -D" + PROPERTY
                + (forced == null ? " not set" : "=" + forced);
    }

    private static String why(String name, String forced) {
        if (forced != null && !forced.isBlank()) {
            return "set by -D" + PROPERTY;
        }
        return switch (name) {
            case "vector" -> "ND4J runs on the CPU and this JVM has the Vector API";
            case "scalar" -> "the vector kernels need " + VectorSupport.missing();
            default -> "ND4J does not run on the CPU";
        };
    }

    private static String backend() {
        return Nd4j.getBackend().getClass().getSimpleName();
    }

    private static NormKernels chooseForThisJvm() {
        String backend = backend();
        NormKernels kernels = choose(System.getProperty(PROPERTY), backend.equals("CpuBackend"));
        LOG.debug("Normalization kernels: {} (ND4J backend {})", kernels.name(), backend);
        return kernels;
    }

    static NormKernels choose(String forced, boolean cpuBackend) {
        String name = forced == null || forced.isBlank() ? "" : forced.trim().toLowerCase(Locale.ROOT);
        if (!cpuBackend && (name.equals("scalar") || name.equals("vector"))) {
            throw new IllegalStateException("-D" + PROPERTY + "=" + name + " needs ND4J's CPU backend, but another one is "
                    + "loaded; remove the property or set it to nd4j");
        }
        return switch (name) {
            case "nd4j" -> new Nd4jKernels();
            case "scalar" -> scalar();
            case "vector" -> vector();
            case "" -> cpuBackend ? vectorElseScalar() : new Nd4jKernels();
            default -> throw new IllegalStateException("-D" + PROPERTY + "=" + forced
                    + " is unknown: expected vector, scalar or nd4j");
        };
    }

    private static NormKernels scalar() {
        return new CpuKernels("scalar", ScalarArithmetic::of);
    }

    private static NormKernels vector() {
        try {
            return new CpuKernels("vector", VectorArithmetic.factory());
        } catch (UnsupportedOperationException e) {
            throw new IllegalStateException("-D" + PROPERTY + "=vector is not available: " + e.getMessage(), e);
        }
    }

    private static NormKernels vectorElseScalar() {
        try {
            return new CpuKernels("vector", VectorArithmetic.factory());
        } catch (UnsupportedOperationException e) {
            warn("Normalization uses the slower plain-Java kernels: " + e.getMessage() + " (set -D" + PROPERTY
                    + "=scalar to silence this warning)");
            return scalar();
        }
    }

    /** To the log, or to the standard error stream where no logging library would show it. */
    private static void warn(String message) {
        if (LoggerFactory.getILoggerFactory() instanceof NOPLoggerFactory) {
            System.err.println("WARNING: " + message);
        } else {
            LOG.warn(message);
        }
    }
}
