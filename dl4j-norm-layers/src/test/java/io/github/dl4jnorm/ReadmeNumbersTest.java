// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.convolution.OneDnn;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Numbers and picture of README and home page are those of the measurements in performance.md, and the README stays short. */
@Tag("once")
class ReadmeNumbersTest {
    private static final Path ROOT = Path.of(System.getProperty("basedir", ".")).resolve("..");
    private static final Path SITE = ROOT.resolve("src/site/markdown");
    /** Each with its word for "times". */
    private static final Map<String, String> READMES = Map.of("README.md", "×", "README.zh-CN.md", " 倍",
            "src/site/markdown/index.md", "×", "src/site/markdown/index.zh-CN.md", " 倍");
    private static final int BOTH_VECTOR = 4;
    private static final int BOTH_STOCK = 5;
    private static final int BOTH_LIBTORCH = 6;
    private static final int SMALLEST = 5;
    private static final int LARGEST = 6;

    /** Of the tables, and of both processors. Columns: processor, JDK, Deeplearning4j, libtorch, where libtorch is faster. */
    @Test
    void theRatiosAreThoseMeasured() throws IOException {
        List<String> stock = row("### Ratios", "stock / vector", "forward+backward");
        List<String> libtorch = row("### Ratios", "vector / libtorch", "forward+backward");
        List<String> first = row("### Machines", "AMD EPYC (Zen 4)");
        List<String> second = row("### Machines", "Intel Xeon (Cascade Lake, 2.5 GHz), kernels of version 0.1.0");
        assertThat(first.get(2)).isEqualTo("%.0f (%.0f–%.0f)".formatted(number(stock.get(3)), number(stock.get(SMALLEST)),
                number(stock.get(LARGEST))));
        assertThat(first.get(3)).isEqualTo("%s (%s–%.0f)".formatted(factor(1 / number(libtorch.get(3))),
                factor(1 / number(libtorch.get(LARGEST))), 1 / number(libtorch.get(SMALLEST))));
        assertThat(first.get(4)).isEqualTo(libtorch.get(4));
        for (Map.Entry<String, String> readme : READMES.entrySet()) {
            String times = readme.getValue();
            assertThat(text(readme.getKey())).as(readme.getKey()).contains(
                    span(first.get(2), second.get(2), 0) + times, span(first.get(2), second.get(2), 1) + times,
                    span(first.get(3), second.get(3), 0) + times, span(first.get(3), second.get(3), 1) + times,
                    first.get(4) + "–" + second.get(4));
        }
    }

    /** From the lower to the higher of the means of two cells, or of all their numbers in parentheses. */
    private static String span(String one, String other, int group) {
        List<String> numbers = Stream.of(one, other)
                .flatMap(cell -> Stream.of(cell.replace(")", "").split(" \\(")[group].split("–")))
                .sorted(Comparator.comparingDouble(Double::parseDouble)).toList();
        return numbers.get(0) + "–" + numbers.get(numbers.size() - 1);
    }

    /** Columns of the table of steps: network, norm, Deeplearning4j, the same with fast convolutions, this library, libtorch. */
    @Test
    void theTrainingStepsAreThoseMeasured() throws IOException {
        List<Double> asLibtorch = new ArrayList<>();
        for (String network : List.of("CNN", "ResNet", "U-Net")) {
            List<String> row = rowOf("fast-convolution.md", "## Speed", network, "batch");
            double ours = number(row.get(4));
            asLibtorch.add(number(row.get(5)) / ours);
            for (Map.Entry<String, String> readme : READMES.entrySet()) {
                assertThat(text(readme.getKey())).as(readme.getKey())
                        .contains("%.0f%s".formatted(number(row.get(2)) / ours, readme.getValue()));
            }
            if (network.equals("CNN")) {
                assertThat(Files.readString(SITE.resolve("performance.md"))).contains(row.get(2) + " ms", row.get(3) + " ms",
                        row.get(4).replace("*", "") + " ms", row.get(5) + " ms");
            }
        }
        for (Map.Entry<String, String> readme : READMES.entrySet()) {
            assertThat(text(readme.getKey())).as(readme.getKey()).contains(factor(Collections.min(asLibtorch)) + "–"
                    + factor(Collections.max(asLibtorch)) + readme.getValue());
        }
    }

    /** What an error tells users to add is what was built and tested with. */
    @Test
    void theVersionOfOneDnnIsThatOfTheBuild() throws IOException {
        String version = OneDnn.DEPENDENCY.substring(OneDnn.DEPENDENCY.lastIndexOf(':') + 1);
        assertThat(text("pom.xml")).contains("<dnnl.version>" + version + "</dnnl.version>");
        for (String page : List.of("fast-convolution.md", "install.md")) {
            assertThat(Files.readString(SITE.resolve(page))).as(page).contains("dnnl-platform").contains(version);
        }
    }

    @Test
    void thePictureShowsTheMeasuredTimes() throws IOException {
        String picture = image("stock.svg");
        for (String norm : List.of("batch", "batch + ReLU")) {
            List<String> row = row("### Forward and backward", norm, "nchw", "32x64x56x56");
            assertThat(picture).contains(">" + row.get(BOTH_STOCK) + " ms<", ">" + row.get(BOTH_LIBTORCH) + " ms<",
                    ">" + row.get(BOTH_VECTOR) + " ms<");
        }
    }

    /** Shapes, positions and numbers are the same; only words differ. */
    @Test
    void theChinesePicturesDrawTheSame() throws IOException {
        for (String name : List.of("stock", "norm-axes")) {
            String chinese = image(name + ".zh.svg");
            assertThat(drawing(chinese)).as(name).isNotEmpty().isEqualTo(drawing(image(name + ".svg")));
            assertThat(chinese).as(name).containsPattern("\\p{IsHan}");
        }
    }

    @Test
    void aReadmeIsReadInOneSitting() throws IOException {
        assertThat(text("README.md").getBytes(StandardCharsets.UTF_8)).hasSizeLessThanOrEqualTo(9_000);
        assertThat(text("README.zh-CN.md").getBytes(StandardCharsets.UTF_8)).hasSizeLessThanOrEqualTo(9_500);
    }

    private static String image(String name) throws IOException {
        return Files.readString(SITE.resolve("images").resolve(name));
    }

    /** Every tag behind the style sheet, with its attributes, and every measured time. */
    private static List<String> drawing(String picture) {
        String shapes = picture.substring(picture.indexOf("<rect"));
        return Pattern.compile("<[^>]+>|(?<=>)[\\d.]+ ms(?=<)").matcher(shapes).results().map(MatchResult::group).toList();
    }

    private static String factor(double times) {
        return String.format(Locale.ROOT, "%.1f", times);
    }

    private static String text(String readme) throws IOException {
        return Files.readString(ROOT.resolve(readme));
    }

    /** The cells of the first row under a heading that begins like this. */
    private static List<String> row(String heading, String... begin) throws IOException {
        return rowOf("performance.md", heading, begin);
    }

    private static List<String> rowOf(String file, String heading, String... begin) throws IOException {
        String page = Files.readString(SITE.resolve(file));
        return page.substring(page.indexOf(heading)).lines().filter(line -> line.startsWith("|"))
                .map(line -> Stream.of(line.substring(1).split("\\|")).map(String::trim).toList())
                .filter(cells -> cells.subList(0, begin.length).equals(List.of(begin))).findFirst().orElseThrow();
    }

    /** Without the case in parentheses, and without marks. */
    private static double number(String cell) {
        return Double.parseDouble(cell.replaceAll(" .*|[,*]", ""));
    }
}
