// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import java.util.List;
import java.util.Locale;

/** A page of HTML that needs nothing but itself, for wide and narrow screens, light and dark. */
final class Page {
    private static final String[] LIGHT = {"#1f6fb5", "#c9570c", "#2b8a3e", "#c02a3c", "#7a4fb5", "#8a5a44", "#c2489b", "#5c6670",
        "#8a7a00", "#0b8793", "#3b3fb8", "#000000"};
    private static final String[] DARK = {"#6cb6ff", "#ff9d5c", "#6fd08c", "#ff7b88", "#c3a3ff", "#d6a58f", "#ff9bdb", "#b5bec9",
        "#e3d36a", "#6fdbe6", "#a3a8ff", "#ffffff"};
    /** Charts fill columns of one width (auto-fill), also where there are few of them: letters grow with a chart. */
    private static final String STYLE = """
            *{box-sizing:border-box}
            body{margin:0 auto;max-width:76rem;padding:1rem;background:var(--ground);color:var(--ink);
              font:1rem/1.5 system-ui,sans-serif}
            h1{font-size:1.6rem;line-height:1.2;margin:.5rem 0}h2{font-size:1.2rem;margin:2rem 0 .5rem}
            h3{font-size:1rem;margin:1rem 0 .25rem}p{max-width:46rem;margin:.25rem 0 .75rem}
            .charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,22rem),1fr));gap:1rem;margin-bottom:1rem}
            figure{margin:0;padding:.5rem;border:1px solid var(--grid);border-radius:.5rem;min-width:0;max-width:40rem}
            figcaption{font-weight:600;overflow-wrap:anywhere}svg{display:block;width:100%;height:auto}
            svg text{font-family:system-ui,sans-serif}
            .key{display:flex;flex-wrap:wrap;gap:0 .9rem;font-size:.85rem;list-style:none;margin:0;padding:0}
            .key i{display:inline-block;width:.9rem;height:.25rem;margin-right:.35rem;vertical-align:middle;border-radius:2px}
            .key .thin{height:1px}
            .wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}
            th,td{padding:.25rem .75rem;text-align:right;border-bottom:1px solid var(--grid);white-space:nowrap}
            th:first-child,td:first-child{text-align:left;padding-left:0}
            @media(max-width:34rem){h1{font-size:1.3rem}th,td{padding:.25rem .2rem;font-size:.75rem}th{white-space:normal}}
            details{border-top:1px solid var(--grid);padding:.5rem 0}summary{cursor:pointer;font-weight:600;font-size:1.1rem}
            """;

    private final StringBuilder html = new StringBuilder();

    Page(String title) {
        html.append("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
                + "content=\"width=device-width,initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n<title>")
                .append(escaped(title)).append("</title>\n<style>\n").append(colors()).append(STYLE)
                .append("</style>\n</head>\n<body>\n<h1>").append(escaped(title)).append("</h1>\n");
    }

    /** The names that charts use for colors, in light and in dark. */
    static String colors() {
        return colors(":root", "#fff", "#1d2329", "#d5dae0", LIGHT) + "@media(prefers-color-scheme:dark){"
                + colors(":root", "#14181d", "#e4e8ec", "#3a424c", DARK) + "}\n";
    }

    private static String colors(String selector, String ground, String ink, String grid, String[] series) {
        StringBuilder css = new StringBuilder(selector + "{--ground:" + ground + ";--ink:" + ink + ";--grid:" + grid);
        for (int i = 0; i < series.length; i++) {
            css.append(";--s").append(i).append(':').append(series[i]);
        }
        return css.append("}\n").toString();
    }

    static String escaped(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\"", "&quot;");
    }

    /**
     * An entry of a legend.
     *
     * @param color number of the color
     * @param name  what it stands for
     * @param thin  whether the line is thin
     */
    record Key(int color, String name, boolean thin) {
        Key(int color, String name) {
            this(color, name, false);
        }
    }

    void section(String title, String text) {
        html.append("<h2>").append(escaped(title)).append("</h2>\n");
        text(text);
    }

    void subsection(String title, String text) {
        html.append("<h3>").append(escaped(title)).append("</h3>\n");
        text(text);
    }

    void text(String text) {
        html.append("<p>").append(escaped(text)).append("</p>\n");
    }

    void table(List<String> head, List<List<String>> rows) {
        html.append("<div class=\"wide\"><table>\n<thead><tr>");
        head.forEach(cell -> html.append("<th scope=\"col\">").append(escaped(cell)).append("</th>"));
        html.append("</tr></thead>\n<tbody>\n");
        for (List<String> row : rows) {
            html.append("<tr>");
            row.forEach(cell -> html.append("<td>").append(escaped(cell)).append("</td>"));
            html.append("</tr>\n");
        }
        html.append("</tbody></table></div>\n");
    }

    void openCharts() {
        html.append("<div class=\"charts\">\n");
    }

    void closeCharts() {
        html.append("</div>\n");
    }

    void chart(String caption, String svg, List<Key> keys) {
        html.append("<figure><figcaption>").append(escaped(caption)).append("</figcaption>\n<ul class=\"key\">");
        for (Key key : keys) {
            html.append(String.format(Locale.ROOT, "<li><i%s style=\"background:var(--s%d)\"></i>%s</li>",
                    key.thin() ? " class=\"thin\"" : "", key.color() % Charts.COLORS, escaped(key.name())));
        }
        html.append("</ul>\n").append(svg).append("</figure>\n");
    }

    void openDetails(String summary, boolean open) {
        html.append(open ? "<details open>" : "<details>").append("<summary>").append(escaped(summary)).append("</summary>\n");
    }

    void closeDetails() {
        html.append("</details>\n");
    }

    /** The whole page. */
    String finished() {
        return html + "</body>\n</html>\n";
    }
}
