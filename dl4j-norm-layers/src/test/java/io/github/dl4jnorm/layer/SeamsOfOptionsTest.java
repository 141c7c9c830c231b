// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import java.io.IOException;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;

/** As {@link SeamsTest}, for every norm with each of its switches the other way. */
@Tag("full")
@Tag("once")
class SeamsOfOptionsTest {
    private static final SeamTable TABLE = new SeamTable("options");

    @TestFactory
    Stream<DynamicNode> everyCellOfAnyOptionWorksOrIsRefused() {
        return TABLE.tests(SeamRow.otherOptions());
    }

    @AfterAll
    static void writeTheTable() throws IOException {
        TABLE.write();
    }
}
