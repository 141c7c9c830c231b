// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Everything there is to measure. */
final class Suite {
    /** What a layer costs beside its arithmetic. */
    static final String OVERHEAD = "overhead";

    /** All cases in one JVM. */
    static final String TOGETHER = "all cases";

    /** Cases drawn at random, in one JVM. */
    static final String DRAWN = "drawn cases";

    private static final int DRAWN_CASES = 40;
    private static final long SEED = 20;

    /** A norm in SameDiff. */
    static final String SAMEDIFF = "samediff";

    /** The variants of {@link #OVERHEAD}. */
    static final List<String> OVERHEAD_VARIANTS = List.of("layer norm", "identity");

    /** Examples, channels, height and width of images. */
    static final List<int[]> IMAGES = List.of(new int[]{32, 64, 56, 56}, new int[]{8, 256, 14, 14},
            new int[]{2, 64, 112, 112}, new int[]{128, 16, 28, 28});

    private static final List<Case> CASES = cases();

    private Suite() {
    }

    private static List<Case> cases() {
        List<Case> all = new ArrayList<>();
        for (int[] s : IMAGES) {
            for (Layout layout : new Layout[]{Layout.NCHW, Layout.NHWC}) {
                for (Norm norm : Norm.values()) {
                    if (norm != Norm.ROWS && norm != Norm.POSITIONS) {
                        all.add(new Case(norm, layout, s[0], s[1], s[2], s[3]));
                    }
                }
            }
        }
        all.add(new Case(Norm.ROWS, Layout.ROWS, 4096, 768, 1, 1));
        all.add(new Case(Norm.ROWS, Layout.ROWS, 512, 4096, 1, 1));
        all.add(new Case(Norm.ROWS, Layout.ROWS, 32, 64, 1, 1));
        all.add(new Case(Norm.POSITIONS, Layout.NCW, 32, 256, 1, 128));
        all.add(new Case(Norm.POSITIONS, Layout.NCHW, 16, 96, 56, 56));
        return List.copyOf(all);
    }

    static List<Case> all() {
        return CASES;
    }

    /**
     * What to run, one list for each subject, so that all that is compared is measured close in time.
     *
     * @param subjects        part of the names wanted
     * @param implementations those wanted
     * @param extent          how much is wanted
     */
    static List<List<Task>> tasks(Pattern subjects, Set<Implementation> implementations, Extent extent) {
        List<List<Task>> all = new ArrayList<>();
        if (extent.together()) {
            all.add(together(TOGETHER, matching(CASES, subjects), implementations));
            all.add(together(DRAWN, matching(Drawn.cases(DRAWN_CASES, SEED), subjects), implementations.stream()
                    .filter(i -> i.isOurs() || i == Implementation.LIBTORCH).toList()));
        }
        if (extent.perCase()) {
            for (Case c : matching(CASES, subjects)) {
                all.add(implementations.stream().filter(i -> i.serves(c)).map(i -> Task.of(c, i)).toList());
            }
        }
        List<List<Task>> extra = new ArrayList<>();
        Step.all().stream().filter(extent::takes).forEach(step -> extra.add(step.tasks(implementations).stream()
                .filter(extent::takes).toList()));
        Stream<Implementation> ours = implementations.stream().filter(Implementation::isOurs).limit(1);
        ours.forEach(i -> {
            extra.add(List.of(new Task(OVERHEAD, i, OVERHEAD_VARIANTS, Task.MANY)));
            extra.add(List.of(new Task(SAMEDIFF, i, SameDiffSubject.VARIANTS, Task.MANY)));
        });
        extra.stream().filter(tasks -> !tasks.isEmpty() && subjects.matcher(tasks.get(0).subject()).find()).forEach(all::add);
        return all.stream().filter(tasks -> !tasks.isEmpty()).toList();
    }

    private static List<Case> matching(List<Case> cases, Pattern subjects) {
        return cases.stream().filter(c -> subjects.matcher(c.name()).find()).toList();
    }

    private static List<Task> together(String subject, List<Case> cases, Collection<Implementation> implementations) {
        return implementations.stream().filter(i -> cases.stream().anyMatch(i::serves))
                .map(i -> Task.together(subject, cases.stream().filter(i::serves).toList(), i)).toList();
    }

    /** The names of what tasks measure. */
    static List<String> names(List<Task> tasks) {
        Task first = tasks.get(0);
        return first.isTogether() ? tasks.stream().flatMap(task -> task.variants().stream()).map(v -> Task.part(v).subject())
                .distinct().toList() : List.of(first.subject());
    }

    /** The names of all there is, whatever the extent. */
    static List<String> names(Set<Implementation> implementations) {
        return Stream.concat(CASES.stream().filter(c -> implementations.stream().anyMatch(i -> i.serves(c))).map(Case::name),
                tasks(Pattern.compile("step|" + OVERHEAD + "|" + SAMEDIFF), implementations, Extent.FULL).stream()
                        .map(tasks -> tasks.get(0).subject())).toList();
    }
}
