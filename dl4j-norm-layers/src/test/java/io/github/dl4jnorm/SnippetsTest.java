// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import java.io.IOException;
import java.io.StringWriter;
import java.lang.reflect.Method;
import java.net.URI;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * All Java of README, SECURITY.md and the site compiles: blocks, and expressions with {@code new} in the text. The blocks of the
 * norms' pages run.
 */
@Tag("once")
@Tag("long")
class SnippetsTest {

    private static final Path ROOT = Path.of(System.getProperty("basedir", ".")).resolve("..");
    /** Stands in CONTRIBUTING.md as a whole. */
    private static final Path MODEL_TEST =
            ROOT.resolve("dl4j-norm-layers/src/test/java/io/github/dl4jnorm/layer/WorkedExampleTest.java");
    private static final Path NORMS = ROOT.resolve("src/site/markdown/norms");
    private static final Pattern BLOCK = Pattern.compile("^```(\\S*)\n(.*?)^```$", Pattern.MULTILINE | Pattern.DOTALL);
    /** A whole file, with all imports it needs. */
    private static final Pattern PROGRAM = Pattern.compile("(?:import .*\n|\n)+public class (\\w+)");
    private static final Pattern EXPRESSION = Pattern.compile("`(new\\s[A-Z][^`…]*)`");
    /** What a reader would take it for: a line of Java in a block that does not say so. */
    private static final Pattern JAVA_LINE = Pattern.compile("^[ \\w<>.,=\"()-]*[()].*;$", Pattern.MULTILINE);

    private static final String SNIPPETS = "Snippets";
    /** How the methods of the blocks in the pages of norms begin. */
    private static final String OF_NORM = "norm_";
    private static final String CHINESE = ".zh-CN.md";

    /** What the text around a snippet stands for; its own variables hide these. */
    private static final String VARIABLES = """
                MultiLayerNetwork net, theirs, trained;
                MultiLayerConfiguration myConfiguration;
                DataSetIterator data, trainingData;
                Layer layer;
                SameDiff sd;
                SDNorm norm;
                SDVariable h, gamma, beta;
                INDArray x;
                int g = 8, v = 16, channels = 16;
            """;

    @TempDir
    Path classes;

    @Test
    void everySnippetCompilesAndThoseOfNormsRun() throws IOException {
        List<JavaFileObject> sources = new ArrayList<>();
        // In one class: each class with its imports takes the compiler 100 ms.
        List<String> methods = new ArrayList<>();
        Set<String> expressions = new LinkedHashSet<>();
        for (Path page : pages()) {
            String text = Files.readString(page);
            for (MatchResult block : BLOCK.matcher(text).results().toList()) {
                if (block.group(1).equals("java") && !block.group(2).equals(Files.readString(MODEL_TEST))) {
                    Matcher program = PROGRAM.matcher(block.group(2));
                    if (program.lookingAt()) {
                        sources.add(file(program.group(1), block.group(2)));
                    } else {
                        methods.add(method(page, methods.size(), block.group(2)));
                    }
                }
            }
            expressions.addAll(expressions(page));
        }
        methods.add(method(Path.of("expressions"), methods.size(), expressions.stream().map(expression -> "{ Object o = %s; }%n"
                .formatted(expression.substring(1, expression.length() - 1))).collect(Collectors.joining())));
        sources.add(file(SNIPPETS, imports() + "public class " + SNIPPETS + " {\n" + VARIABLES + String.join("", methods)
                + "}\n"));
        assertThat(methods).hasSizeGreaterThan(25);
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        StringWriter errors = new StringWriter();
        boolean compiled = compiler.getTask(errors, null, null, List.of("-d", classes.toString(), "-proc:none", "-nowarn"),
                null, sources).call();
        assertThat(compiled).as(errors.toString()).isTrue();
        runThoseOfNorms();
    }

