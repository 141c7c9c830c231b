// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.kernel.Kernels;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.w3c.dom.Element;
import org.w3c.dom.Node;
import org.w3c.dom.NodeList;

/**
 * An application with logback 1.2, which knows SLF4J 1.7 only, keeps its log when it takes the library: with SLF4J 2 it would
 * lose every line.
 */
@Tag("once")
@Tag("long")
class ConsumerLoggingTest {
    private static final String LINE = "what the application says";

    /** An application beside the library. */
    static final class Application {
        private static final Logger LOG = LoggerFactory.getLogger(Application.class);

        private Application() {
        }

        /**
         * Says something, and so does the library: that it runs without vectors.
         *
         * @param args none
         */
        public static void main(String[] args) {
            LOG.warn(LINE);
            Kernels.get();
        }
    }

    private static Element pom(Path file) throws Exception {
        return DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(file.toFile()).getDocumentElement();
    }

    private static Element child(Element parent, String name) {
        for (Node node = parent.getFirstChild(); node != null; node = node.getNextSibling()) {
            if (node instanceof Element element && element.getTagName().equals(name)) {
                return element;
            }
        }
        return null;
    }

    private static String text(Element parent, String name) {
        Element child = child(parent, name);
        return child == null ? null : child.getTextContent().strip();
    }

    /** What is asked for here would win over the version that the application's logging library needs. */
    @Test
    void thePublishedPomLeavesTheVersionOfSlf4jToTheApplication() throws Exception {
        NodeList all = child(pom(Path.of("pom.xml")), "dependencies").getElementsByTagName("dependency");
        List<String> scopes = IntStream.range(0, all.getLength()).mapToObj(i -> (Element) all.item(i))
                .filter(one -> text(one, "artifactId").equals("slf4j-api")).map(one -> text(one, "scope")).toList();
        assertThat(scopes).containsExactly("provided");
    }

    private static List<String> jars(String artifact) {
        return Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
                .map(entry -> Path.of(entry).getFileName().toString())
                .filter(name -> name.matches(artifact + "-\\d.*jar")).toList();
    }

    @Test
    void anApplicationWithAnOldLogbackKeepsItsLog() throws IOException, InterruptedException {
        assertThat(jars("slf4j-api")).hasSize(1).allMatch(name -> name.startsWith("slf4j-api-1.7."));
        assertThat(jars("logback-classic")).hasSize(1).allMatch(name -> name.startsWith("logback-classic-1.2."));
        Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-cp",
                System.getProperty("java.class.path"), Application.class.getName()).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(60, TimeUnit.SECONDS) && process.exitValue() == 0).as(output).isTrue();
        assertThat(output).doesNotContain("SLF4J:").contains("WARN ", LINE, "Normalization uses the slower plain-Java kernels");
    }
}
