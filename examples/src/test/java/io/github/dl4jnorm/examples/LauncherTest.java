// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** The script that runs the packaged examples, in a directory whose name has a space. */
@DisabledOnOs(OS.WINDOWS)
class LauncherTest {
    @TempDir
    private Path directory;
    private Path script;

    /** How a process ended and what it printed. */
    private record Ended(int exit, String output) {
    }

    @BeforeEach
    void copyTheScript() throws IOException {
        Path home = Files.createDirectory(directory.resolve("the examples"));
        script = Files.copy(Path.of("norm-examples"), home.resolve("norm-examples"));
    }

    /** What packaging writes, with the class path of this test. */
    private void build() throws IOException {
        Path target = Files.createDirectory(script.resolveSibling("target"));
        Files.writeString(target.resolve("norm-examples.args"), "--add-modules jdk.incubator.vector\n-classpath \""
                + System.getProperty("java.class.path") + "\"\n");
    }

    private Ended run(String... args) throws Exception {
        List<String> command = new ArrayList<>(List.of("sh", script.toString()));
        command.addAll(List.of(args));
        ProcessBuilder builder = new ProcessBuilder(command).directory(directory.toFile()).redirectErrorStream(true);
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        // With any other java than that of JAVA_HOME this would not be found.
        builder.environment().put("PATH", "/usr/bin:/bin");
        Process process = builder.start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return new Ended(process.waitFor(), output);
    }

    @Test
    void helpListsTheCommands() throws Exception {
        build();
        Ended help = run("--help");
        assertThat(help.exit()).as(help.output()).isZero();
        assertThat(help.output()).contains("Usage:", "compare", "study", "bench");
    }

    @Test
    void anArgumentWithSpacesArrivesInOnePiece() throws Exception {
        build();
        Ended train = run("train", "--data", "no such  directory");
        assertThat(train.exit()).as(train.output()).isEqualTo(1);
        assertThat(train.output()).contains("no such  directory");
    }

    @Test
    void withoutABuildItSaysWhatToRunFirst() throws Exception {
        Ended unbuilt = run("--help");
        assertThat(unbuilt.exit()).isEqualTo(1);
        assertThat(unbuilt.output()).contains("mvn -q -pl examples -am package -DskipTests", directory.toString());
    }
}
