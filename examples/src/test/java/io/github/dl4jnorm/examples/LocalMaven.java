// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** Maven for projects of users, with the library as it was just built in place of any that is installed on this machine. */
final class LocalMaven {
    static final String VERSION = "0.2.0-SNAPSHOT";
    private static final String GROUP = Path.of("io", "github", "dl4jnorm").toString();
    private static final String INSTALL = "org.apache.maven.plugins:maven-install-plugin:3.1.4:install-file";

    private final Path directory;

    /** A repository in that directory with links to all that this machine's holds, but for the library. */
    LocalMaven(Path directory) throws Exception {
        this.directory = directory;
        Path module = Path.of("..", "dl4j-norm-layers").toAbsolutePath().normalize();
        Path jar = existing(Stream.of(module.resolve("target/dl4j-norm-layers-" + VERSION + ".jar")));
        Path local = Path.of(Optional.ofNullable(System.getProperty("localRepository"))
                .orElse(System.getProperty("user.home") + "/.m2/repository"));
        Path repository = linked(local, directory.resolve("repository"), "");
        Path parent = module.resolve("../pom.xml");
        run(directory, "-q", INSTALL, "-Dfile=" + parent, "-DpomFile=" + parent, "-Dpackaging=pom");
        run(directory, "-q", INSTALL, "-Dfile=" + jar, "-DpomFile=" + module.resolve("pom.xml"));
        assertThat(repository.resolve(GROUP).resolve("dl4j-norm-layers").resolve(VERSION)).isDirectory();
    }

    /**
     * What a program printed.
     *
     * @param out what it printed to standard output
     * @param err what it printed to standard error
     */
    record Printed(String out, String err) {
        @Override
        public String toString() {
            return out + err;
        }
    }

    private static Path existing(Stream<Path> places) {
        Optional<Path> found = places.filter(Files::exists).findFirst();
        assumeTrue(found.isPresent(), "needs Maven, and the library packaged");
        return found.get();
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

    /** Runs Maven in a project; it must succeed. */
    Printed run(Path project, String... arguments) throws Exception {
        Path maven = existing(Arrays.stream(System.getenv("PATH").split(":")).map(place -> Path.of(place, "mvn")));
        List<String> command = new ArrayList<>(List.of(maven.toString(), "-B", "-ntp", "-Djavacpp.platform.host",
                "-Dmaven.repo.local=" + directory.resolve("repository")));
        command.addAll(List.of(arguments));
        Path out = Files.createTempFile(directory, "maven", ".out");
        Path err = Files.createTempFile(directory, "maven", ".err");
        ProcessBuilder builder = new ProcessBuilder(command).directory(project.toFile()).redirectOutput(out.toFile())
                .redirectError(err.toFile());
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        builder.environment().put("LC_ALL", "C");
        int code = builder.start().waitFor();
        Printed printed = new Printed(Files.readString(out), Files.readString(err));
        assertThat(code).as(printed.toString()).isZero();
        return printed;
    }
}
