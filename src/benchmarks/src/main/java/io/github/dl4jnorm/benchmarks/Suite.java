// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Everything there is to measure. */
final class Suite {
    /** What a layer costs beside its arithmetic. */
    static final String OVERHEAD = "overhead";

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

    /** The case of a name. */
    static Case find(String name) {
        return CASES.stream().filter(c -> c.name().equals(name)).findFirst()
                .orElseThrow(() -> new IllegalArgumentException("unknown case " + name));
    }

    /**
     * What to run, one list for each subject, so that all that is compared is measured close in time.
     *
     * @param subjects        part of the names wanted
     * @param implementations those wanted
     */
    static List<List<Task>> tasks(Pattern subjects, Set<Implementation> implementations) {
        List<List<Task>> all = new ArrayList<>();
        for (Case c : CASES) {
            all.add(implementations.stream().filter(i -> i.serves(c)).map(i -> Task.of(c, i)).toList());
        }
        Step.all().forEach(step -> all.add(step.tasks(implementations)));
        Stream<Implementation> ours = implementations.stream().filter(Implementation::isOurs).limit(1);
        ours.forEach(i -> {
            all.add(List.of(new Task(OVERHEAD, i, OVERHEAD_VARIANTS, Task.MANY)));
            all.add(List.of(new Task(SAMEDIFF, i, SameDiffSubject.VARIANTS, Task.MANY)));
        });
        return all.stream().filter(t -> !t.isEmpty() && subjects.matcher(t.get(0).subject()).find()).toList();
    }
}
