// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicContainer.dynamicContainer;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import io.github.dl4jnorm.kernel.Kernels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.TestFactory;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.factory.Nd4j;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Every layer, vertex and wrapper against every feature of the library and of Deeplearning4j that it can meet. Each cell
 * works, which is asserted against a copy, an equivalence or plain arithmetic, or is refused with a message that says why:
 * none silently does nothing or loses a number. A norm enters the table by being in the factory, any other layer by being
 * in the package {@code conf}. What became of each cell is in {@code target/seams-KERNELS.md}.
 */
class SeamsTest {
    private static final Logger LOG = LoggerFactory.getLogger(SeamsTest.class);
    private static final Map<String, Map<String, Seam.Answer>> ANSWERS = new ConcurrentHashMap<>();

    private static Map<String, Seam> columns() {
        Map<String, Seam> columns = new LinkedHashMap<>();
        columns.putAll(SurgerySeams.all());
        columns.putAll(SavingSeams.all());
        columns.putAll(TrainingSeams.all());
        columns.putAll(ArraySeams.all());
        return columns;
    }

    @TestFactory
    Stream<DynamicNode> everyCellWorksOrIsRefused() {
        List<SeamRow> rows = SeamRow.all();
        return columns().entrySet().stream().map(column -> dynamicContainer(column.getKey(), rows.stream()
                .map(row -> dynamicTest(column.getKey() + ": " + row, () -> check(column.getKey(), column.getValue(), row)))));
    }

    private static void check(String column, Seam seam, SeamRow row) throws Exception {
        Nd4j.setDefaultDataTypes(DataType.FLOAT, DataType.FLOAT);
        try {
            Seam.Answer answer = seam.of(row);
            assertThat(answer.works() || !answer.refusal().isBlank()).isTrue();
            ANSWERS.computeIfAbsent(row.name(), key -> new ConcurrentHashMap<>()).put(column, answer);
        } catch (Exception | AssertionError e) {
            throw new AssertionError(column + ": " + row + ": " + e.getMessage(), e);
        }
    }

    @AfterAll
    static void writeTheTable() throws IOException {
        long works = ANSWERS.values().stream().flatMap(row -> row.values().stream()).filter(Seam.Answer::works).count();
        long all = ANSWERS.values().stream().mapToLong(Map::size).sum();
        LOG.info("seams: {} cells, {} work, {} are refused with a reason", all, works, all - works);
        StringBuilder table = new StringBuilder("| row | works | left out or refused, and why |\n|---|---|---|\n");
        new TreeMap<>(ANSWERS).forEach((row, cells) -> {
            table.append("| ").append(row).append(" | ").append(cells.values().stream().filter(Seam.Answer::works).count())
                    .append(" | ");
            new TreeMap<>(cells).forEach((column, answer) -> {
                if (!answer.works()) {
                    table.append(column).append(": ").append(answer.refusal().replace('\n', ' ')).append("<br>");
                }
            });
            table.append(" |\n");
        });
        Files.writeString(Path.of("target", "seams-" + Kernels.get().name() + ".md"), table);
    }
}
