// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The example as a program: what it prints, what it saves, how it ends. */
class SparkProgramTest {
    private static final String EPOCH = "  test loss \\d\\.\\d{4}  test accuracy \\d+\\.\\d+ %  \\d+\\.\\d s$";

    @TempDir
    private Path directory;

    private int exit;

    private String run(String... args) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        PrintStream before = System.out;
        System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
        try {
            exit = SparkTrainConvNet.execute(new PrintWriter(out, true, StandardCharsets.UTF_8), args);
        } finally {
            System.setOut(before);
        }
        return out.toString(StandardCharsets.UTF_8);
    }

    @Test
    void itTrainsSavesAndGoesOn() {
        Path model = directory.resolve("model.zip");
        String first = run("--channels", "2", "--batch", "200", "--epochs", "1", "--save", model.toString());
        assertThat(exit).as(first).isZero();
        assertThat(first).startsWith("20 batches of 200 examples, 2 workers on local[2], averaging")
                .containsPattern("(?m)^epoch 1" + EPOCH)
                .containsPattern("(?m)^conv1-norm all 2 channels: means within \\d\\.\\d+ standard deviations");
        String second = run("--batch", "200", "--epochs", "2", "--resume", model.toString());
        assertThat(exit).as(second).isZero();
        assertThat(second).startsWith("resuming " + model + " after epoch 1").containsPattern("(?m)^epoch 2" + EPOCH)
                .doesNotContain("epoch 1  ").contains("conv1-norm all 2 channels");
        assertThat(run("--resume", model.toString(), "--epochs", "1")).contains("has already completed epoch 1")
                .hasLineCount(1);
        assertThat(exit).isEqualTo(2);
    }

    @Test
    void itSharesGradients() {
        String output = run("--mode", "gradients", "--channels", "2", "--batch", "500", "--epochs", "1");
        assertThat(exit).as(output).isZero();
        assertThat(output).startsWith("8 batches of 500 examples, 2 workers on local[2], gradients")
                .containsPattern("(?m)^epoch 1" + EPOCH).containsPattern("conv3-norm all 4 channels: means within 0\\.000 ");
    }

    /** Two executors in processes of their own; one of them is killed, and the network is that of an undisturbed training. */
    @Test
    void aKilledWorkerChangesNothing() throws InterruptedException {
        String[] args = {"--mode", "synchronized", "--channels", "2", "--batch", "200", "--epochs", "2"};
        String undisturbed = run(args);
        assertThat(exit).as(undisturbed).isZero();
        AtomicBoolean killed = new AtomicBoolean();
        Thread killer = new Thread(() -> killed.set(killOneOfTwoExecutors()));
        killer.start();
        String output = run(Stream.concat(Stream.of(args), Stream.of("--master", "local-cluster[2,1,1024]"))
                .toArray(String[]::new));
        killer.join();
        assertThat(killed).isTrue();
        assertThat(exit).as(output).isZero();
        assertThat(results(output)).isEqualTo(results(undisturbed)).hasSizeGreaterThan(5);
    }

    /** Lines without names of the master and seconds. */
    private static List<String> results(String output) {
        return output.lines().skip(1).map(line -> line.replaceFirst(" +\\d+\\.\\d s$", "")).toList();
    }

    private static boolean killOneOfTwoExecutors() {
        try {
            for (int tries = 0; tries < 600; tries++) {
                List<ProcessHandle> executors = ProcessHandle.current().children()
                        .filter(process -> process.info().command().orElse("").endsWith("java")).toList();
                if (executors.size() == 2 && executors.get(1).info().totalCpuDuration().orElse(Duration.ZERO)
                        .compareTo(Duration.ofSeconds(3)) > 0) {
                    return executors.get(1).destroyForcibly();
                }
                Thread.sleep(100);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return false;
    }

    @Test
    void whatIsWrongIsSaidInOneLine() throws IOException {
        Path broken = Files.writeString(directory.resolve("broken.zip"), "nothing");
        assertThat(run("--mode", "rumour")).startsWith("error: ").contains("--mode").hasLineCount(1);
        assertThat(exit).isEqualTo(2);
        assertThat(run("--mode", "all", "--save", directory.resolve("model.zip").toString())).startsWith("error: --mode all ")
                .hasLineCount(1);
        assertThat(exit).isEqualTo(2);
        assertThat(run("--epochs", "0")).startsWith("error: ").contains("must be at least 1").hasLineCount(1);
        assertThat(exit).isEqualTo(2);
        assertThat(run("--norms", "group")).startsWith("error: ").contains("did you mean --norm?").hasLineCount(1);
        assertThat(exit).isEqualTo(2);
        assertThat(run("--save", directory.resolve("no/such/place.zip").toString())).contains("does not exist")
                .hasLineCount(1);
        assertThat(exit).isEqualTo(2);
        assertThat(run("--resume", broken.toString(), "--norm", "group")).contains("--resume takes the norm").hasLineCount(1);
        assertThat(exit).isEqualTo(2);
        assertThat(run("--resume", broken.toString()))
                .startsWith("error: " + broken + " is not a complete Deeplearning4j model file")
                .hasLineCount(1);
        assertThat(exit).isEqualTo(1);
        assertThat(run("--master", "nowhere")).startsWith("error: ").contains("nowhere").hasLineCount(1);
        assertThat(exit).isEqualTo(1);
    }
}
