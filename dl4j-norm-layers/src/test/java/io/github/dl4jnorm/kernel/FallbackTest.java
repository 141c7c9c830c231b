// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** What a JVM of its own does, with and without the module of the vectors. */
@EnabledIfSystemProperty(named = Kernels.PROPERTY, matches = "vector")
@Tag("long")
@Tag("full")
class FallbackTest {

    /** Asks for the kernels twice and prints their name. */
    static final class Program {
        public static void main(String[] args) {
            Kernels.get();
            System.out.println("kernels: " + Kernels.get().name());
        }
    }

    /** Asks for vectors without ND4J, whose library does not load either where native access is denied. */
    static final class VectorsOnly {
        public static void main(String[] args) {
            try {
                VectorArithmetic.factory();
                System.out.println("vectors serve");
            } catch (UnsupportedOperationException e) {
                System.out.println(e.getMessage());
            }
        }
    }

    private static String run(String... options) throws Exception {
        return run(Program.class, options);
    }

    private static String run(Class<?> program, String... options) throws Exception {
        return runOn(System.getProperty("java.class.path"), program, options);
    }

    private static String classPathWithout(String... parts) {
        return Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(entry -> Arrays.stream(parts).noneMatch(entry::contains)).collect(Collectors.joining(File.pathSeparator));
    }

    private static String runOn(String classPath, Class<?> program, String... options) throws Exception {
        List<String> command = new ArrayList<>(List.of(System.getProperty("java.home") + File.separator + "bin"
                + File.separator + "java", "-cp", classPath));
        command.addAll(List.of(options));
        command.add(program.getName());
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes());
        process.waitFor();
        return output;
    }

    @Test
    void withoutTheModulePlainJavaServesWithOneWarningThatNamesTheFlag() throws Exception {
        String output = run();
        assertThat(output).contains("kernels: scalar").containsOnlyOnce("--add-modules jdk.incubator.vector")
                .containsOnlyOnce("slower plain-Java kernels");
    }

    @Test
    void withTheModuleVectorsServeWithoutAWarning() throws Exception {
        assertThat(run("--add-modules", "jdk.incubator.vector")).contains("kernels: vector").doesNotContain("slower");
    }

    @Test
    void forcedVectorsWithoutTheModuleAreAnErrorThatNamesTheFlag() throws Exception {
        assertThat(run("-D" + Kernels.PROPERTY + "=vector")).doesNotContain("kernels:")
                .contains("IllegalStateException").contains("--add-modules jdk.incubator.vector");
    }

    @Test
    void forcedPlainJavaSaysNothing() throws Exception {
        assertThat(run("-D" + Kernels.PROPERTY + "=scalar")).contains("kernels: scalar").doesNotContain("slower");
    }

    @Test
    void withoutALoggingLibraryTheWarningGoesToTheErrorStreamOnce() throws Exception {
        assertThat(runOn(classPathWithout("logback"), Program.class)).contains("kernels: scalar")
                .containsOnlyOnce("WARNING: Normalization uses the slower plain-Java kernels")
                .containsOnlyOnce("--add-modules jdk.incubator.vector");
    }

    @Test
    void theDescriptionSaysWhichKernelsRunAndWhy() throws Exception {
        assertThat(run(Describe.class)).contains("Normalization kernels: scalar (plain Java)",
                "Why: the vector kernels need the JVM option --add-modules jdk.incubator.vector", "ND4J backend CpuBackend");
        assertThat(run(Describe.class, "--add-modules", "jdk.incubator.vector"))
                .contains("Normalization kernels: vector (JDK Vector API)", "-Ddl4jnorm.kernels not set");
        assertThat(run(Describe.class, "-Ddl4jnorm.kernels=nd4j")).contains("Normalization kernels: nd4j (ND4J operations)",
                "Why: set by -Ddl4jnorm.kernels");
    }

    /** As {@code java -jar} starts it. */
    @Test
    void withoutNd4jTheDescriptionSaysWhatTheJvmOffers() throws Exception {
        String alone = Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(entry -> entry.contains("dl4j-norm-layers") && !entry.contains("test-classes"))
                .collect(Collectors.joining(File.pathSeparator));
        assertThat(runOn(alone, Describe.class)).contains("scalar (plain Java)", "--add-modules jdk.incubator.vector",
                "ND4J is not on the class path");
        assertThat(runOn(alone, Describe.class, "--add-modules", "jdk.incubator.vector")).contains("CPU backend: vector.");
    }

    @Test
    @EnabledForJreRange(minVersion = 24)
    void deniedNativeAccessKeepsVectorsFromServingAndTheMessageNamesTheFlag() throws Exception {
        String[] denied = {"--add-modules", "jdk.incubator.vector", "--illegal-native-access=deny"};
        assertThat(run(VectorsOnly.class, denied)).contains("need the JVM option --enable-native-access=ALL-UNNAMED");
        String[] allowed = {"--add-modules", "jdk.incubator.vector", "--illegal-native-access=deny",
                "--enable-native-access=ALL-UNNAMED"};
        assertThat(run(VectorsOnly.class, allowed)).contains("vectors serve");
    }
}
