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
    private static final int BOTH_STOCK = 7;
    private static final int BOTH_LIBTORCH = 8;

    @Test
    void theRatiosAreThoseMeasured() throws IOException {
        List<String> stock = row("### Ratios", "stock / vector", "forward+backward");
        List<String> libtorch = row("### Ratios", "vector / libtorch", "forward+backward");
        String slowest = factor(1 / number(libtorch.get(5)));
        String fastest = "–%.0f".formatted(1 / number(libtorch.get(4)));
        for (Map.Entry<String, String> readme : READMES.entrySet()) {
            assertThat(text(readme.getKey())).as(readme.getKey())
                    .contains("%.0f%s".formatted(number(stock.get(3)), readme.getValue()))
                    .contains("%.0f–%.0f%s".formatted(number(stock.get(5)), number(stock.get(4)), readme.getValue()))
                    .contains(factor(1 / number(libtorch.get(3))) + readme.getValue())
                    .contains(slowest + fastest + readme.getValue());
        }
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
