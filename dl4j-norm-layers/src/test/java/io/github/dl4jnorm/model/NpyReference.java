// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import java.math.BigInteger;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * NumPy's rules for a header once more, in another way: tokens are rewritten to a plain form, brackets are folded from the
 * inside out, and what is left is compared with the one form that a header may have.
 */
final class NpyReference {
    private static final Pattern TOKEN = Pattern.compile("(?s)([ \\t\\f\\n]+|\\\\\\n|#[^\\n]*)"
            + "|([uUrR]?)('''|\"\"\"|'(?!'')|\"(?!\"\"))"
            + "((?:(?!\\3)(?:\\\\.|[^\\\\]))*+)\\3|([0-9][0-9a-fA-FxXoO_]*+)([ \\t\\f]*+L(?![0-9A-Za-z_]))*"
            + "|(True|False)(?![0-9A-Za-z_])|([-+{}(),:])");
    private static final String ATOM = "(?:\"[0-9a-f]*\"|'[0-9a-f]*'|[-+]?\\d+|True|False|<[0-9a-f]*>)";
    private static final Pattern JOINED = Pattern.compile("\"([0-9a-f]*)\" \"([0-9a-f]*)\"");
    private static final Pattern BRACKETS = Pattern.compile("\\( ?(" + ATOM + ") ?\\)");
    private static final Pattern TUPLE = Pattern.compile("\\( ?((?:" + ATOM + " ?, ?)+(?:" + ATOM + " ?)?)?\\)");
    private static final Pattern ENTRY = Pattern.compile(" ?[\"']([0-9a-f]*)[\"'] ?: ?(" + ATOM + ") ?(?:,|$)");

    /** The last line may be empty, but not indented. */
    private static final Pattern END = Pattern.compile("(?s)(?:[ \\t\\f]|\\\\\\n(?=.))*+(?:#[^\\n]*)?"
            + "(?:\\n(?:[ \\t\\f]*(?:#[^\\n]*)?\\n)*+(?:[ \\t\\f]*#[^\\n]*|(?:[ \\t\\f]*\\f)?))?");

    private NpyReference() {
    }

    /** Whether NumPy would read an array of so many elements of a type that is read here. */
    static boolean accepts(String header, int version, int elements) {
        String text = header.replace("\r\n", "\n").replace('\r', '\n');
        String start = text.replaceFirst("^[ \\t]+", "");
        boolean indented = start.matches("(?s)(?:[ \\t\\f]*(?:#[^\\n]*)?\\n)*+[ \\t\\f]*[ \\t].*");
        boolean continued = start.matches("(?s)(?:[ \\t\\f]*(?:#[^\\n]*)?\\n)*+[ \\t\\f]*\\\\.*");
        if (continued || !END.matcher(text.substring(end(text))).matches() || text.indexOf(0) >= 0
                || text.codePointCount(0, text.length()) > 10_000 || indented) {
            return false;
        }
        String folded = folded(plain(text, version < 3)).strip();
        while (folded.matches("\\( ?\\{[^{}]*\\} ?\\)")) {
            folded = folded.substring(1, folded.length() - 1).strip();
        }
        if (!folded.startsWith("{") || !folded.endsWith("}")) {
            return false;
        }
        String inner = folded.substring(1, folded.length() - 1).strip();
        Map<String, String> entries = new HashMap<>();
        Matcher entry = ENTRY.matcher(inner);
        int at = 0;
        while (at < inner.length() && entry.region(at, inner.length()).lookingAt()) {
            entries.put(unhex(entry.group(1)), entry.group(2));
            at = entry.end();
        }
        return at == inner.length() && entries.size() == 3
                && entries.getOrDefault("fortran_order", "").matches("True|False")
                && entries.getOrDefault("descr", "").matches("[\"'].*")
                && unhex(entries.get("descr").replaceAll("[\"']", ""))
                .matches("[<>=|]?(f2|f4|f8|e|f|d)|float(16|32|64)?|half|single|double")
                && entries.getOrDefault("shape", "").startsWith("<") && elements(unhex(entries.get("shape")
                .replaceAll("[<>]", ""))).equals(BigInteger.valueOf(elements));
    }

    /** Where the last token ends that says something. */
    private static int end(String text) {
        Matcher token = TOKEN.matcher(text);
        int end = 0;
        for (int at = 0; at < text.length() && token.region(at, text.length()).lookingAt(); at = token.end()) {
            end = token.group(1) == null ? token.end() : end;
        }
        return end;
    }

