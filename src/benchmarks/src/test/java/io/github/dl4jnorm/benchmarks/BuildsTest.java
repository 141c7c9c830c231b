// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.dl4jnorm.benchmarks.Builds.Row;
import io.github.dl4jnorm.conf.NormLayer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class BuildsTest {
    @Test
    void bothPassesOfTheCasesAreMeasuredForBothBuilds() throws Exception {
        Path library = Path.of(NormLayer.class.getProtectionDomain().getCodeSource().getLocation().toURI());
        List<Row> rows = new ArrayList<>();
        Builds.compare(library, library, Pattern.compile("rows-32x64"), 200_000_000, rows::add);
        assertThat(rows).extracting(Row::pass).containsExactly(Task.FORWARD, Task.BOTH);
        assertThat(rows).allSatisfy(row -> {
            assertThat(row.name()).isEqualTo("layer-rows-32x64");
            assertThat(row.first()).isPositive();
            assertThat(row.second()).isPositive();
            // The same twice: no more than noise, and that of a busy machine.
            assertThat(row.ratio()).isBetween(0.1, 10.0);
        });
    }

    @Test
    void whatIsNoBuildIsNamed() {
        assertThatIllegalArgumentException().isThrownBy(() -> Builds.main(new String[]{"no.jar", "none.jar", "batch"}))
                .withMessageContaining("no.jar");
    }
}
