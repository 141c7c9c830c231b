// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class MainTest {
    @TempDir
    private Path directory;

    /** An empty report would look like a measurement. */
    @Test
    void casesThatMatchNothingAreAnErrorThatNamesThoseThereAre() {
        for (String mode : List.of("--quick", "--list")) {
            StringWriter errors = new StringWriter();
            int exit = new CommandLine(new Main()).setErr(new PrintWriter(errors, true))
                    .execute("--cases", "no-such-case", mode, "--out", directory.resolve("out").toString());
            assertThat(exit).isEqualTo(CommandLine.ExitCode.USAGE);
            assertThat(errors.toString()).contains("--cases no-such-case: expected a match in the case names of",
                    "batch-nchw-32x64x56x56", "overhead", "step-cnn-32-batch", "step-unet-8-none");
            assertThat(directory.resolve("out")).doesNotExist();
        }
    }
}
