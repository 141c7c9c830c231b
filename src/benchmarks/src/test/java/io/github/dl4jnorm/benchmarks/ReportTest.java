// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReportTest {
    private static final String BATCH = "batch-nchw-32x64x56x56";
    private static final String INSTANCE = "instance-nchw-32x64x56x56";

    private static Results results() {
        Results results = new Results(new Machine("a processor", 2, "an OS", "a JVM", "libraries", "a day"),
                "2 rounds", new ArrayList<>());
        for (double time : new double[]{1, 100, 3, 2}) {
            results.add(BATCH, Implementation.VECTOR, Task.FORWARD, time);
        }
        results.add(BATCH, Implementation.LIBTORCH, Task.FORWARD, 5);
        results.add(BATCH, Implementation.COPY, Task.FORWARD, 0.5);
        results.add(BATCH, Implementation.VECTOR, Task.BOTH, 6);
        results.add(BATCH, Implementation.LIBTORCH, Task.BOTH, 12);
        results.add(INSTANCE, Implementation.VECTOR, Task.FORWARD, 8);
        results.add(INSTANCE, Implementation.LIBTORCH, Task.FORWARD, 40);
        results.add(INSTANCE, Implementation.LIBTORCH, Task.FORWARD + Task.OTHER_WAY, 4);
        results.add("step-cnn-32-none", Implementation.STOCK, Step.FAST, 20);
        results.add("step-cnn-32-batch", Implementation.VECTOR, Step.FAST, 25);
        results.add("step-cnn-32-batch", Implementation.STOCK, Step.FAST, 100);
        results.add("step-cnn-32-batch", Implementation.STOCK, Step.SHIPPED, 500);
        results.add("step-cnn-32-batch", Implementation.LIBTORCH, Step.EAGER, 50);
        results.add(Suite.SAMEDIFF, Implementation.VECTOR, SameDiffSubject.LAYER, 10);
        results.add(Suite.SAMEDIFF, Implementation.VECTOR, SameDiffSubject.NODES, 11);
        results.add(Suite.SAMEDIFF, Implementation.VECTOR, SameDiffSubject.BARE, 30);
        results.add(Suite.SAMEDIFF, Implementation.VECTOR, SameDiffSubject.COMPOSED, 330);
        return results;
    }

    @Test
    void ratiosAreThoseOfMediansAndOfTheFasterWay() {
        List<Ratio.Of> ratios = Ratio.ALL.get(0).all(results(), Suite.all(), Method.PER_CASE, Task.FORWARD);
        assertThat(ratios).containsExactly(new Ratio.Of(BATCH, 0.5), new Ratio.Of(INSTANCE, 2));
        assertThat(Ratio.geometricMean(ratios)).isEqualTo(1, within(1e-12));
        assertThat(Ratio.above(ratios)).isEqualTo(1);
    }

    @Test
    void theReportHoldsTimesRatiosAndTrainingSteps() {
        assertThat(Report.of(results()))
                .contains("| vector / libtorch | forward | 2 | 1.00 | 1 | 0.500 (" + BATCH + ") | 2.00 (" + INSTANCE + ") |")
                .contains("| batch | nchw | 32x64x56x56 | 0.500 | 2.50 | – | – | – | 5.00 | 0.500 | – | – | 5.00 |")
                .contains("| 32 | none | 20.0 | – | 20.0 | – | – | – | – | – | – |")
                .contains("| 32 | batch | 25.0 | – | 100 | 500 | 50.0 | 0.500 | 20.0 | 4.00 | 1.25 |")
                .contains("### CNN").doesNotContain("### U-Net")
                .contains("| nodes | 11.0 | 1.10 | – |").contains("| graph with stock operations | 330 | – | 300 |");
    }

    @Test
    void theReportTellsBothMethodsAndDrawnShapesApart() {
        Results results = results();
        Case drawn = new Case(Norm.LAYER, Layout.NHWC, 3, 10, 7, 7);
        for (Implementation implementation : List.of(Implementation.VECTOR, Implementation.LIBTORCH)) {
            for (Case c : List.of(Case.parse(BATCH), drawn)) {
                Task task = Task.together(Suite.TOGETHER, List.of(c), implementation);
                assertThat(task.isTogether()).isTrue();
                for (int i = 0; i < task.variants().size(); i++) {
                    Task.Part kept = task.kept(i);
                    results.add(kept.subject(), implementation, kept.variant(),
                            (c == drawn ? 10 : 1) + (implementation == Implementation.VECTOR ? 3 : 0));
                }
            }
        }
        assertThat(Report.of(results))
                .contains("## Forward, milliseconds, a JVM per case")
                .contains("## Forward and backward, milliseconds, one JVM for all cases")
                .contains("| vector / libtorch | forward+backward, a JVM per case | 1 | 0.500 | 0 |")
                .contains("| vector / libtorch | forward+backward, one JVM for all cases | 1 | 4.00 | 1 |")
                .contains("| forward | 1 | 1.30 | 1 | 1.30 | 1.30 | 1.30 | 1.30 | 1.30 |")
                .contains("| layer | nhwc | 3x10x7x7 | 13.0 | 10.0 | 1.30 | 1.30 |");
        assertThat(Chart.of(results)).isEqualTo(Chart.of(results()));
    }

    @Test
    void resultsReadBackGiveTheSameReport(@TempDir Path directory) throws IOException {
        Path file = directory.resolve("results.json");
        results().write(file);
        assertThat(Report.of(Results.read(file))).isEqualTo(Report.of(results()));
    }

    @Test
    void moreRoundsAddToThoseOfTheSameMachine() {
        Machine later = new Machine("a processor", 2, "an OS", "a JVM", "libraries", "another day");
        Results more = results().continuedBy(new Results(later, "2 rounds", List.of()));
        assertThat(more.settings()).isEqualTo("2 rounds");
        more.add(BATCH, Implementation.LIBTORCH, Task.FORWARD, 7);
        assertThat(more.median(BATCH, Implementation.LIBTORCH, Task.FORWARD)).hasValue(6);
        assertThat(more.continuedBy(new Results(later, "1 round", List.of())).settings()).isEqualTo("2 rounds; then 1 round");
        assertThat(new Results(later, "12 rounds", List.of()).continuedBy(new Results(later, "2 rounds", List.of())).settings())
                .isEqualTo("12 rounds; then 2 rounds");
        Machine other = new Machine("a processor", 4, "an OS", "a JVM", "libraries", "a day");
        assertThatThrownBy(() -> results().continuedBy(new Results(other, "2 rounds", List.of())))
                .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("cores=4").hasMessageContaining("cores=2");
    }

    @Test
    void theChartHoldsWhatOursLibtorchAndTheCopyWereMeasuredWith() {
        assertThat(Chart.of(results())).contains("[32, 64, 56, 56], channels first", ">12<").doesNotContain("instance");
    }

    @Test
    void casesAreFoundByTheirNames() {
        List<Case> drawn = Drawn.cases(400, 1);
        assertThat(drawn).isEqualTo(Drawn.cases(400, 1)).isNotEqualTo(Drawn.cases(400, 2)).allSatisfy(c -> {
            assertThat(c.examples()).isBetween(1, 64);
            assertThat(c.channels()).isBetween(8, 512);
            assertThat(c.channels() % Norm.groups(c.channels())).isZero();
            assertThat(c.height()).isBetween(4, 56);
        });
        assertThat(Stream.concat(Suite.all().stream(), drawn.stream())).allMatch(c -> Case.parse(c.name()).equals(c));
        assertThatThrownBy(() -> Case.parse("no-such-case")).hasMessage("unknown case no-such-case");
    }

    @Test
    void oneJvmMeasuresAllCasesOfAnImplementationInTheSameOrder() {
        List<List<Task>> tasks = Suite.tasks(Pattern.compile("nchw"), EnumSet.allOf(Implementation.class), Extent.SHORT);
        assertThat(tasks).hasSize(2);
        assertThat(tasks.get(0)).hasSize(6).allMatch(Task::isTogether);
        List<String> stock = Suite.names(tasks.get(0).subList(4, 5));
        assertThat(stock).hasSize(8).allMatch(name -> name.startsWith("batch"));
        assertThat(Suite.names(tasks.get(0).subList(1, 2))).hasSize(25).isEqualTo(Suite.names(tasks.get(0).subList(5, 6)));
    }

    @Test
    void theSuiteMeasuresStockOnlyWhereThereIsOne() {
        List<List<Task>> tasks = Suite.tasks(Pattern.compile("2x64x112x112|step-unet"), EnumSet.allOf(Implementation.class),
                Extent.PER_CASE);
        assertThat(tasks).hasSize(22);
        assertThat(tasks).allSatisfy(same -> assertThat(same.stream().anyMatch(t -> t.implementation() == Implementation.STOCK))
                .isEqualTo(same.get(0).subject().matches("batch.*|step-.*-(none|batch)")));
    }
}
