// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import io.github.dl4jnorm.model.WholeFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;

/** Writes a chart as an SVG file with its title, its legend, and colors for light and dark pages. */
final class ChartFile {
    private static final int WIDTH = 400;
    private static final int CHART = 240;
    private static final int TITLE = 26;
    private static final int MARGIN = 10;
    private static final int KEY_HEIGHT = 18;
    /** Room for the line of a key and the space behind its name, and for a letter. */
    private static final int KEY = 36;
    private static final int CHARACTER = 8;

    private static final String HEAD = """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img">
            <title>%s</title>
            <style>%stext{font-family:system-ui,sans-serif;fill:var(--ink)}</style>
            <rect width="100%%" height="100%%" rx="8" fill="var(--ground)"/>
            <text x="%d" y="20" font-size="14" font-weight="600">%s</text>
            """;

    private ChartFile() {
    }

    /**
     * Writes percentages of several runs: a line for the mean of each name, and thin ones for its runs.
     *
     * @param file    file to write
     * @param title   text above the chart
     * @param xTitle  text below the chart
     * @param x       where the points are
     * @param xLabels labels of these, or null for the numbers
     * @param names   entries of the legend
     * @param values  by name, point and run
     */
    static void ofRuns(Path file, String title, String xTitle, double[] x, Function<Double, String> xLabels, List<?> names,
                       double[][][] values) throws IOException {
        List<Charts.Series> series = new ArrayList<>();
        List<Page.Key> keys = new ArrayList<>();
        for (int i = 0; i < values.length; i++) {
            keys.add(new Page.Key(i, names.get(i).toString()));
            series.addAll(Charts.runs(i, x, values[i]));
        }
        write(file, title, Charts.svg(xTitle, "%", false, series, xLabels), keys);
    }

    private static void write(Path file, String title, String chart, List<Page.Key> keys) throws IOException {
        StringBuilder legend = new StringBuilder();
        int x = MARGIN;
        int y = TITLE + KEY_HEIGHT;
        for (Page.Key key : keys) {
            int width = KEY + CHARACTER * key.name().length();
            if (x + width > WIDTH) {
                x = MARGIN;
                y += KEY_HEIGHT;
            }
            legend.append(String.format(Locale.ROOT, "<rect x=\"%d\" y=\"%d\" width=\"14\" height=\"4\" rx=\"2\" "
                    + "fill=\"var(--s%d)\"/><text x=\"%d\" y=\"%d\" font-size=\"13\">%s</text>%n", x, y - 6, key.color(), x + 20,
                    y, Page.escaped(key.name())));
            x += width;
        }
        int top = y + MARGIN;
        String head = HEAD.formatted(WIDTH, top + CHART, Page.escaped(title), Page.colors(), MARGIN, Page.escaped(title));
        String inner = chart.replaceFirst("<svg ", String.format("<svg y=\"%d\" width=\"%d\" height=\"%d\" ", top, WIDTH, CHART));
        WholeFile.write(file, part -> Files.writeString(part, head + legend + inner + "\n</svg>\n"));
        System.out.println("the chart is in " + file);
    }
}
