// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.pages;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every norm has a page in {@code src/site/markdown/norms}, and what the pages say of it is what its definition says. After a
 * change, write them anew and commit them:
 *
 * <pre>
 * mvn -B -ntp -pl dl4j-norm-layers test-compile surefire:test@default-test -Dtest=NormPagesTest -Dpages.update=true
 * </pre>
 */
@Tag("once")
class NormPagesTest {
    private static final String UPDATE = "pages.update";
    private static final Path INDEX = NormPage.SITE.resolve("norms/index.md");

    static List<NormPage> pages() {
        return NormPages.all();
    }

    @ParameterizedTest
    @MethodSource("pages")
    void everyNormHasAPageThatSaysWhatItsDefinitionSays(NormPage page) throws IOException {
        assertThat(page.file()).as("the page of %s: write its title, a sentence and the sections that the other pages have",
                page.type().getSimpleName()).exists();
        assertThat(page.hand()).startsWith("# ").contains("\n## When to use it\n", "\n## Example\n\n```java\n",
                "\n## PyTorch and Keras\n");
        assertWritten(page.file(), page.text());
        String picture = page.picture();
        if (picture != null) {
            assertWritten(page.pictureFile(), picture);
        }
    }

    @Test
    void theIndexAndTheDictionaryListThem() throws IOException {
        assertWritten(INDEX, NormPage.hand(INDEX) + NormPage.MARK + NormPages.index());
        Path dictionary = NormPage.SITE.resolve("dictionary.md");
        assertWritten(dictionary, NormPage.hand(dictionary) + NormPage.MARK + NormPages.dictionary());
    }

    @Test
    void noPageIsAboutANormThatIsGone() throws IOException {
        Set<Path> known = Stream.concat(Stream.of(INDEX), pages().stream().map(NormPage::file)).collect(Collectors.toSet());
        try (Stream<Path> files = Files.list(INDEX.getParent())) {
            assertThat(files.filter(file -> file.toString().endsWith(".md"))).allMatch(known::contains);
        }
    }

    private static void assertWritten(Path file, String text) throws IOException {
        if (Boolean.getBoolean(UPDATE)) {
            Files.createDirectories(file.getParent());
            Files.writeString(file, text);
        }
        assertThat(file).as("run this test with -D%s=true and commit the file", UPDATE).hasContent(text);
    }
}
