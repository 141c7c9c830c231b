// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.conf.NormLayer;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The public API is what {@code src/test/resources/api} says: a change of it is one that somebody wanted. If it is, write the
 * files anew with {@code -Dapi.update=true}, and commit them together with the change:
 *
 * <pre>
 * mvn -B -ntp -pl dl4j-norm-layers test-compile surefire:test@default-test -Dtest=ApiTest -Dapi.update=true
 * </pre>
 *
 * <p>Each class is followed by its public and protected constructors, fields and methods, those that Lombok makes among them,
 * without what it overrides or inherits from a public class. Names go without {@code java.lang}, {@code java.util} and the like.
 */
@Tag("once")
class ApiTest {
    private static final String UPDATE = "api.update";
    private static final String MEMBER = "    ";

    /** A file of the listing. */
    enum Part {
        /** What applications use: changes need a line in the change log. */
        USERS("conf", "model", "ops", "parallel", "keras", "onnx"),
        /** What is public for the other packages of this library. */
        INNER("norm", "layer", "pass", "kernel", "convolution");

        private final List<String> packages;

        Part(String... packages) {
            this.packages = List.of(packages);
        }

        private Path file() {
            return Path.of(System.getProperty("basedir", "."), "src", "test", "resources", "api",
                    name().toLowerCase() + ".txt");
        }

        private List<String> lines() throws IOException, URISyntaxException {
            Path classes = Path.of(NormLayer.class.getProtectionDomain().getCodeSource().getLocation().toURI());
            List<String> lines = new ArrayList<>();
            for (String name : packages) {
                try (Stream<Path> files = Files.list(classes.resolve("io/github/dl4jnorm").resolve(name))) {
                    files.filter(file -> file.toString().endsWith(".class")).map(file -> named(classes.relativize(file)))
                            .filter(ApiListing::isVisible).sorted(Comparator.comparing(Class::getName)).forEach(type -> {
                                lines.add(ApiListing.heading(type));
                                ApiListing.members(type).forEach(member -> lines.add(MEMBER + member));
                            });
                }
            }
            return lines;
        }

        private static Class<?> named(Path file) {
            String name = StreamSupport.stream(file.spliterator(), false).map(Path::toString).collect(Collectors.joining("."));
            try {
                return Class.forName(name.replaceAll("\\.class$", ""), false, ApiTest.class.getClassLoader());
            } catch (ClassNotFoundException e) {
                throw new IllegalStateException(e);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void theApiIsTheOneListed(Part part) throws IOException, URISyntaxException {
        List<String> now = part.lines();
        assertThat(now).hasSizeGreaterThan(100);
        if (Boolean.getBoolean(UPDATE)) {
            Files.createDirectories(part.file().getParent());
            Files.writeString(part.file(), String.join("\n", now) + "\n");
        }
        List<String> listed = Files.readAllLines(part.file());
        assertThat(differences(listed, now)).as("differences of the public API from %s (- gone, + new). If they are wanted, "
                + "run this test with -D%s=true and commit the file", part.file(), UPDATE).isEmpty();
    }

    /** Lines with the class that they belong to. */
    private static Set<String> whole(List<String> lines) {
        Set<String> whole = new LinkedHashSet<>();
        String type = "";
        for (String line : lines) {
            if (line.startsWith(MEMBER)) {
                whole.add(type + ": " + line.trim());
            } else {
                type = line.replaceAll(".*?(io\\.github\\.dl4jnorm\\.[\\w.$]+).*", "$1");
                whole.add(line);
            }
        }
        return whole;
    }

    private static List<String> differences(List<String> listed, List<String> now) {
        Set<String> before = whole(listed);
        Set<String> after = whole(now);
        List<String> differences = new ArrayList<>();
        before.stream().filter(line -> !after.contains(line)).map("- "::concat).forEach(differences::add);
        after.stream().filter(line -> !before.contains(line)).map("+ "::concat).forEach(differences::add);
        return differences;
    }
}
