// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.kernel.Kernels;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Graphs go from one process to another and back. */
@Tag("once")
@Tag("full")
class OtherProcessTest {
    private static final String VECTORS = "jdk.incubator.vector";

    @TempDir
    private Path directory;

    @Test
    void anotherProcessLoadsAGraphAndTrainsItOn() throws IOException, InterruptedException {
        SameDiff sd = TestGraph.create();
        sd.fit(TestGraph.iterator(TestGraph.data(48), 16), 1);
        File saved = file("saved");
        sd.save(saved, true);
        INDArray expected = TestGraph.predict(sd, TestGraph.data(24).getFeatures());
        sd.fit(TestGraph.iterator(TestGraph.data(48), 16), 1);

        run(saved.toString(), file("predictions").toString(), file("trained").toString());

        assertSame(Nd4j.readBinary(file("predictions")), expected);
        SameDiff trained = SameDiff.load(file("trained"), true);
        assertSame(trained.getVariable("weights").getArr(), sd.getVariable("weights").getArr());
        assertSame(trained.getVariable("gamma").getArr(), sd.getVariable("gamma").getArr());
        assertSame(TestGraph.predict(trained, TestGraph.data(24).getFeatures()),
                TestGraph.predict(sd, TestGraph.data(24).getFeatures()));
    }

    private File file(String name) {
        return directory.resolve(name).toFile();
    }

    private void run(String... args) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
        if (ModuleLayer.boot().findModule(VECTORS).isPresent()) {
            command.addAll(List.of("--add-modules", VECTORS));
        }
        command.addAll(List.of("-Xmx1g", "-D" + Kernels.PROPERTY + "=" + Kernels.get().name(),
                "-cp", System.getProperty("java.class.path"), OtherProcess.class.getName()));
        command.addAll(Arrays.asList(args));
        File log = file("log");
        Process process = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log).start();
        boolean ended = process.waitFor(2, TimeUnit.MINUTES);
        if (!ended) {
            process.destroyForcibly();
        }
        assertThat(ended && process.exitValue() == 0).as(Files.readString(log.toPath())).isTrue();
    }

    private static void assertSame(INDArray actual, INDArray expected) {
        assertThat(actual.shape()).isEqualTo(expected.shape());
        assertThat(Arrays.mismatch(actual.dup('c').data().asDouble(), expected.dup('c').data().asDouble()))
                .as("first difference").isEqualTo(-1);
    }
}
