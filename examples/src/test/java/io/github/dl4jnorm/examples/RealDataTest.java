// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javax.imageio.ImageIO;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Studies of images that lie in a directory, repeated with several seeds, and drawn as a file. */
@Tag("full")
class RealDataTest {
    @TempDir
    private Path directory;

    @BeforeEach
    void writeImages() throws Exception {
        IdxWriter.write(GeneratedDigits.create(200, 1), directory, "t10k", false);
    }

    private List<String> lines(String study) {
        return Output.of(("study " + study + " --data " + directory).split(" ")).lines().toList();
    }

    /** Of a chart that any program can read. */
    private static String title(Path file) throws Exception {
        assertThat(Files.readString(file)).contains("prefers-color-scheme:dark").doesNotContain("NaN", "rgb(1,0,0)");
        return DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(file.toFile())
                .getElementsByTagName("title").item(0).getTextContent();
    }

    @Test
    void batchSizesOfSeveralRunsHaveMeansAndAThinLineForEach() throws Exception {
        Path file = directory.resolve("c.svg");
        List<String> lines = lines("batch-size --norms group,none --examples 60 --epochs 1 --runs 2 --chart " + file);
        assertThat(lines).anyMatch(line -> line.endsWith("   (means of 2 runs, standard deviations)"))
                .anyMatch(line -> line.matches("group( +\\d+\\.\\d \\(\\d+\\.\\d\\) %){4}"));
        assertThat(title(file)).isEqualTo("Test accuracy by batch size, %");
        assertThat(Files.readString(file)).contains(">group</text>", ">none</text>", "stroke-width:0.7");
    }

    /** Only with a mask does padding make no difference. */
    @Test
    void rowsOfImagesAreSequencesWhosePaddingIsMasked() throws Exception {
        Path file = directory.resolve("c.svg");
        List<String> lines = lines("sequence --examples 100 --epochs 2 --chart " + file);
        for (String norm : List.of("none", "batch", "layer")) {
            String line = lines.stream().filter(one -> one.startsWith(norm + "  ")).findFirst().orElseThrow();
            String[] columns = line.split(" +");
            assertThat(columns[4]).as(line).isEqualTo(columns[2]);
        }
        assertThat(lines).anyMatch(line -> line.startsWith("layer, no mask  "));
        assertThat(title(file)).isEqualTo("Test accuracy by epoch, %");
    }

    @Test
    void digitsAreAContentToTransferStylesTo() throws Exception {
        Path file = directory.resolve("style.png");
        assertThat(lines("style --size 48 --out " + file)).filteredOn(line -> line.startsWith("digits ")).hasSize(4);
        assertThat(ImageIO.read(file.toFile()).getHeight()).isEqualTo(20 + 4 * 48);
    }

    @Test
    void tooFewImagesAreAnError() {
        StringWriter errors = new StringWriter();
        PrintWriter writer = new PrintWriter(errors, true);
        assertThat(Main.execute(writer, "study", "sequence", "--data", directory.toString())).isEqualTo(2);
        assertThat(errors.toString()).contains("has 160 images for training, not 800");
        assertThat(Main.execute(writer, "study", "sequence", "--chart", "/no/such/place/x.svg")).isEqualTo(2);
        assertThat(errors.toString()).contains("--chart: the directory of /no/such/place/x.svg does not exist");
    }
}
