// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.model.FastConvolution;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;

/** What the program prints. */
final class Output {
    private Output() {
    }

    /** What it says where oneDNN runs so many layers, also on a platform for which there is no oneDNN. */
    static String convolutions(int count) {
        return FastConvolution.missing() == null ? String.format("oneDNN (%d of %d layers)", count, count)
                : "Deeplearning4j (no oneDNN)";
    }

    /** Runs it, which has to end well. */
    static String of(String... args) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        PrintStream before = System.out;
        System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
        try {
            int exit = Main.execute(new PrintWriter(out, true, StandardCharsets.UTF_8), args);
            assertThat(exit).as("%s", out.toString(StandardCharsets.UTF_8)).isZero();
        } finally {
            System.setOut(before);
        }
        return out.toString(StandardCharsets.UTF_8);
    }
}
