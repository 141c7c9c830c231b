// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.File;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** What the program says to those who know it not, who mistype, and who stop it. */
@Tag("full")
class CommandLineTest {
    private final StringWriter errors = new StringWriter();

    @TempDir
    private Path directory;

    @BeforeEach
    void writeData() throws IOException {
        IdxWriter.write(GeneratedDigits.create(150, 1), directory, "t10k", false);
    }

    private int run(String... args) {
        return Main.execute(new PrintWriter(errors, true), args);
    }

    /** A group of one channel would be instance norm. */
    @ParameterizedTest
    @CsvSource({"64,8", "16,8", "12,6", "8,4", "4,2", "7,1", "2,1", "1,1"})
    void groupsHaveAtLeastTwoChannelsOrAll(int channels, int groups) {
        assertThat(NormChoice.groups(channels)).isEqualTo(groups);
    }

    @Test
    void helpNamesEveryCommandAndEveryCommandHasHelp() {
        String help = Output.of("--help");
        CommandLine main = new CommandLine(new Main());
        assertThat(main.getSubcommands().keySet()).contains("train", "compare", "study", "fold", "convert", "recompute", "bench")
                .allSatisfy(name -> {
                    assertThat(help).contains(name);
                    String own = Output.of(name, "--help");
                    assertThat(own).contains("Usage: dl4j-norm " + name);
                    assertThat(own.lines().count()).isGreaterThan(5);
                });
        assertThat(help).contains("Exit codes:").contains("130").contains("train --resume");
        assertThat(Output.of("--version")).contains("0.2.0");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "train --norms group|Unknown option|did you mean --norm",
        "train --batch many|--batch|many",
        "--epochs|--epochs|train --help",
        "trian|trian|train",
        "compare --norms batch,median|median|expected one of",
        "study|expected one of|study --help",
        "--verbose|batches|not a directory",
        "bench --batch 0|--batch must be at least 1|bench --help"})
    void aWrongWordIsOneLineThatHelps(String words, String one, String other) {
        List<String> args = new ArrayList<>(List.of(words.split(" ")));
        if (words.equals("--verbose")) {
            // Without a command, too, it goes to training.
            args.addAll(List.of("--data", directory.resolve("batches").toString()));
        }
        assertThat(run(args.toArray(String[]::new))).isEqualTo(words.equals("--verbose") ? 1 : 2);
        List<String> lines = errors.toString().lines().toList();
        assertThat(lines.get(0)).startsWith("error: ").contains(one).contains(other);
        assertThat(lines.size() > 1).as("a stack trace only if asked for: %s", lines).isEqualTo(words.equals("--verbose"));
    }

    @Test
    void aStackTraceComesOnlyIfAskedFor() {
        String missing = directory.resolve("missing.zip").toString();
        assertThat(run("fold", missing, missing)).isEqualTo(1);
        assertThat(errors.toString().lines()).containsExactly("error: " + missing + " is not a file");
        assertThat(run("fold", "--verbose", missing, missing)).isEqualTo(1);
        assertThat(errors.toString()).contains("at io.github.dl4jnorm.examples.ModelFiles.read");
    }

    /** Stopped anywhere, in the middle of an epoch or between two, it goes on to the very same network. */
    @ParameterizedTest
    @ValueSource(ints = {0, 5, 15, 22, 29})
    void aStoppedTrainingGoesOnAsIfNothingHadHappened(int steps) throws IOException {
        Path whole = directory.resolve("whole.zip");
        Path file = directory.resolve("stopped.zip");
        String[] options = {"--data", directory.toString(), "--batch", "8", "--epochs", "2", "--channels", "2", "--scale",
            "standardize", "--learning-rate", "0.01", "--seed", "7", "--norm", "switchable", "--save"};
        assertThat(run(with(options, whole))).as("%s", errors).isZero();
        NetworkOptions same = new NetworkOptions();
        same.restore(Checkpoint.read(whole).options());
        ImageData images = same.load();
        NormChoice norm = new NormChoice("switchable");
        Training training = new Training(images, 8, 2, 7);
        assertThat(training.iterations()).isEqualTo(30);
        MultiLayerNetwork net = ConvNet.create(norm, images.inputType(), 10, 2, 0.01, 30, 7);
        AtomicInteger left = new AtomicInteger(steps);
        assertThat(training.stoppedBy(() -> left.getAndDecrement() == 0).savedBy((trained, sum, stopped) ->
                new Checkpoint(trained, norm, same.arguments(), sum).write(file)).run(norm, net)).isNull();
        assertThat(Checkpoint.read(file).net().getIterationCount()).isEqualTo(steps);
        assertThat(run("train", "--resume", file.toString(), "--json", directory.resolve("r.json").toString()))
                .as("%s", errors).isZero();
        MultiLayerNetwork expected = Checkpoint.read(whole).net();
        MultiLayerNetwork found = Checkpoint.read(file).net();
        assertThat(found.params()).isEqualTo(expected.params());
        assertThat(found.getUpdater().getStateViewArray()).isEqualTo(expected.getUpdater().getStateViewArray());
        assertThat(Checkpoint.read(file).lossSum()).isEqualTo(Checkpoint.read(whole).lossSum());
    }

    /** Resumed on another path, the network would differ in its last digits. */
    @Test
    void aResumedTrainingKeepsItsConvolutions() throws IOException {
        Path file = directory.resolve("m.zip");
        String off = "--no-fast-convolution";
        assertThat(run("--data", directory.toString(), "--epochs", "1", "--channels", "2", off, "--save", file.toString()))
                .as("%s", errors).isZero();
        assertThat(Output.of("train", "--resume", file.toString())).contains(" " + off)
                .contains("convolutions: Deeplearning4j (" + off + ")");
        assertThat(run("train", "--resume", file.toString(), off)).isEqualTo(2);
    }

    /** As on a platform for which there is no oneDNN. */
    @Test
    void withoutOneDnnOneLineSaysWhyAndTrainingGoesOn() throws Exception {
        String classPath = Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(entry -> !entry.contains("dnnl")).collect(Collectors.joining(File.pathSeparator));
        Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-cp",
                classPath, Main.class.getName(), "compare", "--norms", "batch,none", "--data", directory.toString(), "--epochs",
                "1", "--channels", "2").redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(output).isZero();
        assertThat(output.lines().filter(line -> line.contains("oneDNN"))).hasSize(2)
                .anyMatch(line -> line.contains("slower code: ") && line.contains("org.bytedeco:dnnl-platform"))
                .contains("convolutions: Deeplearning4j (no oneDNN)");
    }

    private static String[] with(String[] options, Path last) {
        List<String> all = new ArrayList<>(List.of(options));
        all.add(last.toString());
        return all.toArray(String[]::new);
    }

    @Test
    void onlyTrainingsAreResumedAndOnlyAsTheyWere() throws IOException {
        Path file = directory.resolve("m.zip");
        Path folded = directory.resolve("f.zip");
        assertThat(run("--data", directory.toString(), "--epochs", "1", "--channels", "2", "--save", file.toString()))
                .as("%s", errors).isZero();
        assertThat(run("fold", file.toString(), folded.toString())).isZero();
        assertThat(run("train", "--resume", folded.toString())).isEqualTo(1);
        assertThat(errors.toString()).contains("no training state to resume");
        for (String[] other : List.of(new String[]{"--batch", "16"},
                new String[]{"--norm", "group"}, new String[]{"--compare"})) {
            List<String> args = new ArrayList<>(List.of("train", "--resume", file.toString()));
            args.addAll(List.of(other));
            assertThat(run(args.toArray(String[]::new))).isEqualTo(2);
        }
        // A training that is over only tests again.
        assertThat(Output.of("train", "--resume", file.toString())).contains("epoch 1")
                .containsPattern("training is already complete \\(\\d+ steps\\)");
    }

    /** As Ctrl-C does: the process is asked to end in the middle of its training. */
    @Test
    void aProcessThatIsStoppedLeavesACheckpoint() throws IOException, InterruptedException {
        Path file = directory.resolve("stopped.zip");
        Path log = directory.resolve("log");
        Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-cp",
                System.getProperty("java.class.path"), Main.class.getName(), "train", "--data", directory.toString(),
                "--epochs", "100000", "--channels", "2", "--norm", "group", "--save", file.toString())
                .redirectErrorStream(true).redirectOutput(log.toFile()).start();
        try {
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
            while (!Files.exists(file) && System.nanoTime() < end) {
                Thread.sleep(100);
            }
            process.destroy();
            assertThat(process.waitFor(60, TimeUnit.SECONDS)).as("%s", Files.readString(log)).isTrue();
        } finally {
            process.destroyForcibly();
        }
        assertThat(Files.readString(log)).contains("resume with: train --resume " + file);
        assertThat(process.exitValue()).isNotZero();
        assertThat(Checkpoint.read(file).net().getIterationCount()).isPositive();
    }

    @Test
    void anUnreadableCheckpointIsNamed() throws IOException {
        Path file = Files.writeString(directory.resolve("m.zip"), "no zip");
        assertThatThrownBy(() -> Checkpoint.read(file)).isInstanceOf(IOException.class).hasMessageContaining("m.zip");
        assertThat(run("train", "--resume", file.toString())).isEqualTo(1);
        assertThat(errors.toString().lines()).hasSize(1);
    }

    /** Killed between the last byte and the rename of the first epoch, a program leaves its only checkpoint as a part. */
    @Test
    void aCompletePartBesideAMissingCheckpointIsNamed() throws IOException {
        Path file = directory.resolve("m.zip");
        Path part = directory.resolve("m.zip.part");
        assertThat(run("--data", directory.toString(), "--epochs", "1", "--channels", "2", "--save", file.toString()))
                .as("%s", errors).isZero();
        byte[] whole = Files.readAllBytes(file);
        Files.move(file, part);
        assertThat(run("train", "--resume", file.toString())).isEqualTo(1);
        assertThat(errors.toString()).contains(file + " does not exist, but " + part + " is complete")
                .contains("rename it to m.zip");
        Files.write(part, Arrays.copyOf(whole, whole.length - 100));
        assertThat(run("train", "--resume", file.toString())).isEqualTo(1);
        assertThat(errors.toString()).contains(part + ", left by an interrupted write, is incomplete");
    }

    @Test
    void aModelIsThereAtEveryMomentOfItsReplacement() throws Exception {
        Path file = directory.resolve("m.zip");
        ImageData images = ImageData.generated(1);
        Checkpoint checkpoint = new Checkpoint(ConvNet.create(new NormChoice("batch"), images.inputType(), 10, 2, 0.01, 30, 7),
                new NormChoice("batch"), List.of(), 0);
        checkpoint.write(file);
        AtomicBoolean done = new AtomicBoolean();
        AtomicInteger missed = new AtomicInteger();
        Thread watcher = new Thread(() -> {
            while (!done.get()) {
                if (!file.toFile().isFile()) {
                    missed.incrementAndGet();
                }
            }
        });
        watcher.start();
        for (int i = 0; i < 50; i++) {
            checkpoint.write(file);
        }
        done.set(true);
        watcher.join();
        assertThat(missed).hasValue(0);
    }

    @Test
    void normsAreTimed() {
        String table = Output.of("bench", "--norms", "batch,none", "--batch", "2", "--size", "8", "--channels", "2", "--seconds",
                "0.02");
        assertThat(table).containsPattern("(?m)^batch +\\d+\\.\\d+ +\\d+\\.\\d+$").containsPattern("(?m)^  folded +\\d+\\.\\d+$")
                .containsPattern("(?m)^none +\\d+\\.\\d+ +\\d+\\.\\d+$");
    }
}
