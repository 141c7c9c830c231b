// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.ops.SDNorm;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.autodiff.samediff.SameDiff;
import picocli.CommandLine;

@Tag("full")
class TrainSameDiffTest {
    @TempDir
    private Path directory;

    @Test
    void theGraphLearnsDigitsAndIsSaved() throws IOException {
        IdxWriter.write(GeneratedDigits.create(600, 1), directory, "t10k", true);
        Path saved = directory.resolve("graph");
        TrainSameDiff program = new TrainSameDiff();
        int exit = new CommandLine(program).execute("--data", directory.toString(), "--batch", "16", "--epochs", "4",
                "--channels", "8", "--save", saved.toString());
        assertThat(exit).isZero();
        // Guessing gives a tenth; it is a short training.
        assertThat(program.accuracy()).isGreaterThan(0.4);
        SDNorm.register();
        assertThat(SameDiff.load(saved.toFile(), false).getVariable("gamma3").getArr().length()).isEqualTo(16);
    }

    @Test
    void aBatchLargerThanTheDataIsRefused() throws IOException {
        IdxWriter.write(GeneratedDigits.create(50, 1), directory, "t10k", true);
        StringWriter errors = new StringWriter();
        int exit = new CommandLine(new TrainSameDiff()).setErr(new PrintWriter(errors, true))
                .execute("--data", directory.toString(), "--batch", "100");
        assertThat(exit).isEqualTo(2);
        assertThat(errors.toString()).contains("--batch 100 exceeds the 40 training examples");
    }
}
