// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.Thinned;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;

/** Steps on ever changing shapes leave nothing behind: on the heap, beside it, or in ND4J's books. */
@Timeout(600)
@Tag("full")
class LeakTest {
    /** Bytes: the compiler and the JVM leave some 200 for each of twenty thousand steps, the smallest array more than these. */
    private static final int MOST_OF_A_STEP = 512;

    @Test
    void hundredsOfStepsLeaveNothing() throws Exception {
        int steps = Thinned.length(1_500, 300);
        Steps layers = new Steps(steps / 3, Steps.Leak.NONE);
        layers.run(0, steps / 3);
        Memory before = Memory.inUse(6);
        layers.run(steps / 3, steps);
        Memory after = Memory.inUse(6);
        assertThat(after.arrays()).as("arrays that ND4J has not freed").isLessThanOrEqualTo(before.arrays());
        assertThat(after.heap()).as("heap after %d steps", steps).isLessThanOrEqualTo((long) (1.05 * before.heap()));
    }

    @Test
    @Tag("slow")
    @EnabledOnOs(OS.LINUX)
    void twentyThousandStepsLeaveNothing() throws Exception {
        List<Memory> memory = Steps.inOwnProcess(Steps.Leak.NONE);
        assertThat(memory.get(1).arrays()).as("%s", memory).isEqualTo(memory.get(0).arrays());
        assertThat(growth(memory.get(0).heap(), memory.get(1).heap())).as("heap, %s", memory).isLessThan(0.05);
        assertThat(growth(memory.get(0).process(), memory.get(1).process())).as("process, %s", memory).isLessThan(0.05);
        assertThat(besideOfAStep(memory)).as("bytes of a step, %s", memory).isLessThan(MOST_OF_A_STEP);
    }

    /** Else the test above would say nothing. */
    @ParameterizedTest
    @EnumSource(value = Steps.Leak.class, names = "NONE", mode = Mode.EXCLUDE)
    @Tag("slow")
    @EnabledOnOs(OS.LINUX)
    void whatAStepLeftWouldBeSeen(Steps.Leak leak) throws Exception {
        List<Memory> memory = Steps.inOwnProcess(leak);
        boolean array = leak == Steps.Leak.ARRAY;
        assertThat(memory.get(1).arrays() > memory.get(0).arrays()).as("%s", memory).isEqualTo(array);
        assertThat(growth(memory.get(0).heap(), memory.get(1).heap()) > 0.05).as("heap, %s", memory).isEqualTo(array);
        assertThat(besideOfAStep(memory)).as("bytes of a step, %s", memory).isGreaterThan(MOST_OF_A_STEP);
    }

    private static double besideOfAStep(List<Memory> memory) {
        return (double) (memory.get(1).beside() - memory.get(0).beside()) / (Steps.LAST - Steps.WARM_UP);
    }

    private static double growth(long before, long after) {
        return (double) after / before - 1;
    }
}
