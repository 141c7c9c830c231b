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
import org.junit.jupiter.api.DynamicNode;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.factory.Nd4j;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Rows of the table of seams against all columns, and what became of each cell. */
final class SeamTable {
    private static final Logger LOG = LoggerFactory.getLogger(SeamTable.class);

    private final String name;
    private final Map<String, Map<String, Seam.Answer>> answers = new ConcurrentHashMap<>();

    SeamTable(String name) {
        this.name = name;
    }

    /** All columns. */
    static Map<String, Seam> columns() {
        Map<String, Seam> columns = ofNetworks();
        columns.putAll(ArraySeams.all());
        return columns;
    }

    /** Columns that depend on kernels no more than any training does. */
    static Map<String, Seam> ofNetworks() {
        Map<String, Seam> columns = new LinkedHashMap<>();
        columns.putAll(SurgerySeams.all());
        columns.putAll(SavingSeams.all());
        columns.putAll(TrainingSeams.all());
        return columns;
    }

    Stream<DynamicNode> tests(List<SeamRow> rows, Map<String, Seam> columns) {
        return columns.entrySet().stream().map(column -> dynamicContainer(column.getKey(), rows.stream()
                .map(row -> dynamicTest(column.getKey() + ": " + row, () -> check(column.getKey(), column.getValue(), row)))));
    }

    private void check(String column, Seam seam, SeamRow row) {
        Nd4j.setDefaultDataTypes(DataType.FLOAT, DataType.FLOAT);
        try {
            Seam.Answer answer = seam.of(row);
            assertThat(answer.works() || !answer.refusal().isBlank()).isTrue();
            answers.computeIfAbsent(row.toString(), key -> new ConcurrentHashMap<>()).put(column, answer);
        } catch (Exception | AssertionError e) {
            throw new AssertionError(column + ": " + row + ": " + e.getMessage(), e);
        }
    }

    /** Writes target/seams-NAME-KERNELS.md. */
    void write() throws IOException {
        long works = answers.values().stream().flatMap(row -> row.values().stream()).filter(Seam.Answer::works).count();
        long all = answers.values().stream().mapToLong(Map::size).sum();
        LOG.info("seams, {}: {} cells, {} work, {} are refused with a reason", name, all, works, all - works);
        StringBuilder table = new StringBuilder("| row | works | left out or refused, and why |\n|---|---|---|\n");
        new TreeMap<>(answers).forEach((row, cells) -> {
            table.append("| ").append(row).append(" | ").append(cells.values().stream().filter(Seam.Answer::works).count())
                    .append(" | ");
            new TreeMap<>(cells).forEach((column, answer) -> {
                if (!answer.works()) {
                    table.append(column).append(": ").append(answer.refusal().replace('\n', ' ')).append("<br>");
                }
            });
            table.append(" |\n");
        });
        Files.writeString(Path.of("target", "seams-" + name + "-" + Kernels.get().name() + ".md"), table);
    }
}