    /** Each is complete. */
    private void runThoseOfNorms() throws IOException {
        try (URLClassLoader loader = new URLClassLoader(new URL[]{classes.toUri().toURL()})) {
            Class<?> snippets = loader.loadClass(SNIPPETS);
            List<Method> run = Stream.of(snippets.getMethods()).filter(one -> one.getName().startsWith(OF_NORM)).toList();
            assertThat(run).hasSizeGreaterThan(25).allSatisfy(one ->
                    assertThatCode(() -> one.invoke(snippets.getConstructor().newInstance())).doesNotThrowAnyException());
        } catch (ClassNotFoundException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void javaIsMarkedAsSuch() throws IOException {
        for (Path page : pages()) {
            for (MatchResult block : BLOCK.matcher(Files.readString(page)).results().toList()) {
                if (block.group(1).isEmpty()) {
                    Matcher java = JAVA_LINE.matcher(block.group(2));
                    assertThat(java.find()).as("%s has Java in a block without that word: %s", page, block.group(2)).isFalse();
                }
            }
        }
    }

    @Test
    void translationsHaveTheSameSnippets() throws IOException {
        for (Path chinese : translations()) {
            assertThat(withoutComments(chinese)).as(chinese.toString()).isEqualTo(withoutComments(original(chinese)));
        }
        assertThat(blocks(ROOT.resolve("README.zh-CN.md"))).isNotEmpty();
    }

    @Test
    void translationsHaveTheSameExpressionsInTheText() throws IOException {
        for (Path chinese : translations()) {
            assertThat(expressions(chinese)).as(chinese.toString()).isEqualTo(expressions(original(chinese)));
        }
    }

    @Test
    void aPageAndItsTranslationLinkToEachOtherAtTheirHead() throws IOException {
        for (Path chinese : translations()) {
            Path english = original(chinese);
            assertThat(head(chinese)).as(chinese.toString()).contains("[English](" + english.getFileName() + ") | 简体中文");
            assertThat(head(english)).as(english.toString()).contains("English | [简体中文](" + chinese.getFileName() + ")");
        }
    }

    @Test
    void theModelTestIsTheRealOne() throws IOException {
        assertThat(blocks(ROOT.resolve("CONTRIBUTING.md"))).contains("```java\n" + Files.readString(MODEL_TEST) + "```");
    }

    private static List<String> blocks(Path page) throws IOException {
        return BLOCK.matcher(Files.readString(page)).results().map(MatchResult::group).toList();
    }

    private static List<Path> translations() throws IOException {
        try (Stream<Path> site = Files.list(ROOT.resolve("src/site/markdown"))) {
            List<Path> translations = Stream.concat(Stream.of(ROOT.resolve("README.zh-CN.md")),
                    site.filter(path -> path.toString().endsWith(CHINESE)).sorted()).toList();
            assertThat(translations).hasSizeGreaterThan(3);
            return translations;
        }
    }

    private static Path original(Path translation) {
        return translation.resolveSibling(translation.getFileName().toString().replace(CHINESE, ".md"));
    }

    /** Comments are translated. */
    private static List<String> withoutComments(Path page) throws IOException {
        return blocks(page).stream().map(block -> block.replaceAll(" +// .*", "")).toList();
    }

    /** Sorted, as a translation may turn a sentence around. */
    private static List<String> expressions(Path page) throws IOException {
        return EXPRESSION.matcher(BLOCK.matcher(Files.readString(page)).replaceAll("")).results().map(MatchResult::group)
                .sorted().toList();
    }

    private static List<String> head(Path page) throws IOException {
        return Files.readAllLines(page).stream().limit(8).toList();
    }

    private static List<Path> pages() throws IOException {
        List<Path> pages = new ArrayList<>(List.of(ROOT.resolve("README.md"), ROOT.resolve("SECURITY.md"),
                ROOT.resolve("CONTRIBUTING.md")));
        try (Stream<Path> site = Files.walk(ROOT.resolve("src/site/markdown"))) {
            site.filter(path -> path.toString().endsWith(".md")).sorted().forEach(pages::add);
        }
        return pages;
    }

    /** This library's classes by name, so that they hide those of Deeplearning4j with the same one. */
    private static String imports() throws IOException {
        StringBuilder imports = new StringBuilder();
        Path ours = ROOT.resolve("dl4j-norm-layers/src/main/java/io/github/dl4jnorm");
        for (String part : List.of("conf", "keras", "model", "onnx", "ops", "parallel")) {
            try (Stream<Path> files = Files.list(ours.resolve(part))) {
                for (Path file : files.sorted().toList()) {
                    String name = file.getFileName().toString().replace(".java", "");
                    String code = Files.readString(file);
                    if (Pattern.compile("^public .*\\b" + name + "\\b", Pattern.MULTILINE).matcher(code).find()) {
                        imports.append("import io.github.dl4jnorm.%s.%s;%n".formatted(part, name));
                    }
                }
            }
        }
        for (String other : List.of("java.io", "java.nio.file", "java.util", "java.util.function", "java.util.zip",
                "org.deeplearning4j.datasets.iterator.utilty", "org.deeplearning4j.nn.conf", "org.deeplearning4j.nn.conf.graph",
                "org.deeplearning4j.nn.conf.inputs", "org.deeplearning4j.nn.conf.layers",
                "org.deeplearning4j.nn.graph", "org.deeplearning4j.nn.conf.preprocessor", "org.deeplearning4j.nn.multilayer",
                "org.deeplearning4j.nn.transferlearning", "org.deeplearning4j.nn.weights", "org.deeplearning4j.parallelism",
                "org.nd4j.autodiff.samediff", "org.nd4j.linalg.activations", "org.nd4j.linalg.api.buffer",
                "org.nd4j.linalg.api.ndarray", "org.nd4j.linalg.dataset", "org.nd4j.linalg.dataset.api.iterator",
                "org.nd4j.linalg.factory", "org.nd4j.linalg.learning.config")) {
            imports.append("import %s.*;%n".formatted(other));
        }
        return imports + "import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;\n";
    }

    private static String method(Path page, int number, String code) {
        String name = (page.startsWith(NORMS) ? OF_NORM : "") + page.getFileName().toString().replaceAll("\\W", "_") + "_"
                + number;
        return "public void " + name + "() throws Exception {\n" + code + "\n}\n";
    }

    private static JavaFileObject file(String name, String text) {
        return new SimpleJavaFileObject(URI.create("string:///" + name + ".java"), JavaFileObject.Kind.SOURCE) {
            @Override
            public CharSequence getCharContent(boolean ignoreEncodingErrors) {
                return text;
            }
        };
    }
}
