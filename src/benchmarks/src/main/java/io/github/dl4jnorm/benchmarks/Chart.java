// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** The results as a picture, in SVG: forward and backward pass of ours beside libtorch and a copy. */
final class Chart {
    /** The bars of each case, from left to right, and their colors. */
    static final Map<Implementation, String> SERIES = new TreeMap<>(Map.of(Implementation.COPY, "#b8bec6",
            Implementation.VECTOR, "#1f6fb5", Implementation.LIBTORCH, "#e07b39"));

    private static final int COLUMNS = 2;
    private static final int PANEL_WIDTH = 560;
    private static final int PANEL_HEIGHT = 220;
    private static final int HEAD = 70;
    private static final int LEFT = 46;
    private static final int TOP = 40;
    private static final int PLOT_WIDTH = PANEL_WIDTH - LEFT - 18;
    private static final int PLOT_HEIGHT = PANEL_HEIGHT - TOP - 38;
    /** Bars higher than our highest by more than this are cut off, so that the others can be told apart. */
    private static final double CUT = 2.2;
    private static final double WIDEST_BAR = 44;
    private static final int LINES = 5;

    private final Results results;
    private final Method method;
    private final StringBuilder svg = new StringBuilder();

    private Chart(Results results) {
        this.results = results;
        method = Method.in(results).stream().findFirst().orElse(Method.PER_CASE);
    }

    /**
     * Draws what ours, libtorch and the copy were all measured with.
     *
     * @param results the measurements
     * @return an SVG document
     */
    static String of(Results results) {
        return new Chart(results).draw();
    }

    private String draw() {
        List<Panel> panels = Panel.of(results, method);
        int width = COLUMNS * PANEL_WIDTH;
        int height = HEAD + (panels.size() + COLUMNS - 1) / COLUMNS * PANEL_HEIGHT;
        add("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" "
                + "font-family=\"Helvetica, Arial, sans-serif\" font-size=\"12\">", width, height, width, height);
        add("<rect width=\"%d\" height=\"%d\" fill=\"#ffffff\"/>", width, height);
        head(width);
        for (int i = 0; i < panels.size(); i++) {
            add("<g transform=\"translate(%d %d)\">", i % COLUMNS * PANEL_WIDTH, HEAD + i / COLUMNS * PANEL_HEIGHT);
            panel(panels.get(i));
            add("</g>");
        }
        add("</svg>");
        return svg.toString();
    }

    private void add(String format, Object... args) {
        svg.append(String.format(Locale.ROOT, format, args)).append('\n');
    }

    private void text(double x, double y, String attributes, String content) {
        add("<text x=\"%.1f\" y=\"%.1f\" %s>%s</text>", x, y, attributes,
                content.replace("&", "&amp;").replace("<", "&lt;"));
    }

    private void rectangle(double x, double y, double width, double height, String color) {
        add("<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"/>", x, y, width, height, color);
    }

    private void head(int width) {
        Machine machine = results.machine();
        text(LEFT, 28, "font-size=\"18\" font-weight=\"bold\"",
                "Forward and backward pass in training, milliseconds (lower is better)");
        text(LEFT, 50, "fill=\"#555\"", "FLOAT, " + machine.processor() + ", " + machine.cores()
                + " cores; a gap marks a bar that is cut off");
        double x = width - 410;
        for (Map.Entry<Implementation, String> series : SERIES.entrySet()) {
            rectangle(x, 40, 12, 12, series.getValue());
            text(x + 18, 50, "", legend(series.getKey()));
            x += 140;
        }
    }

    private static String legend(Implementation implementation) {
        return switch (implementation) {
            case COPY -> "one copy of x";
            case VECTOR -> "dl4j-norm-layers";
            default -> implementation.toString();
        };
    }

    private void panel(Panel panel) {
        double highest = highest(panel, SERIES.keySet().toArray(Implementation[]::new));
        double top = Math.min(highest, CUT * highest(panel, Implementation.VECTOR, Implementation.COPY));
        text(LEFT, 18, "font-size=\"13\" font-weight=\"bold\"", panel.title());
        lines(top);
        double place = (double) PLOT_WIDTH / panel.cases().size();
        double bar = Math.min(WIDEST_BAR, 0.8 * place / SERIES.size());
        for (int i = 0; i < panel.cases().size(); i++) {
            Case c = panel.cases().get(i);
            double middle = LEFT + (i + 0.5) * place;
            double x = middle - bar * SERIES.size() / 2;
            for (Map.Entry<Implementation, String> series : SERIES.entrySet()) {
                bar(x, bar, time(c, series.getKey()), top, series.getValue());
                x += bar;
            }
            text(middle, TOP + PLOT_HEIGHT + 17, "text-anchor=\"middle\"", Panel.label(c));
        }
    }

    private double time(Case c, Implementation implementation) {
        return Ratio.time(results, c, implementation, method, Task.BOTH).orElseThrow();
    }

    private double highest(Panel panel, Implementation... implementations) {
        return panel.cases().stream().flatMap(c -> List.of(implementations).stream().map(i -> time(c, i)))
                .mapToDouble(Double::doubleValue).max().orElseThrow();
    }

    private void lines(double top) {
        double step = step(top / LINES);
        for (int i = 0; i * step <= top; i++) {
            double y = TOP + PLOT_HEIGHT * (1 - i * step / top);
            add("<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>", LEFT, LEFT + PLOT_WIDTH, y, y,
                    i == 0 ? "#888888" : "#e6e8eb");
            text(LEFT - 6, y + 4, "text-anchor=\"end\" fill=\"#777\" font-size=\"11\"",
                    i * step == Math.rint(i * step) ? String.valueOf(Math.round(i * step)) : Report.number(i * step, 2));
        }
    }

    /** The next larger one of 1, 2, 5, 10 and so on. */
    private static double step(double least) {
        double power = Math.pow(10, Math.floor(Math.log10(least)));
        double factor = least / power;
        return power * (factor <= 1 ? 1 : factor <= 2 ? 2 : factor <= 5 ? 5 : 10);
    }

    private void bar(double x, double width, double time, double top, String color) {
        double height = PLOT_HEIGHT * Math.min(1, time / top);
        double y = TOP + PLOT_HEIGHT - height;
        rectangle(x + 1, y, width - 2, height, color);
        if (time > top) {
            add("<path d=\"M%.1f %.1f l%.1f -8\" stroke=\"#ffffff\" stroke-width=\"4\"/>", x, y + 18, width);
        }
        text(x + width / 2, y - 4, "text-anchor=\"middle\" fill=\"#444\" font-size=\"9\"", Report.number(time, 2));
    }
}
