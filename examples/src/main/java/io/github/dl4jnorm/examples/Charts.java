// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.text.DecimalFormat;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.DoubleSummaryStatistics;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.DoubleStream;
import org.knowm.xchart.VectorGraphicsEncoder;
import org.knowm.xchart.VectorGraphicsEncoder.VectorGraphicsFormat;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.XYStyler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/**
 * Charts as SVG to be put into a page, drawn by XChart. Colors are named, not fixed: the page says what they are, in light and
 * in dark. Legends are the page's, too, where they can wrap.
 */
final class Charts {
    /** How many series a page has colors for. */
    static final int COLORS = 12;

    /** The title of an x axis that starts with the first step and has whole numbers. */
    static final String STEP = "step";

    private static final int WIDTH = 400;
    private static final int HEIGHT = 240;
    private static final double MARGIN = 0.01;
    /** Stand in for the names of colors until XChart is done: black with a little red is ink, with a little green a series. */
    private static final Color INK = new Color(1, 0, 0);
    private static final Color GRID = new Color(2, 0, 0);
    /** Hundredths of a pixel nobody sees. */
    private static final Pattern LONG_NUMBER = Pattern.compile("(\\d\\.\\d\\d)\\d+");
    private static final Pattern STAND_IN = Pattern.compile("rgb\\(([0-2]),(\\d+),0\\)");

    private Charts() {
    }

    /**
     * A line, or what is below it.
     *
     * @param color number of its color
     * @param x     where its points are
     * @param y     how high they are
     * @param style how it is drawn
     */
    record Series(int color, double[] x, double[] y, Style style) {
    }

    /** The means of several runs with a thin line for each run; values are by point and run. */
    static List<Series> runs(int color, double[] x, double[][] values) {
        List<Series> all = new ArrayList<>();
        for (int run = 0; run < values[0].length && values[0].length > 1; run++) {
            int one = run;
            all.add(new Series(color, x, Arrays.stream(values).mapToDouble(point -> point[one]).toArray(), Style.FAINT));
        }
        all.add(new Series(color, x, Arrays.stream(values).mapToDouble(Runs::mean).toArray(), Style.POINTS));
        return all;
    }

    /** How a series is drawn. */
    enum Style {
        LINE, FAINT, POINTS, AREA
    }

    /**
     * A chart.
     *
     * @param xTitle what is on the x axis
     * @param yTitle what is on the y axis
     * @param log    whether y is logarithmic where it goes over more than a decade
     * @param all    its series, none of them empty
     * @return an svg element
     */
    static String svg(String xTitle, String yTitle, boolean log, List<Series> all) throws IOException {
        return svg(xTitle, yTitle, log, all, null);
    }

    /**
     * A chart with labels of its own.
     *
     * @param xLabels what is written for a number of the x axis, or null for the number
     */
    static String svg(String xTitle, String yTitle, boolean log, List<Series> all, Function<Double, String> xLabels)
            throws IOException {
        XYChart chart = new XYChart(WIDTH, HEIGHT);
        chart.setXAxisTitle(xTitle);
        chart.setYAxisTitle(yTitle);
        style(chart.getStyler());
        DoubleSummaryStatistics y = all.stream().flatMapToDouble(series -> Arrays.stream(series.y())).summaryStatistics();
        // Within less than a decade there may be no round number to label.
        boolean decades = log && y.getMax() > 10 * y.getMin();
        chart.getStyler().setYAxisLogarithmic(decades).setYAxisLogarithmicDecadeOnly(false)
                .setYAxisDecimalPattern("0.####");
        if (decades) {
            chart.getStyler().setYAxisTickLabelsFormattingFunction(Charts::roundNumber);
        }
        if (xLabels != null) {
            chart.getStyler().setXAxisTickLabelsFormattingFunction(xLabels);
        } else {
            DoubleSummaryStatistics x = all.stream().flatMapToDouble(series -> Arrays.stream(series.x())).summaryStatistics();
            boolean steps = xTitle.equals(STEP);
            double start = steps ? 0 : x.getMin();
            // Where points and ends of the axis are equally far apart, XChart labels points instead of round numbers.
            double margin = MARGIN * (x.getMax() > start ? x.getMax() - start : 1);
            chart.getStyler().setXAxisMin(steps ? start : start - margin).setXAxisMax(x.getMax() + margin)
                    .setXAxisDecimalPattern(steps ? "0" : "0.###");
        }
        for (int i = 0; i < all.size(); i++) {
            add(chart, "s" + i, all.get(i));
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        VectorGraphicsEncoder.saveVectorGraphic(chart, out, VectorGraphicsFormat.SVG);
        return inline(out.toString(StandardCharsets.UTF_8), yTitle + " over " + xTitle);
    }

    /** On a logarithmic axis there is no room for every number. */
    private static String roundNumber(double value) {
        double digit = value / Math.pow(10, Math.floor(Math.log10(value) + 1e-9));
        boolean round = DoubleStream.of(1, 2, 5).anyMatch(one -> Math.abs(digit - one) < 1e-6);
        return round ? new DecimalFormat(value >= 1e-3 && value < 1e4 ? "0.###" : "0E0").format(value) : "";
    }

    private static void style(XYStyler styler) {
        Font font = new Font(Font.SANS_SERIF, Font.PLAIN, 14);
        Color none = new Color(0, 0, 0, 0);
        styler.setLocale(Locale.ROOT);
        styler.setLegendVisible(false).setChartTitleVisible(false).setChartBackgroundColor(none).setPlotBackgroundColor(none)
                .setPlotBorderVisible(false).setChartPadding(4).setChartFontColor(INK);
        styler.setAxisTickLabelsFont(font).setAxisTitleFont(font).setAxisTickLabelsColor(INK).setAxisTickMarksColor(GRID)
                .setPlotGridLinesColor(GRID).setPlotGridLinesStroke(new BasicStroke(1)).setPlotGridVerticalLinesVisible(false)
                .setAxisTicksLineVisible(false).setXAxisTickMarkSpacingHint(70).setYAxisTickMarkSpacingHint(40);
    }

    private static void add(XYChart chart, String name, Series series) {
        XYSeries drawn = chart.addSeries(name, series.x(), series.y());
        Color color = new Color(0, series.color() % COLORS, 0);
        drawn.setMarker(SeriesMarkers.NONE).setLineColor(color).setLineStyle(new BasicStroke(2));
        switch (series.style()) {
            case FAINT -> drawn.setLineStyle(new BasicStroke(0.7f));
            case POINTS -> drawn.setMarker(SeriesMarkers.CIRCLE).setMarkerColor(color);
            case AREA -> drawn.setXYSeriesRenderStyle(XYSeries.XYSeriesRenderStyle.StepArea).setFillColor(color);
            default -> { }
        }
    }

    /** Without what a file of its own needs; as wide as there is room; with names for colors. */
    private static String inline(String file, String description) {
        String body = file.substring(file.indexOf("<svg"));
        String inner = body.substring(body.indexOf('>') + 1);
        Matcher matcher = STAND_IN.matcher(LONG_NUMBER.matcher(inner).replaceAll("$1"));
        String named = matcher.replaceAll(match -> match.group(1).equals("1") ? "var(--ink)"
                : match.group(1).equals("2") ? "var(--grid)" : "var(--s" + match.group(2) + ")");
        return String.format(Locale.ROOT, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">%s", WIDTH, HEIGHT,
                Page.escaped(description), named);
    }
}
