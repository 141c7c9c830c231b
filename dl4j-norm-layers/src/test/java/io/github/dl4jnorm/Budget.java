// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.Op;
import org.nd4j.linalg.profiler.OpProfiler;
import org.nd4j.linalg.profiler.ProfilerConfig;

/**
 * What a pass takes from ND4J: on a GPU each operation is a launch, each custom one waits for the device before and after, and a
 * temporary array of the size of the input is written and read once more.
 *
 * @param operations  all operations but products of matrices
 * @param custom      custom ones among them
 * @param temporaries arrays of at least half of the input that operations of the old kind write to, apart from those given
 */
public record Budget(int operations, int custom, int temporaries) {

    /**
     * Counts.
     *
     * @param length elements of the input
     * @param given  arrays that are no temporaries
     * @param pass   what is counted
     * @return what it took
     */
    public static Budget of(long length, Collection<INDArray> given, Runnable pass) {
        List<Op> operations = new ArrayList<>();
        OpProfiler profiler = OpProfiler.getInstance();
        profiler.reset();
        profiler.setConfig(ProfilerConfig.builder().checkElapsedTime(true).build());
        profiler.addListener(operations::add);
        try {
            pass.run();
            int all = (int) profiler.getInvocationsCount();
            Set<Long> temporaries = new HashSet<>();
            operations.stream().map(Op::z).filter(z -> z.length() >= length / 2)
                    .forEach(z -> temporaries.add(z.data().address()));
            given.forEach(array -> temporaries.remove(array.data().address()));
            return new Budget(all, all - operations.size(), temporaries.size());
        } finally {
            profiler.reset();
            profiler.setConfig(ProfilerConfig.builder().build());
        }
    }

    /** What is more than another. */
    public Budget minus(Budget other) {
        return new Budget(operations - other.operations, custom - other.custom, temporaries - other.temporaries);
    }
}
