// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import io.github.dl4jnorm.Thinned;
import java.io.IOException;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;

/** What {@link SeamsTest} leaves out: every norm with each of its switches the other way, and networks on the other kernels. */
@Tag("full")
class SeamsOfOptionsTest {
    private static final SeamTable TABLE = new SeamTable("options");

    @TestFactory
    Stream<DynamicNode> everyCellLeftOutWorksOrIsRefused() {
        return Thinned.onVectors() ? TABLE.tests(SeamRow.otherOptions(), SeamTable.columns())
                : TABLE.tests(SeamRow.all(), SeamTable.ofNetworks());
    }

    @AfterAll
    static void writeTheTable() throws IOException {
        TABLE.write();
    }
}
