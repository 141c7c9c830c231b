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

    /** The version of an artifact under dependencies, null where it is left to the parent. */
    private static String version(Element dependencies, String artifact) {
        NodeList all = dependencies.getElementsByTagName("dependency");
        for (int i = 0; i < all.getLength(); i++) {
            Element one = (Element) all.item(i);
            if (artifact.equals(text(one, "artifactId"))) {
                return text(one, "version");
            }
        }
        return null;
    }

    /** The pom that is published has the parent's version, and properties of its own if it had any. */
    @Test
    void thePublishedPomAsksForSlf4jOfTheOldKind() throws Exception {
        Element module = pom(Path.of("pom.xml"));
        Element parent = pom(Path.of("..", "pom.xml"));
        String version = version(child(module, "dependencies"), "slf4j-api");
        if (version == null) {
            version = version(child(parent, "dependencyManagement"), "slf4j-api");
        }
        assertThat(version).isEqualTo("${slf4j.version}");
        String own = text(child(module, "properties"), "slf4j.version");
        assertThat(own == null ? text(child(parent, "properties"), "slf4j.version") : own).startsWith("1.7.");
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
        assertThat(output).doesNotContain("SLF4J:").contains("WARN ", LINE, "Normalization runs on the slower kernels");
    }
}
