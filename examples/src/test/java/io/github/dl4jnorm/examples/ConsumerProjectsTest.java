// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Small Maven projects that depend on the library log what they should, whichever logging library they have and wherever in
 * the list of dependencies the library stands. Each is built by Maven and started as a program of its own.
 */
@Tag("full")
@DisabledOnOs(OS.WINDOWS)
class ConsumerProjectsTest {
    private static final String VERSION = "0.1.0-SNAPSHOT";
    private static final String GROUP = Path.of("io", "github", "dl4jnorm").toString();
    private static final String SAID = "what the application says";
    private static final String SLOWER = "Normalization uses the slower plain-Java kernels";
    private static final String LIBRARY = dependency("io.github.dl4jnorm", "dl4j-norm-layers", VERSION)
            + dependency("org.nd4j", "nd4j-native-platform", "1.0.0-M2.1");
    private static final String PROGRAM = """
            package app;

            import org.slf4j.LoggerFactory;

            public class Main {
                public static void main(String[] args) {
                    LoggerFactory.getLogger(Main.class).warn("%s");
                    System.out.println(io.github.dl4jnorm.kernel.Kernels.describe());
                }
            }
            """.formatted(SAID);
    private static final String POM = """
            <project xmlns="http://maven.apache.org/POM/4.0.0">
              <modelVersion>4.0.0</modelVersion>
              <groupId>app</groupId>
              <artifactId>app</artifactId>
              <version>1</version>
              <properties>
                <maven.compiler.source>17</maven.compiler.source>
                <maven.compiler.target>17</maven.compiler.target>
                <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>
              </properties>
              <dependencies>%s</dependencies>
            </project>
            """;

    @TempDir
    static Path directory;

    private static String dependency(String group, String artifact, String version) {
        return "<dependency><groupId>" + group + "</groupId><artifactId>" + artifact + "</artifactId><version>" + version
                + "</version></dependency>";
    }

    private static Path existing(Stream<Path> places) {
        Optional<Path> found = places.filter(Files::exists).findFirst();
        assumeTrue(found.isPresent(), "needs Maven, and the library packaged");
        return found.get();
    }

    /** The repository of this machine, with the library as it was just built in place of any that was installed there. */
    @BeforeAll
    static void installTheLibrary() throws Exception {
        Path module = Path.of("..", "dl4j-norm-layers").toAbsolutePath().normalize();
        Path jar = existing(Stream.of(module.resolve("target/dl4j-norm-layers-" + VERSION + ".jar")));
        Path local = Path.of(Optional.ofNullable(System.getProperty("localRepository"))
                .orElse(System.getProperty("user.home") + "/.m2/repository"));
        Path repository = linked(local, directory.resolve("repository"), "");
        maven(directory, "org.apache.maven.plugins:maven-install-plugin:3.1.4:install-file",
                "-Dfile=" + module.resolve("../pom.xml"), "-DpomFile=" + module.resolve("../pom.xml"), "-Dpackaging=pom");
        maven(directory, "org.apache.maven.plugins:maven-install-plugin:3.1.4:install-file", "-Dfile=" + jar,
                "-DpomFile=" + module.resolve("pom.xml"));
        assertThat(repository.resolve(GROUP).resolve("dl4j-norm-layers").resolve(VERSION)).isDirectory();
    }

    /** Links to everything but this project's group, which is new. */
    private static Path linked(Path from, Path to, String path) throws IOException {
        Files.createDirectories(to);
        try (Stream<Path> entries = Files.exists(from) ? Files.list(from) : Stream.empty()) {
            for (Path entry : entries.toList()) {
                String inside = path.isEmpty() ? entry.getFileName().toString() : path + "/" + entry.getFileName();
                Path target = to.resolve(entry.getFileName());
                if (inside.equals(GROUP)) {
                    Files.createDirectories(target);
                } else if (GROUP.startsWith(inside + "/")) {
                    linked(entry, target, inside);
                } else {
                    Files.createSymbolicLink(target, entry.toAbsolutePath());
                }
            }
        }
        return to;
    }

    private static String maven(Path project, String... arguments) throws Exception {
        Path maven = existing(Arrays.stream(System.getenv("PATH").split(":")).map(place -> Path.of(place, "mvn")));
        List<String> command = new ArrayList<>(List.of(maven.toString(), "-q", "-B", "-ntp", "-Djavacpp.platform.host",
                "-Dmaven.repo.local=" + directory.resolve("repository")));
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command).directory(project.toFile()).redirectErrorStream(true);
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        Process process = builder.start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(output).isZero();
        return output;
    }

    @ParameterizedTest(name = "logback {0}, library first: {1}")
    @CsvSource({"1.2.13, true", "1.2.13, false", "1.5.18, true", "1.5.18, false", "none, true"})
    void theApplicationAndTheLibraryLog(String logback, boolean first) throws Exception {
        boolean bound = !logback.equals("none");
        String logging = bound ? dependency("ch.qos.logback", "logback-classic", logback) : "";
        Path project = Files.createDirectories(directory.resolve("app-" + logback + "-" + first));
        Files.writeString(project.resolve("pom.xml"), POM.formatted(first ? LIBRARY + logging : logging + LIBRARY));
        Path source = Files.createDirectories(project.resolve("src/main/java/app"));
        Files.writeString(source.resolve("Main.java"), PROGRAM);
        String output = maven(project, "org.apache.maven.plugins:maven-compiler-plugin:3.16.0:compile",
                "org.codehaus.mojo:exec-maven-plugin:3.6.4:exec", "-Dexec.executable=" + System.getProperty("java.home")
                        + "/bin/java", "-Dexec.args=-classpath %classpath app.Main");
        assertThat(output).contains("Normalization kernels: scalar").containsOnlyOnce(SLOWER);
        if (bound) {
            assertThat(output).doesNotContain("SLF4J").containsPattern("WARN +app.Main -+ " + SAID)
                    .doesNotContain("WARNING: " + SLOWER);
        } else {
            assertThat(output).contains("SLF4J").doesNotContain(SAID).contains("WARNING: " + SLOWER);
        }
    }
}
