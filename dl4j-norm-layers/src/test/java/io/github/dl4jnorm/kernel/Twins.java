// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Derives the sources in {@code src/main/twins} from the {@code Float*.java} of this package, which are the ones to edit. Each
 * of those has a twin on double, and each class of loops with the activation identity has twins for the ReLU. They are copies
 * because HotSpot keeps vectors in registers only in loops that are compiled for one type and one activation.
 *
 * <p>A program in one file, so that {@link #COMMAND} runs it before anything is compiled.
 */
final class Twins {
    /** Derives all twins anew, in the root directory of the repository. */
    static final String COMMAND = "java dl4j-norm-layers/src/test/java/io/github/dl4jnorm/kernel/Twins.java";

    private static final String PACKAGE = "io/github/dl4jnorm/kernel";
    private static final String LICENSE = "// SPDX-License-Identifier: Apache-2.0\n";

    private Twins() {
    }

    public static void main(String... args) throws IOException {
        write(Path.of(args.length == 0 ? "dl4j-norm-layers" : args[0]));
    }

    /** Writes all twins of a module and deletes what is no twin any more. */
    private static void write(Path module) throws IOException {
        Path directory = Files.createDirectories(twins(module));
        for (Path file : files(directory, "*")) {
            Files.delete(file);
        }
        for (Map.Entry<String, String> twin : derive(module).entrySet()) {
            Files.writeString(directory.resolve(twin.getKey()), twin.getValue());
        }
    }

    /** {@return the names of files in {@code src/main/twins} that are missing, differ from what is derived, or have no source} */
    static List<String> outdated(Path module) throws IOException {
        Map<String, String> derived = derive(module);
        List<String> outdated = new ArrayList<>();
        for (Path file : files(twins(module), "*")) {
            String name = file.getFileName().toString();
            if (!Files.readString(file).equals(derived.remove(name))) {
                outdated.add(name);
            }
        }
        outdated.addAll(derived.keySet());
        return outdated;
    }

    /** {@return what belongs into each file} */
    private static Map<String, String> derive(Path module) throws IOException {
        Map<String, String> twins = new TreeMap<>();
        for (Path file : files(module.resolve("src/main/java").resolve(PACKAGE), "Float*.java")) {
            String name = file.getFileName().toString();
            String code = Files.readString(file).replace(LICENSE, "");
            String head = LICENSE + "// Derived from " + name + " by Twins: edit that file, not this one.\n";
            twins.put(onDouble(name), head + onDouble(code));
            if (name.contains("Identity")) {
                twins.put(withRelu(name), head + withRelu(code));
                twins.put(onDouble(withRelu(name)), head + onDouble(withRelu(code)));
            }
        }
        return twins;
    }

    private static String onDouble(String code) {
        return code.replace("Float", "Double").replace("float", "double");
    }

    private static String withRelu(String code) {
        return code.replace("Identity", "Relu").replace("identity", "relu").replace("RELU = false", "RELU = true");
    }

    private static Path twins(Path module) {
        return module.resolve("src/main/twins").resolve(PACKAGE);
    }

    private static List<Path> files(Path directory, String names) throws IOException {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, names)) {
            List<Path> all = new ArrayList<>();
            files.forEach(all::add);
            return all;
        }
    }
}
