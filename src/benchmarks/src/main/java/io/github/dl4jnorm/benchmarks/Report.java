// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.stream.Collectors;

/** The results as Markdown. */
final class Report {
    private static final String MISSING = "–";
    /** Where libtorch takes more than five times as long, it has no vectorized kernel. */
    private static final double VECTORIZED = 0.2;
    private static final int QUARTERS = 4;
    private static final List<Ratio> IN_TABLES = Ratio.ALL.stream().filter(r -> r.above() != Implementation.ND4J).toList();

    private final Results results;
    private final StringBuilder text = new StringBuilder();

    private Report(Results results) {
        this.results = results;
    }

    static String of(Results results) {
        return new Report(results).write();
    }

    private String write() {
        Machine machine = results.machine();
        line("# Benchmarks");
        line("");
        line("%s, %d cores, %s; %s; %s; %s.", machine.processor(), machine.cores(), machine.system(), machine.java(),
                machine.libraries(), machine.date());
        line("Medians of %s.", results.settings());
        line("All arrays are of type FLOAT; sizes have the channels second, also where they lie last (nhwc). *vector*,");
        line("*scalar* and *nd4j* are this library's layers with the kernels of that name, *stock* is Deeplearning4j's");
        line("batch normalization, *libtorch* the nearest that PyTorch has (for instance normalization the faster of its");
        line("own way and group normalization), *copy* copies as many bytes on all cores.");
        line("");
        List<Method> methods = Method.in(results);
        ratios(methods);
        for (Method method : methods) {
            String behind = methods.size() > 1 ? ", " + method : "";
            table("Forward, milliseconds" + behind, method, Task.FORWARD);
            table("Forward and backward, milliseconds" + behind, method, Task.BOTH);
        }
        drawn();
        steps();
        overhead();
        sameDiff();
        return text.toString();
    }

    private void line(String format, Object... args) {
        text.append(String.format(Locale.ROOT, format, args)).append('\n');
    }

    private void row(List<String> cells) {
        line("%s", cells.stream().collect(Collectors.joining(" | ", "| ", " |")));
    }

    private void header(List<String> cells) {
        row(cells);
        List<String> rule = new ArrayList<>(Collections.nCopies(cells.size(), "---:"));
        rule.set(0, "---");
        row(rule);
    }

    private void ratios(List<Method> methods) {
        line("## Ratios of times");
        line("");
        header(List.of("ratio", "pass", "cases", "geometric mean", "above 1", "best", "worst"));
        for (Ratio ratio : Ratio.ALL) {
            for (Method method : methods) {
                for (String variant : List.of(Task.FORWARD, Task.BOTH)) {
                    List<Ratio.Of> all = ratio.all(results, Suite.all(), method, variant);
                    String pass = variant + (methods.size() > 1 ? ", " + method : "");
                    ratio(ratio, ratio.title(), pass, all);
                    if (ratio.below() == Implementation.LIBTORCH) {
                        ratio(ratio, ratio.title() + ", libtorch vectorized", pass,
                                all.stream().filter(of -> of.value() > VECTORIZED).toList());
                    }
                }
            }
        }
        line("");
    }

    private void ratio(Ratio ratio, String title, String pass, List<Ratio.Of> all) {
        if (all.isEmpty()) {
            return;
        }
        Comparator<Ratio.Of> order = Comparator.comparingDouble(Ratio.Of::value);
        Comparator<Ratio.Of> goodFirst = ratio.lowerIsBetter() ? order : order.reversed();
        Ratio.Of best = Collections.min(all, goodFirst);
        Ratio.Of worst = Collections.max(all, goodFirst);
        row(List.of(title, pass, String.valueOf(all.size()), number(Ratio.geometricMean(all)), String.valueOf(Ratio.above(all)),
                number(best.value()) + " (" + best.name() + ")", number(worst.value()) + " (" + worst.name() + ")"));
    }

    /** Of the cases that were drawn, from the best to the worst. */
    private void drawn() {
        Method method = Method.TOGETHER;
        List<Case> drawn = results.cases(method.of(Task.BOTH)).stream().filter(c -> !Suite.all().contains(c)).toList();
        Ratio ratio = Ratio.ALL.get(0);
        if (ratio.all(results, drawn, method, Task.BOTH).isEmpty()) {
            return;
        }
        line("## Drawn shapes, vector / libtorch");
        line("");
        line("Norms, layouts and shapes between [1, 8, 4, 4] and [64, 512, 56, 56], drawn at random; one JVM for all.");
        line("");
        header(List.of("pass", "cases", "geometric mean", "above 1", "smallest", "first quarter", "median", "third quarter",
                "largest"));
        for (String variant : List.of(Task.FORWARD, Task.BOTH)) {
            List<Ratio.Of> all = ratio.all(results, drawn, method, variant);
            List<Double> sorted = all.stream().map(Ratio.Of::value).sorted().toList();
            List<String> cells = new ArrayList<>(List.of(variant, String.valueOf(all.size()),
                    number(Ratio.geometricMean(all)), String.valueOf(Ratio.above(all))));
            for (int quarter = 0; quarter <= QUARTERS; quarter++) {
                cells.add(number(sorted.get(Math.round(quarter * (sorted.size() - 1) / (float) QUARTERS))));
            }
            row(cells);
        }
        line("");
        header(List.of("norm", "layout", "size", "vector, ms", "libtorch, ms", "forward", "forward+backward"));
        ratio.all(results, drawn, method, Task.BOTH).stream().sorted(Comparator.comparingDouble(Ratio.Of::value)).forEach(of -> {
            Case c = Case.parse(of.name());
            row(List.of(c.norm().title(), c.layout().name().toLowerCase(Locale.ROOT), c.size(),
                    number(Ratio.time(results, c, ratio.above(), method, Task.BOTH)),
                    number(Ratio.time(results, c, ratio.below(), method, Task.BOTH)),
                    number(ratio.of(results, c, method, Task.FORWARD)), number(of.value())));
        });
        line("");
    }

