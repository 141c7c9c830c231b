// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** {@link SelfCheck} on the kernels in use. On a GPU, {@code -Dgroups=gpu} runs this test alone. */
@Tag("gpu")
class SelfCheckTest {
    @Test
    void everyNormIsRightAndTimed() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);
        boolean right = new SelfCheck(out, 2, 8, 7, 7).run();
        String printed = bytes.toString(StandardCharsets.UTF_8);
        assertThat(right).as("%s", printed).isTrue();
        assertThat(printed).startsWith("Normalization kernels: " + Kernels.get().name()).doesNotContain("WRONG");
        for (SelfCheck.Kind kind : SelfCheck.Kind.values()) {
            assertThat(printed.lines().filter(line -> line.startsWith("%-20s ".formatted(kind.title())))).hasSize(2);
        }
    }
}
