// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.spi.ToolProvider;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * What keeps vectors in registers. Where HotSpot does not inline a call that a vector goes through, the vector is an object,
 * for as long as the JVM lives. Whether it inlines a method of ours depends on what ran before: on how often the call was
 * seen to run, on whether the method has been compiled for itself, on how much is in the compilation already. The JDK's own
 * methods on vectors it inlines by order, up to a limit that the loops of one method do not reach. None of that is left to chance
 * where loops call only the JDK and each is in a method too large to be inlined: HotSpot inlines none of more than 325 bytes
 * ({@code FreqInlineSize}).
 */
@Tag("once")
@Tag("full")
class HotLoopsTest {
    private static final int FREQ_INLINE_SIZE = 325;
    private static final Pattern METHOD = Pattern.compile(" {2}(\\S.*);");
    private static final Pattern INSTRUCTION = Pattern.compile(" +(\\d+): (\\S+) *(.*)");

    /** What a class file says of a method. */
    private static final class Code {
        private int size;
        private boolean loops;
        private boolean vectors;

        void add(int at, String operation, String operands) {
            // The last instruction returns, or jumps back by three bytes.
            size = at + (operation.startsWith("goto") ? 3 : 1);
            loops |= (operation.startsWith("goto") || operation.startsWith("if")) && Integer.parseInt(operands) < at;
            vectors |= operands.contains("jdk/incubator/vector/");
        }
    }

    @Test
    void noLoopOverVectorsIsInlined() throws IOException, URISyntaxException {
        Map<String, Integer> sizes = new TreeMap<>();
        for (Path file : kernels()) {
            read(file).forEach((name, code) -> {
                if (code.loops && code.vectors) {
                    sizes.put(file + " " + name, code.size);
                }
            });
        }
        // Float and double; twelve loops that depend on the activation twice, and five others; once more for JDK 22.
        assertThat(sizes.size()).as("loops over vectors: %s", sizes).isIn(58, 116);
        assertThat(sizes).allSatisfy((name, size) -> assertThat(size).as(name).isGreaterThan(FREQ_INLINE_SIZE));
    }

    @Test
    void noVectorGoesThroughAMethodOfOurs() throws IOException, URISyntaxException {
        for (Path file : kernels()) {
            assertThat(read(file).keySet()).as("methods of %s", file)
                    .noneMatch(name -> name.contains("(") && name.matches(".*jdk\\.incubator\\.vector\\.\\w+Vector.*"));
        }
    }

    private static List<Path> kernels() throws IOException, URISyntaxException {
        Path classes = Path.of(Kernels.class.getProtectionDomain().getCodeSource().getLocation().toURI());
        try (Stream<Path> files = Files.walk(classes)) {
            return files.filter(file -> file.getParent().endsWith("io/github/dl4jnorm/kernel"))
                    .filter(file -> file.getFileName().toString().matches(".*(Vector|Lanes).*\\.class")).toList();
        }
    }

    private static Map<String, Code> read(Path file) {
        StringWriter text = new StringWriter();
        PrintWriter out = new PrintWriter(text);
        int exit = ToolProvider.findFirst("javap").orElseThrow().run(out, out, "-c", "-p", file.toString());
        assertThat(exit).as("javap: %s", text).isZero();
        Map<String, Code> methods = new TreeMap<>();
        Code current = null;
        for (String line : text.toString().lines().toList()) {
            Matcher method = METHOD.matcher(line);
            Matcher instruction = INSTRUCTION.matcher(line);
            if (method.matches()) {
                current = methods.computeIfAbsent(method.group(1), name -> new Code());
            } else if (current != null && instruction.matches()) {
                current.add(Integer.parseInt(instruction.group(1)), instruction.group(2), instruction.group(3));
            }
        }
        return methods;
    }
}
