// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.pages;

import io.github.dl4jnorm.conf.NormBuilder;
import io.github.dl4jnorm.conf.NormFactory;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.keras.KerasNames;
import io.github.dl4jnorm.ops.NDNorm;
import io.github.dl4jnorm.ops.OpsOf;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.Array;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.nd4j.linalg.activations.Activation;

/**
 * The page of a layer, vertex or wrapper: what stands in front of the mark is written by hand, what follows by
 * {@link #text()}.
 *
 * @param type its configuration
 */
record NormPage(Class<?> type) {
    static final Path SITE = Path.of(System.getProperty("basedir", ".")).resolve("../src/site/markdown");
    static final String MARK = "<!-- NormPagesTest writes what follows. -->\n";
    private static final String PICTURE = "images/norms/%s.svg";
    private static final Pattern FORMULA = Pattern.compile("`(y = [^`]*)`");
    private static final Map<Class<?>, String> FACTORY = factory();
    /** Options with which four examples of four channels show what is shared. */
    private static final Map<String, Map<String, ?>> DRAWN = Map.of("group", Map.of("groups", 2), "evonorm-s0",
            Map.of("groups", 2), "ghost", Map.of("virtualBatchSize", 2));
    /** Options of all layers that mean the same for each. */
    private static final Set<String> OF_ALL = Set.of("affine", "channelsLast", "dataFormat", "gammaRegularization",
            "betaRegularization", "constrainGamma", "constrainBeta");
    private static final String TEMPLATE = """

            ## Definition

            %s
            %s
            ## Create it

            %s
            ## Options

            %s
            ## Parameters

            %s%s""";

    private static Map<Class<?>, String> factory() {
        Map<Class<?>, String> names = new LinkedHashMap<>();
        NormFactory.names().forEach(name -> names.put(made(name, Map.of()).getClass(), name));
        return names;
    }

    private static Layer made(String name, Map<String, ?> options) {
        List<Layer> layers = NormFactory.create(name, options).around(dense());
        return layers.get(layers.size() - 1);
    }

    static DenseLayer dense() {
        return new DenseLayer.Builder().nOut(3).activation(Activation.IDENTITY).build();
    }

    /** Such as {@code group-normalization}. */
    String name() {
        return type.getSimpleName().replaceAll("(?<=[a-z])(?=[A-Z])", "-").toLowerCase(Locale.ROOT);
    }

    Path file() {
        return SITE.resolve("norms").resolve(name() + ".md");
    }

    /** What is written by hand. */
    String hand() {
        return hand(file());
    }

    static String hand(Path file) {
        return read(file).split(Pattern.quote(MARK))[0];
    }

    static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    String title() {
        return hand().lines().findFirst().orElse("").replaceFirst("^# ", "");
    }

    /** The paragraph below the title. */
    String sentence() {
        return hand().split("\n\n")[1].replace('\n', ' ');
    }

    /** What stands elsewhere, and what stands here for it. */
    List<String[]> equivalents() {
        return hand().lines().filter(line -> line.startsWith("| `")).map(NormPage::cells).toList();
    }

    /** The cells of a row, where a mark within a cell is escaped. */
    static String[] cells(String row) {
        return Stream.of(row.substring(1).split("(?<!\\\\)\\|")).map(String::trim).toArray(String[]::new);
    }

    static String row(Object... cells) {
        return Stream.of(cells).map(String::valueOf).collect(Collectors.joining(" | ", "| ", " |\n"));
    }

    static String table(String... head) {
        return row((Object[]) head) + "|---".repeat(head.length) + "|\n";
    }

    static String code(Object text) {
        return "`" + text + "`";
    }

    /** The whole page. */
    String text() {
        Object conf = make(type);
        String input = conf instanceof NormLayer norm ? "\n## Shapes\n\n" + shapes(norm) : "";
        return hand() + MARK + TEMPLATE.formatted(definition(), input,
                creation(), options(conf), ParameterTable.of(conf, keras()), Speed.of(FACTORY.get(type)));
    }

    /** The Javadoc of the class, with the formula that all layers have if it has none. */
    private String definition() {
        String text = Source.of(type).description(type.getSimpleName(), this::link);
        Matcher formula = FORMULA.matcher(Source.of(NormLayer.class).description(NormLayer.class.getSimpleName(), this::link));
        return text.contains("```") || !NormLayer.class.isAssignableFrom(type) || !formula.find() ? text
                : text + "\n\n```text\n" + formula.group(1) + "\n```";
    }

    private String link(String name) {
        String simple = name.replaceAll(".*\\.", "");
        return NormPages.all().stream().filter(page -> page != this && page.type.getSimpleName().equals(simple))
                .map(page -> "[" + code(simple) + "](" + page.name() + ".md)").findFirst().orElse(code(simple));
    }

    /** With its defaults. */
    private static Object make(Class<?> type) {
        try {
            return FACTORY.containsKey(type) ? made(FACTORY.get(type), Map.of()) : type.getConstructor().newInstance();
        } catch (ReflectiveOperationException e) {
            throw new AssertionError(type + ": expected a constructor without arguments", e);
        }
    }

