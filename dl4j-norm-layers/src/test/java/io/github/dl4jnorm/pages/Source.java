// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.pages;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What the source of a class says: its Javadoc, as Markdown, and its methods.
 *
 * @param text the file
 */
record Source(String text) {
    static final Path DIRECTORY = Path.of(System.getProperty("basedir", "."), "src/main/java");
    private static final Pattern LINK =
            Pattern.compile("\\{@link(?:plain)?\\s+([\\w.]*)(?:#(\\w+)(?:\\([^)]*\\))?)?(?:\\s+[^}]+)?}");
    private static final Pattern CODE = Pattern.compile("\\{@code\\s+([^}]*)}");
    private static final Pattern BLOCK = Pattern.compile("<pre>(?:\\{@code)?\n(.*?)\n}?</pre>", Pattern.DOTALL);

    /**
     * A documented method or constructor.
     *
     * @param name      its name
     * @param arguments such as {@code int groups}
     * @param says      the first sentence of its Javadoc
     */
    record Member(String name, String arguments, String says) {
        /** Without the types of the arguments. */
        String call() {
            return name + "(" + arguments.replaceAll("[\\w.<>]+(?:\\.\\.\\.)? (\\w+)", "$1") + ")";
        }
    }

    static Source of(Class<?> type) {
        String name = type.getName().replaceAll("\\$.*", "").replace('.', '/') + ".java";
        try {
            return new Source(Files.readString(DIRECTORY.resolve(name)));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** What is said about the class of the file. */
    String description(String type, UnaryOperator<String> link) {
        for (String part : text.split("/\\*\\*")) {
            int end = part.indexOf("*/");
            if (end >= 0 && Pattern.compile("^(?:@.*\n)*public .*class " + type + "\\b", Pattern.MULTILINE)
                    .matcher(part.substring(end + 2).strip()).lookingAt()) {
                return markdown(part.substring(0, end), link);
            }
        }
        throw new AssertionError(type + ": expected Javadoc of the class");
    }

    /** Public members that return one of these types, or constructors with that name if nothing is returned. */
    List<Member> members(String returned, String name) {
        Pattern member = Pattern.compile("\\s*(?:@\\S+\\s+)*public (?:" + returned + ")(" + name + ")\\(([^)]*)\\)");
        List<Member> members = new ArrayList<>();
        for (String part : text.split("/\\*\\*")) {
            int end = part.indexOf("*/");
            Matcher matcher = member.matcher(end < 0 ? "" : part.substring(end + 2));
            if (matcher.lookingAt()) {
                members.add(new Member(matcher.group(1), matcher.group(2).replaceAll("\\s+", " "),
                        markdown(part.substring(0, end), type -> "`" + type + "`").split("(?<=\\.)\\s")[0]
                                .replaceAll("\\s+", " ")));
            }
        }
        return members;
    }

    /** Javadoc between its marks, without its tags. */
    private static String markdown(String javadoc, UnaryOperator<String> link) {
        String plain = javadoc.replaceAll("(?m)^ *\\*? ?", "").replaceAll("(?s)(?:^|\n)@\\w.*", "").strip();
        plain = BLOCK.matcher(plain).replaceAll(block -> Matcher.quoteReplacement(
                "```text\n" + block.group(1).stripIndent() + "\n```"));
        plain = CODE.matcher(plain).replaceAll(code ->
                Matcher.quoteReplacement("`" + code.group(1).replaceAll("\\s+", " ") + "`"));
        plain = LINK.matcher(plain).replaceAll(found -> Matcher.quoteReplacement(found.group(2) == null
                ? link.apply(found.group(1)) : "`" + found.group(1).replaceAll(".*\\.", "")
                + (found.group(1).isEmpty() ? "" : ".") + found.group(2) + "`"));
        return plain.replaceAll("(?s)<a href=\"([^\"]*)\">(.*?)</a>", "[$2]($1)").replaceAll("</?(?:p|ul)>\n?", "")
                .replaceAll("<li>", "- ").replaceAll("</?i>", "*").strip();
    }
}
