// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * The tutorial from an empty folder to its last line: files are saved where the page says, and its commands print what the
 * page shows. Numbers agree as the page says: times are those of any machine, tiny ones are tiny, others are close.
 */
@Tag("full")
@DisabledOnOs(OS.WINDOWS)
class TutorialTest {
    private static final Path PAGE = Path.of(System.getProperty("basedir", "."), "..", "src/site/markdown/tutorial.md");
    /** What the page does with a block: the text before it says where to save it, or the word behind its fence to run it. */
    private static final Pattern BLOCK = Pattern.compile("(?:^Save (?:it|this) as `([^`]+)`:\n\n)?^```(\\w*)\n(.*?)^```$",
            Pattern.MULTILINE | Pattern.DOTALL);
    /** Of the library, in its own folder. Here it is {@link LocalMaven} that installs it. */
    private static final String INSTALL = "mvn -q install -DskipTests -pl dl4j-norm-layers -am";
    private static final Pattern NUMBER = Pattern.compile("-?\\d+(?:\\.\\d+)?(?:e[-+]\\d+)?(?: ms)?");
    /** Maven 3.8 resets colors at its end, also where it used none. */
    private static final Pattern COLOR = Pattern.compile("\u001b\\[[\\d;]*m");
    private static final double CLOSE = 0.1;
    /** What the page calls partly chance. */
    private static final Pattern CHANCE = Pattern.compile("batches of  1, seed \\d: batch norm $");
    private static final double FAR = 0.3;
    private static final double TINY = 1e-5;

    @TempDir
    static Path directory;
    private static LocalMaven maven;

    @BeforeAll
    static void installTheLibrary() throws Exception {
        maven = new LocalMaven(directory);
    }

    @TestFactory
    List<DynamicTest> everyCommandPrintsWhatThePageShows() throws IOException {
        Path project = Files.createDirectories(directory.resolve("shapes"));
        List<DynamicTest> tests = new ArrayList<>();
        List<MatchResult> blocks = BLOCK.matcher(Files.readString(PAGE)).results().toList();
        for (int i = 0; i < blocks.size(); i++) {
            MatchResult block = blocks.get(i);
            String text = block.group(3);
            if (block.group(1) != null) {
                Path file = project.resolve(block.group(1));
                Files.createDirectories(file.getParent());
                // Not before the commands above it: a class must compile with those that the reader has by then.
                tests.add(DynamicTest.dynamicTest(block.group(1), () -> Files.writeString(file, text)));
            } else if (block.group(2).equals("bash")) {
                String shown = blocks.get(i + 1).group(3);
                if (!text.strip().equals(INSTALL)) {
                    tests.add(DynamicTest.dynamicTest(text.strip(), () -> runs(project, text.strip(), shown)));
                    i++;
                }
            } else {
                throw new AssertionError("neither a file nor a command: " + text);
            }
        }
        assertThat(tests).hasSizeGreaterThan(12);
        return tests;
    }

    private static void runs(Path project, String command, String shown) throws Exception {
        assertThat(command).startsWith("mvn ");
        LocalMaven.Printed printed = maven.run(project, command.substring("mvn ".length()).split(" "));
        assertThat(printed.err()).contains("WARNING: Using incubator modules: jdk.incubator.vector").doesNotContain("SLF4J");
        agree(COLOR.matcher(printed.out()).replaceAll(""), shown);
    }

    private static void agree(String printed, String shown) {
        assertThat(words(printed)).as(printed).isEqualTo(words(shown));
        Matcher found = NUMBER.matcher(printed);
        Matcher expected = NUMBER.matcher(shown);
        while (found.find() && expected.find()) {
            String number = expected.group();
            if (number.contains("e")) {
                assertThat(Double.parseDouble(number)).as("on the page").isLessThan(TINY);
                assertThat(Double.parseDouble(found.group())).as(printed).isBetween(0.0, TINY);
            } else if (number.contains(".")) {
                assertThat(Double.parseDouble(found.group())).as(printed).isEqualTo(Double.parseDouble(number),
                        within(CHANCE.matcher(printed.substring(0, found.start())).find() ? FAR : CLOSE));
            } else if (!number.endsWith(" ms")) {
                assertThat(found.group()).as(printed).isEqualTo(number);
            }
        }
    }

    /** The text with a mark for each number that is not a whole one, and for each time. */
    private static String words(String text) {
        return NUMBER.matcher(text).replaceAll(number -> number.group().matches("-?\\d+") ? number.group() : "#")
                .replaceAll("[ \t]+", " ").strip();
    }

    /** Else this would pass with anything. */
    @Test
    void otherOutputIsNoticed() {
        agree("loss 0.21, 35 ms, 3.1e-08\n", "loss 0.20, 1200 ms, 2.0e-07\n");
        for (String other : List.of("loss 0.41, 35 ms, 3.1e-08", "loss 0.21, 35 ms, 3.1e-04", "gain 0.21, 35 ms, 3.1e-08",
                "loss 0.21, 35 ms", "loss 0.21, 35 s, 3.1e-08")) {
            assertThat(refused(other)).as(other).isTrue();
        }
    }

    private static boolean refused(String printed) {
        try {
            agree(printed, "loss 0.20, 1200 ms, 2.0e-07\n");
            return false;
        } catch (AssertionError expected) {
            return true;
        }
    }
}
