// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The program that the README shows. */
class QuickStartTest {
    private static final Path MODULE = Path.of(System.getProperty("basedir", "."));
    private static final Path FILE = MODULE.resolve("src/main/java/io/github/dl4jnorm/examples/QuickStart.java");
    private static final Pattern STEP = Pattern.compile("step +\\d+  loss (\\S+)  accuracy (\\S+)");

    @ParameterizedTest
    @ValueSource(strings = {"README.md", "README.zh-CN.md"})
    void theReadmeShowsTheFileWithoutItsPackage(String readme) throws IOException {
        String code = Files.readString(FILE);
        String shown = code.substring(code.indexOf("import "));
        assertThat(Files.readString(MODULE.resolve("..").resolve(readme))).contains("```java\n" + shown + "```\n");
        assertThat(shown.lines().count()).isLessThanOrEqualTo(40);
    }

    @Test
    void itLearns() {
        List<MatchResult> steps = STEP.matcher(output()).results().toList();
        assertThat(steps).hasSize(12);
        assertThat(number(steps.get(0).group(2))).isBetween(0.4, 0.6);
        assertThat(number(steps.get(11).group(1))).isLessThan(0.3);
        assertThat(number(steps.get(11).group(2))).isGreaterThan(0.85);
    }

    /** With a comma, too: the program prints in the language of the machine. */
    private static double number(String text) {
        return Double.parseDouble(text.replace(',', '.'));
    }

    private static String output() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        PrintStream before = System.out;
        System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
        try {
            QuickStart.main(new String[0]);
        } finally {
            System.setOut(before);
        }
        assertThat(out.toString(StandardCharsets.UTF_8)).contains("running mean of each channel: [");
        return out.toString(StandardCharsets.UTF_8);
    }
}