    private void table(String title, Method method, String variant) {
        line("## %s", title);
        line("");
        List<String> head = new ArrayList<>(List.of("norm", "layout", "size"));
        for (Implementation implementation : Implementation.values()) {
            head.add(implementation.toString());
        }
        IN_TABLES.forEach(r -> head.add(r.title()));
        header(head);
        for (Case c : Suite.all()) {
            List<String> cells = new ArrayList<>(List.of(c.norm().title(), c.layout().name().toLowerCase(Locale.ROOT),
                    c.size()));
            boolean measured = false;
            for (Implementation implementation : Implementation.values()) {
                OptionalDouble time = Ratio.time(results, c, implementation, method, variant);
                measured |= time.isPresent();
                cells.add(number(time));
            }
            IN_TABLES.forEach(r -> cells.add(number(r.of(results, c, method, variant))));
            if (measured) {
                row(cells);
            }
        }
        line("");
    }

    private void steps() {
        StepTable table = new StepTable(results);
        boolean first = true;
        for (Network network : Network.values()) {
            List<List<String>> rows = table.rows(network);
            if (!rows.isEmpty()) {
                if (first) {
                    stepsIntroduction();
                    first = false;
                }
                line("### %s", network.title());
                line("");
                line("%s.", network.description());
                line("");
                header(StepTable.HEADER);
                rows.forEach(this::row);
                line("");
            }
        }
    }

    private void stepsIntroduction() {
        line("## Training steps, milliseconds");
        line("");
        line("`fit` with one batch of [batch, 3, 32, 32]: forward and backward pass, loss and Adam. *ours* has this library's");
        line("norms, *stock* Deeplearning4j's batch normalization with ReLU layers, *fast* convolutions on oneDNN");
        line("(`FastConvolution.enable`); *libtorch* runs the same network eagerly, with autograd. Without a norm, *ours* and");
        line("*stock* are the same network.");
        line("");
    }

    private void overhead() {
        OptionalDouble norm = results.median(Suite.OVERHEAD, Suite.OVERHEAD_VARIANTS.get(0));
        OptionalDouble identity = results.median(Suite.OVERHEAD, Suite.OVERHEAD_VARIANTS.get(1));
        if (norm.isPresent() && identity.isPresent()) {
            line("## Overhead of a layer");
            line("");
            line("Forward pass of a layer norm over [32, 64], %s kernels: %.1f µs; of a layer that does nothing: %.1f µs;",
                    results.by(Suite.OVERHEAD), 1e3 * norm.getAsDouble(), 1e3 * identity.getAsDouble());
            line("difference: %.1f µs.", 1e3 * (norm.getAsDouble() - identity.getAsDouble()));
            line("");
        }
    }

    private void sameDiff() {
        OptionalDouble layer = results.median(Suite.SAMEDIFF, SameDiffSubject.LAYER);
        OptionalDouble bare = results.median(Suite.SAMEDIFF, SameDiffSubject.BARE);
        if (layer.isEmpty() || bare.isEmpty()) {
            return;
        }
        line("## In SameDiff");
        line("");
        line("Group normalization of [32, 64, 56, 56], forward and backward, %s kernels: as a layer, as the two nodes of a",
                results.by(Suite.SAMEDIFF));
        line("graph, and whole graphs that compute Σ norm(x)·dy and the gradient of x.");
        line("");
        header(List.of("what", "ms", "beside the layer", "more than the graph without a norm, ms"));
        for (String variant : SameDiffSubject.VARIANTS) {
            OptionalDouble time = results.median(Suite.SAMEDIFF, variant);
            if (time.isPresent()) {
                boolean graph = variant.startsWith("graph with ");
                row(List.of(variant, number(time), graph || variant.equals(SameDiffSubject.BARE) ? MISSING
                                : number(time.getAsDouble() / layer.getAsDouble()),
                        graph ? number(time.getAsDouble() - bare.getAsDouble()) : MISSING));
            }
        }
        line("");
    }

    /** Three digits that count, or a dash. */
    static String number(OptionalDouble value) {
        return value.isPresent() ? number(value.getAsDouble()) : MISSING;
    }

    /** Three digits that count. */
    static String number(double value) {
        return number(value, 3);
    }

    /** As many digits that count, or as many as stand before the point. */
    static String number(double value, int counting) {
        int digits = value > 0 ? Math.max(0, counting - 1 - (int) Math.floor(Math.log10(value))) : 0;
        return String.format(Locale.ROOT, "%." + digits + "f", value);
    }
}
