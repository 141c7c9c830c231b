// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm;

import io.github.dl4jnorm.kernel.Kernels;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Fewer cases of a test where its kernels are not the ones on which all tests run first. */
public final class Thinned {
    /** Shares no divisor with the numbers of kinds, types, batches and networks, so that all of them come up. */
    private static final int EVERY = 5;

    private Thinned() {
    }

    /**
     * All cases on the vector kernels; every fifth elsewhere, where the contract of the kernels and the comparison with
     * libtorch leave little to find.
     */
    public static <T> Stream<T> cases(Stream<T> cases) {
        List<T> all = cases.toList();
        int step = onVectors() ? 1 : EVERY;
        return IntStream.range(0, all.size()).filter(i -> i % step == 0).mapToObj(all::get);
    }

    /** A length of work: shorter where ND4J's operations take ten times as long. */
    public static int length(int ofKernels, int ofNd4j) {
        return onNd4j() ? ofNd4j : ofKernels;
    }

    public static boolean onVectors() {
        return Kernels.get().name().equals("vector");
    }

    public static boolean onNd4j() {
        return Kernels.get().name().equals("nd4j");
    }
}