    /** The class itself if there is no builder. */
    private static Class<?> builder(Class<?> type) {
        return Stream.of(type.getClasses()).filter(inside -> inside.getSimpleName().equals("Builder")).findFirst().orElse(type);
    }

    /** The picture, or null if nothing is shared. */
    String picture() {
        List<Influence> drawn = make(type) instanceof NormLayer ? Influence.of(drawnNorm(), 3) : List.of();
        return drawn.isEmpty() || !drawn.get(0).isShared() ? null : Influence.picture(title(), drawn);
    }

    Path pictureFile() {
        return SITE.resolve(PICTURE.formatted(name()));
    }

    private NormLayer drawnNorm() {
        String name = FACTORY.get(type);
        return (NormLayer) (name == null ? make(type) : made(name, DRAWN.getOrDefault(name, Map.of())));
    }

    private String shapes(NormLayer norm) {
        StringBuilder text = new StringBuilder(table("input", "statistics over"));
        String picture = "";
        for (int rank = 2; rank <= 5; rank++) {
            List<Influence> found = norm.plan(rank) == null ? List.of() : Influence.of(drawnNorm(), rank);
            text.append(row(code(Influence.shape(rank)), found.isEmpty() ? "not supported"
                    : Influence.words(found)));
            if (rank == 3 && found.get(0).isShared()) {
                picture = "\n![%s](../%s)\n".formatted(Influence.alt(found), PICTURE.formatted(name()));
            }
        }
        text.append("\nThe output has the shape of the input. Channels-last input (such as `[N, H, W, C]`) works likewise.\n");
        text.append(!norm.usesBatch(true) ? "Training and test time use the stored statistics.\n" : norm.plan(3).hasRunning()
                ? "At test time, running statistics take the place of those of the batch.\n"
                : "Training and test time compute the same.\n").append(picture);
        return text.append("\n[All norms compared](../reference.md#axes)\n").toString();
    }

    private String creation() {
        StringBuilder rows = new StringBuilder(table("what", "how"));
        Class<?> builder = builder(type);
        String made = builder == type ? type.getSimpleName() : type.getSimpleName() + ".Builder";
        // The longest one is Deeplearning4j's, for its own use.
        Source.of(builder).members("", builder.getSimpleName()).stream().filter(one -> !one.arguments().contains("List<"))
                .forEach(constructor -> rows.append(row(builder == type ? "vertex" : "builder",
                        code(made + "(" + constructor.arguments() + ")"))));
        if (FACTORY.containsKey(type)) {
            rows.append(row("by name", code("NormFactory.create(\"" + FACTORY.get(type) + "\")")));
        }
        Source ops = Source.of(NDNorm.class.getSuperclass());
        OpsOf.layer(type).forEach(name -> ops.members("A ", name).forEach(op ->
                rows.append(row("array (`NDNorm`), graph (`SDNorm`)", code(op.call())))));
        return rows.toString();
    }

    private String options(Object conf) {
        StringBuilder rows = new StringBuilder();
        Set<String> seen = new LinkedHashSet<>();
        for (Class<?> part = builder(type); part != null && part.getPackage() == type.getPackage(); part = part.getSuperclass()) {
            for (Source.Member option : Source.of(part).members("(?:T|Builder) ", "\\w+")) {
                String value = value(conf, option.name());
                if (seen.add(option.name()) && (part != NormBuilder.class || !OF_ALL.contains(option.name()))) {
                    rows.append(row(code(option.name() + "(" + option.arguments().replaceAll(" \\w+(?=,|$)", "") + ")"),
                            value == null ? "–" : value, option.says().replaceFirst("^Sets ", "").replaceFirst("\\.$", "")));
                }
            }
        }
        String others = conf instanceof NormLayer ? "\n[Options of all layers](../reference.md#all-layers)\n" : "";
        return rows.isEmpty() ? "It has no other options.\n" : table("option", "default", "meaning") + rows + others;
    }

    /** The value of an option, or null if it is not known by this name. */
    private static String value(Object conf, String option) {
        String name = option.substring(0, 1).toUpperCase(Locale.ROOT) + option.substring(1);
        for (Method method : conf.getClass().getMethods()) {
            if (method.getParameterCount() == 0 && method.getName().matches("(?:get|is)" + name)) {
                try {
                    return shown(method.invoke(conf));
                } catch (ReflectiveOperationException e) {
                    throw new AssertionError(e);
                }
            }
        }
        return null;
    }

    static String shown(Object value) {
        if (value instanceof Double number) {
            return String.valueOf(number).replace("E", "e").replaceFirst("\\.0(?=e|$)", "");
        }
        return value == null || value.getClass().isArray() && Array.getLength(value) == 0 ? "none" : String.valueOf(value);
    }

    /** What Keras calls the parameters. */
    Map<String, String> keras() {
        try {
            return KerasNames.of(type);
        } catch (ReflectiveOperationException e) {
            throw new AssertionError(e);
        }
    }
}
