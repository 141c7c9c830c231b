// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm;

import io.github.dl4jnorm.spark.SparkPopulationStatistics;
import java.io.IOException;
import java.net.URISyntaxException;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * The public API is what {@code src/test/resources/api} says. If a change of it is wanted, write the file anew with
 * {@code -Dapi.update=true}, and commit it together with the change:
 *
 * <pre>
 * mvn -B -ntp -P spark -pl dl4j-norm-spark -am test -Dtest=SparkApiTest -Dsurefire.failIfNoSpecifiedTests=false -Dapi.update=true
 * </pre>
 */
class SparkApiTest {
    @Test
    void theApiIsTheOneListed() throws IOException, URISyntaxException {
        new ApiFile("spark.txt", SparkPopulationStatistics.class, List.of("spark")).check();
    }
}
