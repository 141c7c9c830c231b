// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Who computes it; each in JVMs of its own. */
enum Implementation {
    COPY, VECTOR, SCALAR, ND4J, STOCK, LIBTORCH;

    boolean serves(Case c) {
        return this != STOCK || c.norm().isBatch();
    }

    /** Ours, with one of its kernels. */
    boolean isOurs() {
        return this == VECTOR || this == SCALAR || this == ND4J;
    }

    /** How often a variant warms up: until our kernels are compiled takes six seconds where cores are few. */
    int warmups() {
        return switch (this) {
            case VECTOR, SCALAR -> 10;
            case ND4J, STOCK, LIBTORCH -> 2;
            case COPY -> 1;
        };
    }

    /** The others are only there to compare ours with: once is enough, it saves a quarter of an hour. */
    boolean inEveryRound() {
        return this == COPY || this == VECTOR || this == LIBTORCH;
    }

    List<String> jvmArgs() {
        List<String> args = new ArrayList<>(List.of("-Xms1g", "-Xmx3g"));
        if (isOurs()) {
            args.add("-Ddl4jnorm.kernels=" + this);
        }
        if (this == VECTOR) {
            args.addAll(List.of("--add-modules", "jdk.incubator.vector"));
        }
        if (this == LIBTORCH) {
            // Scopes free the tensors; that the collector watches them, too, would only cost time.
            args.add("-Dorg.bytedeco.javacpp.nopointergc=true");
        }
        return args;
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
