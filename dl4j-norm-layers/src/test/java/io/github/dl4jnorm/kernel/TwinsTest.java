// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Sources that are there once for each element type and activation. */
@Tag("once")
class TwinsTest {
    private static final Path MODULE = Path.of(System.getProperty("basedir", "."));
    private static final String SOURCES = "src/main/java/io/github/dl4jnorm/kernel";
    private static final String TWINS = "src/main/twins/io/github/dl4jnorm/kernel";

    @Test
    void twinsDifferFromTheirSourcesOnlyInTypeAndActivation() throws IOException {
        assertThat(Twins.outdated(MODULE)).as("files in %s that differ from their sources; to derive them again, "
                + "run in the root directory of the repository: %s", TWINS, Twins.COMMAND).isEmpty();
        assertThat(MODULE.resolve("..").resolve(Twins.COMMAND.substring("java ".length()))).isRegularFile();
    }

    @Test
    void aChangeOfASourceShowsInEachOfItsTwins(@TempDir Path module) throws IOException {
        copySources(module);
        Twins.main(module.toString());
        assertThat(Twins.outdated(module)).isEmpty();
        append(module.resolve(SOURCES).resolve("FloatVectorIdentityRunLoops.java"));
        assertThat(Twins.outdated(module)).containsExactlyInAnyOrder("DoubleVectorIdentityRunLoops.java",
                "DoubleVectorReluRunLoops.java", "FloatVectorReluRunLoops.java");
        Twins.main(module.toString());
        assertThat(Twins.outdated(module)).isEmpty();
    }

    @Test
    void changedMissingAndLeftOverTwinsAreFound(@TempDir Path module) throws IOException {
        copySources(module);
        Twins.main(module.toString());
        Path twins = module.resolve(TWINS);
        append(twins.resolve("DoubleTile.java"));
        Files.delete(twins.resolve("DoubleTables.java"));
        Files.writeString(twins.resolve("DoubleGone.java"), "");
        assertThat(Twins.outdated(module)).containsExactlyInAnyOrder("DoubleTile.java", "DoubleTables.java", "DoubleGone.java");
        Twins.main(module.toString());
        assertThat(Twins.outdated(module)).isEmpty();
    }

    @Test
    void aTwinIsOnDoubleOrHasAReluAndNamesItsSource(@TempDir Path module) throws IOException {
        Path source = Files.createDirectories(module.resolve(SOURCES)).resolve("FloatVectorIdentitySums.java");
        Files.writeString(source, """
                // SPDX-License-Identifier: Apache-2.0
                /** On float, identity. */
                class FloatVectorIdentitySums {
                    static final boolean RELU = false;
                    double sum(float[] x);
                }
                """);
        Twins.main(module.toString());
        assertThat(module.resolve(TWINS).resolve("DoubleVectorReluSums.java")).hasContent("""
                // SPDX-License-Identifier: Apache-2.0
                // Derived from FloatVectorIdentitySums.java by Twins: edit that file, not this one.
                /** On double, relu. */
                class DoubleVectorReluSums {
                    static final boolean RELU = true;
                    double sum(double[] x);
                }
                """);
    }

    /** Vectors take offsets of the type that {@link Lanes} gives: int would be slow for addresses, long for buffers. */
    @Test
    void offsetsAreOfTheTypeOfTheJdk() throws ReflectiveOperationException {
        Class<?> type = Lanes.class.getDeclaredMethod("base", Memory.class).getReturnType();
        assertThat(FloatVectors.class.getDeclaredField("STEP").getType()).isEqualTo(type);
        assertThat(DoubleVectors.class.getDeclaredField("STEP").getType()).isEqualTo(type);
    }

    private static void copySources(Path module) throws IOException {
        Path into = Files.createDirectories(module.resolve(SOURCES));
        List<Path> sources;
        try (Stream<Path> files = Files.list(MODULE.resolve(SOURCES))) {
            sources = files.toList();
        }
        for (Path file : sources) {
            Files.copy(file, into.resolve(file.getFileName()));
        }
    }

    private static void append(Path file) throws IOException {
        Files.writeString(file, Files.readString(file) + "// Changed.\n");
    }
}
