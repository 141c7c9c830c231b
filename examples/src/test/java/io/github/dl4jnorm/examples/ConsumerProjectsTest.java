// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
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
    private static final String SAID = "what the application says";
    private static final String SLOWER = "Normalization uses the slower plain-Java kernels";
    private static final String LIBRARY = dependency("io.github.dl4jnorm", "dl4j-norm-layers", LocalMaven.VERSION)
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
    private static LocalMaven maven;

    private static String dependency(String group, String artifact, String version) {
        return "<dependency><groupId>" + group + "</groupId><artifactId>" + artifact + "</artifactId><version>" + version
                + "</version></dependency>";
    }

    @BeforeAll
    static void installTheLibrary() throws Exception {
        maven = new LocalMaven(directory);
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
        String output = maven.run(project, "-q", "org.apache.maven.plugins:maven-compiler-plugin:3.16.0:compile",
                "org.codehaus.mojo:exec-maven-plugin:3.6.4:exec", "-Dexec.executable=" + System.getProperty("java.home")
                        + "/bin/java", "-Dexec.args=-classpath %classpath app.Main").toString();
        assertThat(output).contains("Normalization kernels: scalar").containsOnlyOnce(SLOWER);
        if (bound) {
            assertThat(output).doesNotContain("SLF4J").containsPattern("WARN +app.Main -+ " + SAID)
                    .doesNotContain("WARNING: " + SLOWER);
        } else {
            assertThat(output).contains("SLF4J").doesNotContain(SAID).contains("WARNING: " + SLOWER);
        }
    }
}