    /** Strings in hexadecimal digits, integers in decimal ones, one blank for all that separates; null if there is more. */
    private static String plain(String text, boolean python2) {
        StringBuilder plain = new StringBuilder();
        Matcher token = TOKEN.matcher(text);
        int at = 0;
        for (; at < text.length() && token.region(at, text.length()).lookingAt(); at = token.end()) {
            String literal = token.group();
            if (token.group(1) != null) {
                plain.append(' ');
            } else if (token.group(3) != null) {
                boolean line = token.group(3).length() == 1 && token.group(4).replaceAll("(?s)\\\\.", "").contains("\n");
                String value = line ? null : token.group(2).equalsIgnoreCase("r") ? token.group(4) : unescaped(token.group(4));
                if (value == null) {
                    return "";
                }
                plain.append(" \"").append(hex(value)).append("\" ");
            } else if (token.group(5) != null) {
                BigInteger number = number(literal.replaceAll("[ \\t\\f]*L", ""));
                if (number == null || !python2 && literal.endsWith("L")) {
                    return "";
                }
                plain.append(' ').append(number).append(' ');
            } else {
                plain.append(literal);
            }
        }
        return at < text.length() ? "" : plain.toString().replaceAll(" +", " ").replaceAll("([-+]) (?=\\d)", "$1");
    }

    private static String unescaped(String text) {
        Matcher escape = Pattern.compile("(?s)\\\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{1,3}|.)").matcher(text);
        StringBuilder value = new StringBuilder();
        while (escape.find()) {
            String code = escape.group(1);
            String meaning = code.length() > 2 && "xuU".indexOf(code.charAt(0)) >= 0
                    ? code(Integer.parseUnsignedInt(code.substring(1), 16))
                    : code.matches("[0-7]+") ? code(Integer.parseInt(code, 8))
                    : "xuUN".contains(code) ? null : "\n".equals(code) ? "" : switch (code) {
                        case "\\", "'", "\"" -> code;
                        case "n" -> "\n";
                        case "t" -> "\t";
                        case "r" -> "\r";
                        case "a" -> "\u0007";
                        case "b" -> "\b";
                        case "f" -> "\f";
                        case "v" -> "\u000b";
                        default -> "\\" + code;
                    };
            if (meaning == null) {
                return null;
            }
            escape.appendReplacement(value, Matcher.quoteReplacement(meaning));
        }
        return escape.appendTail(value).toString();
    }

    private static String code(int point) {
        return Character.isValidCodePoint(point) ? Character.toString(point) : null;
    }

    private static BigInteger number(String digits) {
        String plain = digits.replace("_", "");
        if (digits.endsWith("_") || digits.contains("__") || digits.matches("0_[xXoObB].*") || digits.length() > 4000) {
            return null;
        }
        return plain.matches("0[xX][0-9a-fA-F]+") ? new BigInteger(plain.substring(2), 16)
                : plain.matches("0[oO][0-7]+") ? new BigInteger(plain.substring(2), 8)
                : plain.matches("0[bB][01]+") ? new BigInteger(plain.substring(2), 2)
                : plain.matches("[1-9][0-9]*|0+") ? new BigInteger(plain) : null;
    }

    private static String folded(String plain) {
        String before = null;
        String now = plain;
        while (!now.equals(before)) {
            before = now;
            now = JOINED.matcher(now).replaceAll("\"$1$2\"");
            now = BRACKETS.matcher(now).replaceAll(atom -> " " + atom.group(1).replace('"', '\'') + " ");
            now = TUPLE.matcher(now).replaceAll(tuple -> " <" + hex(tuple.group(1) == null ? "" : tuple.group(1)) + "> ");
            now = now.replaceAll(" +", " ");
        }
        return now;
    }

    /** How many elements an array of such sizes has; −1 if these are no sizes. */
    private static BigInteger elements(String sizes) {
        return Arrays.stream(sizes.split(",")).map(String::strip).filter(size -> !size.isEmpty())
                .map(size -> size.matches("\\+?\\d+|-0+") ? new BigInteger(size) : BigInteger.TWO.pow(99).negate())
                .reduce(BigInteger.ONE, BigInteger::multiply).max(BigInteger.ONE.negate());
    }

    private static String hex(String text) {
        return HexFormat.of().formatHex(text.getBytes(java.nio.charset.StandardCharsets.UTF_16BE));
    }

    private static String unhex(String hex) {
        return new String(HexFormat.of().parseHex(hex), java.nio.charset.StandardCharsets.UTF_16BE);
    }
}
