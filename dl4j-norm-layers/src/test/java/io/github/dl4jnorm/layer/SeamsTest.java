// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import io.github.dl4jnorm.Thinned;
import java.io.IOException;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;

/**
 * Every layer, vertex and wrapper against every feature of the library and of Deeplearning4j that it can meet. Each cell
 * works, which is asserted against a copy, an equivalence or plain arithmetic, or is refused with a message that says why:
 * none silently does nothing or loses a number. A norm enters the table by being in the factory, any other layer by being
 * in the package {@code conf}. What became of each cell is in {@code target/seams-defaults-KERNELS.md}.
 */
@Tag("long")
@Tag("vectors-first")
class SeamsTest {
    private static final SeamTable TABLE = new SeamTable("defaults");

    @TestFactory
    Stream<DynamicNode> everyCellWorksOrIsRefused() {
        return TABLE.tests(SeamRow.all(), Thinned.onVectors() ? SeamTable.columns() : ArraySeams.all());
    }

    @AfterAll
    static void writeTheTable() throws IOException {
        TABLE.write();
    }
}
