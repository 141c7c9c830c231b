// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** In a terminal, here one that {@code script} of util-linux makes, progress bars leave no trace in what is printed. */
@Timeout(120)
@Tag("full")
class TerminalTest {

    @BeforeAll
    static void needsScript() {
        assumeTrue(Stream.of(System.getenv("PATH").split(":")).anyMatch(dir -> Files.isExecutable(Path.of(dir, "script"))),
                "no program called script");
    }

    private static List<String> screen(String args) throws IOException, InterruptedException {
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        Process process = new ProcessBuilder("script", "-qec", "stty cols 100 rows 50; exec '" + java + "' -cp '"
                + System.getProperty("java.class.path") + "' -Ddl4jnorm.kernels=scalar " + Main.class.getName() + " " + args,
                "/dev/null")
                .redirectErrorStream(true).redirectInput(Path.of("/dev/null").toFile()).start();
        String output;
        try (InputStream in = process.getInputStream()) {
            output = new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
        assertThat(process.waitFor()).as("%s", output).isZero();
        assertThat(output).as("draws bars").contains("\r", "%");
        return Screen.after(output);
    }

    @Test
    void everyRowOfBenchIsVisible() throws Exception {
        List<String> lines = screen("bench --norms none,batch,group --batch 2 --size 8 --channels 2 --seconds 0.8");
        List<String> rows = lines.subList(lines.indexOf(header(lines, "norm ")) + 1, lines.size());
        assertThat(rows).hasSize(5);
        assertThat(rows.get(0)).matches("none +\\d+\\.\\d+ +\\d+\\.\\d+");
        assertThat(rows.get(1)).matches("batch +\\d+\\.\\d+ +\\d+\\.\\d+");
        assertThat(rows.get(2)).matches("  folded +\\d+\\.\\d+");
        assertThat(rows.get(3)).matches("group +\\d+\\.\\d+ +\\d+\\.\\d+");
        assertThat(rows.get(4)).startsWith("convolutions: ");
    }

    @Test
    void everyRowOfAStudyIsVisible() throws Exception {
        List<String> lines = screen("study deep-net --examples 60 --epochs 1");
        List<String> rows = lines.subList(lines.indexOf(header(lines, "norm ")) + 1, lines.size());
        assertThat(rows).hasSizeGreaterThan(2).noneMatch(String::isBlank).noneMatch(line -> line.contains("[="));
        assertThat(rows.subList(0, rows.size() - 2)).allSatisfy(row ->
                assertThat(row).matches("\\S+ .*\\d+\\.\\d+ +\\d+\\.\\d %.*"));
    }

    private static String header(List<String> lines, String start) {
        return lines.stream().filter(line -> line.startsWith(start)).findFirst()
                .orElseThrow(() -> new AssertionError(String.join("\n", lines)));
    }
}
