// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import java.util.ArrayList;
import java.util.List;

/**
 * Cases that stand side by side in a chart.
 *
 * @param title what they have in common
 * @param cases those that ours, libtorch and the copy were all measured with
 */
record Panel(String title, List<Case> cases) {
    static List<Panel> of(Results results, Method method) {
        List<Panel> panels = new ArrayList<>();
        for (Case c : Suite.all()) {
            if (Chart.SERIES.keySet().stream().allMatch(i -> Ratio.time(results, c, i, method, Task.BOTH).isPresent())) {
                String title = title(c);
                if (panels.isEmpty() || !panels.get(panels.size() - 1).title().equals(title)) {
                    panels.add(new Panel(title, new ArrayList<>()));
                }
                panels.get(panels.size() - 1).cases().add(c);
            }
        }
        return panels;
    }

    private static String title(Case c) {
        return switch (c.norm()) {
            case ROWS -> "Layer norm of rows";
            case POSITIONS -> "Layer norm per position, channels first";
            default -> shape(c) + (c.layout() == Layout.NHWC ? ", channels last" : ", channels first");
        };
    }

    private static String shape(Case c) {
        return "[" + c.size().replace("x", ", ") + "]";
    }

    static String label(Case c) {
        return c.norm() == Norm.ROWS || c.norm() == Norm.POSITIONS ? shape(c) : c.norm().title();
    }
}
