// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import de.erichseifert.vectorgraphics2d.Processors;
import de.erichseifert.vectorgraphics2d.VectorGraphics2D;
import de.erichseifert.vectorgraphics2d.util.PageSize;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.knowm.xchart.CategoryChart;
import org.knowm.xchart.CategoryChartBuilder;
import org.knowm.xchart.style.CategoryStyler;
import org.knowm.xchart.style.Styler.LegendPosition;

/** The results as a picture: forward and backward pass of ours beside libtorch and a copy. */
final class Chart {
    private static final int WIDTH = 560;
    private static final int HEIGHT = 230;
    private static final int HEAD = 64;
    private static final int MARGIN = 16;
    private static final int COLUMNS = 2;
    private static final Map<Implementation, Color> SERIES = new LinkedHashMap<>();

    static {
        SERIES.put(Implementation.COPY, new Color(0xB8BEC6));
        SERIES.put(Implementation.VECTOR, new Color(0x1F6FB5));
        SERIES.put(Implementation.LIBTORCH, new Color(0xE07B39));
    }

    private Chart() {
    }

    /** The cases of one panel. */
    private record Panel(String title, List<Case> cases) {
    }

    private static List<Panel> panels() {
        List<Panel> panels = new ArrayList<>();
        for (Case c : Suite.all()) {
            String title = switch (c.norm()) {
                case ROWS -> "Layer norm of rows";
                case POSITIONS -> "Layer norm per position, channels first";
                default -> "[" + c.size().replace("x", ", ") + "]"
                        + (c.layout() == Layout.NHWC ? ", channels last" : ", channels first");
            };
            if (panels.isEmpty() || !panels.get(panels.size() - 1).title().equals(title)) {
                panels.add(new Panel(title, new ArrayList<>()));
            }
            panels.get(panels.size() - 1).cases().add(c);
        }
        return panels;
    }

    private static String label(Case c) {
        return c.norm() == Norm.ROWS || c.norm() == Norm.POSITIONS ? c.size() : c.norm().title();
    }

    /** Writes the chart as SVG. */
    static void write(Results results, Path file) throws IOException {
        List<CategoryChart> charts = panels().stream().map(p -> chart(p, results)).filter(c -> c != null).toList();
        if (charts.isEmpty()) {
            return;
        }
        VectorGraphics2D picture = new VectorGraphics2D();
        int width = COLUMNS * WIDTH;
        int height = HEAD + (charts.size() + COLUMNS - 1) / COLUMNS * HEIGHT;
        picture.setColor(Color.WHITE);
        picture.fillRect(0, 0, width, height);
        head(picture, results.machine());
        for (int i = 0; i < charts.size(); i++) {
            Graphics2D place = (Graphics2D) picture.create();
            place.translate(i % COLUMNS * WIDTH, HEAD + i / COLUMNS * HEIGHT);
            charts.get(i).paint(place, WIDTH, HEIGHT);
        }
        try (OutputStream out = Files.newOutputStream(file)) {
            Processors.get("svg").getDocument(picture.getCommands(), new PageSize(0, 0, width, height)).writeTo(out);
        }
    }

    private static void head(Graphics2D picture, Machine machine) {
        picture.setColor(Color.BLACK);
        picture.setFont(new Font(Font.SANS_SERIF, Font.BOLD, 17));
        picture.drawString("Forward and backward pass in training, milliseconds (less is better)", MARGIN, 26);
        picture.setFont(new Font(Font.SANS_SERIF, Font.PLAIN, 12));
        picture.drawString("FLOAT, " + machine.processor() + ", " + machine.cores() + " cores", MARGIN, 48);
        int x = COLUMNS * WIDTH - 400;
        for (Map.Entry<Implementation, Color> series : SERIES.entrySet()) {
            picture.setColor(series.getValue());
            picture.fillRect(x, 38, 12, 12);
            picture.setColor(Color.BLACK);
            picture.drawString(legend(series.getKey()), x + 17, 48);
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

    private static CategoryChart chart(Panel panel, Results results) {
        List<Case> cases = panel.cases().stream().filter(c -> SERIES.keySet().stream()
                .allMatch(i -> Ratio.time(results, c, i, Task.BOTH).isPresent())).toList();
        if (cases.isEmpty()) {
            return null;
        }
        CategoryChart chart = new CategoryChartBuilder().width(WIDTH).height(HEIGHT).title(panel.title()).build();
        List<String> labels = cases.stream().map(Chart::label).toList();
        double highest = 0;
        for (Implementation implementation : SERIES.keySet()) {
            List<Double> times = cases.stream()
                    .map(c -> Ratio.time(results, c, implementation, Task.BOTH).getAsDouble()).toList();
            chart.addSeries(legend(implementation), labels, times).setFillColor(SERIES.get(implementation));
            highest = Math.max(highest, times.stream().mapToDouble(Double::doubleValue).max().orElse(0));
        }
        style(chart.getStyler(), highest);
        return chart;
    }

    private static void style(CategoryStyler styler, double highest) {
        styler.setLegendVisible(false);
        styler.setLegendPosition(LegendPosition.OutsideE);
        styler.setAvailableSpaceFill(0.75);
        styler.setLabelsVisible(true);
        styler.setLabelsPosition(1.06);
        styler.setLabelsFont(new Font(Font.SANS_SERIF, Font.PLAIN, 8));
        styler.setLabelsFontColor(Color.DARK_GRAY);
        styler.setLabelsFontColorAutomaticEnabled(false);
        styler.setChartBackgroundColor(Color.WHITE);
        styler.setChartTitleFont(new Font(Font.SANS_SERIF, Font.BOLD, 13));
        styler.setChartTitleBoxVisible(false);
        styler.setPlotBorderVisible(false);
        styler.setPlotGridVerticalLinesVisible(false);
        styler.setPlotGridLinesColor(new Color(0xE3E6EA));
        styler.setAxisTickLabelsFont(new Font(Font.SANS_SERIF, Font.PLAIN, 11));
        styler.setYAxisMin(0.0);
        styler.setYAxisMax(1.15 * highest);
        styler.setYAxisTickLabelsFormattingFunction(value -> String.format(Locale.ROOT, highest < 1 ? "%.2f" : "%.0f", value));
        styler.setDecimalPattern(highest < 1 ? "0.00" : highest < 10 ? "0.0" : "0");
        styler.setAntiAlias(true);
    }
}
