// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import java.util.Locale;
import org.nd4j.linalg.factory.Nd4j;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Chooses the {@link NormKernels} once: those that the system property {@value #PROPERTY} names ({@code vector},
 * {@code scalar} or {@code nd4j}), else ND4J's operations on a backend that is not the CPU, else the JDK's vectors, else,
 * with a warning that says what to do about it, plain Java.
 */
public final class Kernels {
    /** System property that forces an implementation; one that cannot serve is an error, never replaced silently. */
    public static final String PROPERTY = "dl4jnorm.kernels";

    private static final Logger LOG = LoggerFactory.getLogger(Kernels.class);

    private Kernels() {
    }

    /**
     * The kernels of this JVM.
     *
     * @return the implementation in use
     * @throws IllegalStateException if {@value #PROPERTY} names one that is unknown or cannot serve
     */
    public static NormKernels get() {
        return Chosen.KERNELS;
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
        return new CpuKernels("scalar", ScalarRowOps::of);
    }

    private static NormKernels vector() {
        try {
            return new CpuKernels("vector", VectorRowOps.factory());
        } catch (UnsupportedOperationException e) {
            throw new IllegalStateException("-D" + PROPERTY + "=vector cannot be met: " + e.getMessage(), e);
        }
    }

    private static NormKernels vectorElseScalar() {
        try {
            return new CpuKernels("vector", VectorRowOps.factory());
        } catch (UnsupportedOperationException e) {
            LOG.warn("Normalization runs on the slower kernels in plain Java: {} (-D{}=scalar silences this)",
                    e.getMessage(), PROPERTY);
            return scalar();
        }
    }

    private static final class Chosen {
        static final NormKernels KERNELS = chooseForThisJvm();

        private static NormKernels chooseForThisJvm() {
            String backend = Nd4j.getBackend().getClass().getSimpleName();
            NormKernels kernels = choose(System.getProperty(PROPERTY), backend.equals("CpuBackend"));
            LOG.debug("Normalization kernels: {} (ND4J backend {})", kernels.name(), backend);
            return kernels;
        }
    }
}
