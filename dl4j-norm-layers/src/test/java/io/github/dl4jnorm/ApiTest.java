// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm;

import io.github.dl4jnorm.conf.NormLayer;
import java.io.IOException;
import java.net.URISyntaxException;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The public API is what {@code src/test/resources/api} says: a change of it is one that somebody wanted. If it is, write the
 * files anew with {@code -Dapi.update=true}, and commit them together with the change:
 *
 * <pre>
 * mvn -B -ntp -pl dl4j-norm-layers test-compile surefire:test@default-test -Dtest=ApiTest -Dapi.update=true
 * </pre>
 */
@Tag("once")
class ApiTest {
    /** A file of the listing. */
    enum Part {
        /** What applications use: changes need a line in the change log. */
        USERS("conf", "model", "ops", "parallel", "keras", "onnx"),
        /** What is public for the other packages of this library. */
        INNER("norm", "layer", "pass", "kernel", "convolution");

        private final ApiFile file;

        Part(String... packages) {
            file = new ApiFile(name().toLowerCase() + ".txt", NormLayer.class, List.of(packages));
        }
    }

    @ParameterizedTest
    @EnumSource
    void theApiIsTheOneListed(Part part) throws IOException, URISyntaxException {
        part.file.check();
    }
}
