// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.pages;

import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.norm.Parameter;
import java.io.IOException;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.deeplearning4j.nn.conf.graph.GraphVertex;
import org.deeplearning4j.nn.conf.layers.Layer;

/** The pages of all layers, vertices and wrappers, and what is made of them together. */
final class NormPages {
    private static final List<NormPage> ALL = find();

    private NormPages() {
    }

    private static List<NormPage> find() {
        String conf = NormLayer.class.getPackageName();
        try (Stream<Path> files = Files.list(Source.DIRECTORY.resolve(conf.replace('.', '/')))) {
            List<NormPage> pages = new ArrayList<>();
            for (Path file : files.filter(one -> !one.endsWith("package-info.java")).toList()) {
                Class<?> type = Class.forName(conf + "." + file.getFileName().toString().replace(".java", ""));
                if (!Modifier.isAbstract(type.getModifiers()) && (Layer.class.isAssignableFrom(type)
                        || GraphVertex.class.isAssignableFrom(type))) {
                    pages.add(new NormPage(type));
                }
            }
            pages.sort(Comparator.comparing(NormPage::name));
            return pages;
        } catch (IOException | ClassNotFoundException e) {
            throw new AssertionError(e);
        }
    }

    /** All, in the order of their names. */
    static List<NormPage> all() {
        return ALL;
    }

    /** The table of the index. */
    static String index() {
        return "\n| norm | what it does | in PyTorch, or where it comes from |\n|---|---|---|\n" + ALL.stream()
                .map(page -> "| [%s](%s.md) | %s | %s |\n".formatted(page.title(), page.name(), page.sentence(),
                        page.equivalents().isEmpty() ? "–" : page.equivalents().get(0)[0])).collect(Collectors.joining());
    }

    /** The tables of the dictionary: where a name begins like this, by name. */
    static String dictionary() {
        StringBuilder text = new StringBuilder();
        TreeMap<String, String> rows = new TreeMap<>();
        ALL.forEach(page -> page.equivalents().forEach(row -> rows.put(row[0], "| %s | %s | [%s](norms/%s.md) |\n"
                .formatted(row[0], row[1], page.title(), page.name()))));
        for (String[] section : new String[][]{{"PyTorch", "`torch"}, {"Keras", "`keras"}, {"Other libraries", "`"}}) {
            text.append("\n## %s\n\n| there | here | page |\n|---|---|---|\n".formatted(section[0]));
            rows.keySet().stream().filter(name -> name.startsWith(section[1])).toList()
                    .forEach(name -> text.append(rows.remove(name)));
        }
        Map<String, Set<String>> keras = new TreeMap<>();
        ALL.forEach(page -> page.keras().forEach((key, name) ->
                keras.computeIfAbsent(key, one -> new TreeSet<>()).add("`" + name + "`")));
        text.append("\n## Names of parameters\n\n| here | in PyTorch's state_dict | in Keras | kind |\n|---|---|---|---|\n");
        for (Parameter one : Parameter.values()) {
            text.append("| `%s` | `%s` | %s | %s |\n".formatted(one, one.pyTorch(), keras.containsKey(one.key())
                    ? String.join(", ", keras.get(one.key())) : "–", one.isLearned() ? "learned" : "tracked"));
        }
        return text.toString();
    }
}
