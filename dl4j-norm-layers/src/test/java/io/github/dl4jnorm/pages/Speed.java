// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.pages;

import java.util.List;
import java.util.stream.IntStream;

/** What was measured of a norm, as the page on performance has it. */
final class Speed {
    private Speed() {
    }

    /** The rows of the measurements that begin with the name of the norm, or with it and an option. */
    static String of(String norm) {
        String page = NormPage.read(NormPage.SITE.resolve("performance.md"));
        String tables = page.substring(page.indexOf("### Forward and backward"));
        String name = "\\| " + norm + "(?: \\+ ReLU|, .*)? \\|.*";
        List<String[]> rows = tables.lines().filter(line -> line.matches(name)).map(NormPage::cells).toList();
        List<String> head = List.of(NormPage.cells(tables.lines().filter(line -> line.startsWith("| norm")).findFirst()
                .orElseThrow()));
        if (rows.isEmpty()) {
            return "";
        }
        int[] columns = IntStream.of(0, 1, 2, head.indexOf("vector"), head.indexOf("libtorch"), head.indexOf("stock"))
                .filter(column -> rows.stream().anyMatch(row -> !row[column].equals("–"))).toArray();
        String machine = page.lines().filter(line -> line.startsWith("Forward + backward of the vector kernels")).findFirst()
                .orElseThrow().replaceFirst(":$", ", in milliseconds:");
        StringBuilder text = new StringBuilder("\n## Speed\n\n" + machine + "\n\n");
        text.append(NormPage.table(IntStream.of(columns).mapToObj(column -> head.get(column).replace("vector", "this library")
                .replace("stock", "Deeplearning4j")).toArray(String[]::new)));
        rows.forEach(row -> text.append(NormPage.row(IntStream.of(columns).mapToObj(column -> row[column]).toArray())));
        return text + "\n[Method and more measurements](../performance.md)\n";
    }
}
