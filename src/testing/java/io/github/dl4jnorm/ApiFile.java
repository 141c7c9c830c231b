// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm;

import static org.assertj.core.api.Assertions.assertThat;

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

/**
 * The public API of some packages, listed in a file of {@code src/test/resources/api}.
 *
 * <p>Each class is followed by its public and protected constructors, fields and methods, those that Lombok makes among them,
 * without what it overrides or inherits from a public class. Names go without {@code java.lang}, {@code java.util} and the like.
 *
 * @param name     name of the file
 * @param inside   a class of the module
 * @param packages last parts of the packages' names
 */
record ApiFile(String name, Class<?> inside, List<String> packages) {
    private static final String UPDATE = "api.update";
    private static final String MEMBER = "    ";

    private Path file() {
        return Path.of(System.getProperty("basedir", "."), "src", "test", "resources", "api", name);
    }

    private List<String> lines() throws IOException, URISyntaxException {
        Path classes = Path.of(inside.getProtectionDomain().getCodeSource().getLocation().toURI());
        List<String> lines = new ArrayList<>();
        for (String each : packages) {
            try (Stream<Path> files = Files.list(classes.resolve("io/github/dl4jnorm").resolve(each))) {
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
            return Class.forName(name.replaceAll("\\.class$", ""), false, ApiFile.class.getClassLoader());
        } catch (ClassNotFoundException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Fails where the API differs from the file; with {@code -Dapi.update=true} the file is written anew first. */
    void check() throws IOException, URISyntaxException {
        List<String> now = lines();
        assertThat(now).isNotEmpty();
        if (Boolean.getBoolean(UPDATE)) {
            Files.createDirectories(file().getParent());
            Files.writeString(file(), String.join("\n", now) + "\n");
        }
        List<String> listed = Files.readAllLines(file());
        assertThat(differences(listed, now)).as("differences of the public API from %s (- gone, + new). If they are wanted, "
                + "run this test with -D%s=true and commit the file", file(), UPDATE).isEmpty();
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
