// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads a literal of Python, as {@code ast.literal_eval} does, of the kinds that describe an array: dictionaries, tuples,
 * strings, integers, True and False. A dictionary becomes a {@link Map}, a tuple a {@link List}, an integer a
 * {@link BigInteger}. All else is refused; of what is left out, NumPy would take only values that a second one with the same
 * key replaces, and characters by their Unicode names.
 */
final class PythonLiteral {
    /** How deep Python lets brackets nest. */
    private static final int DEEPEST = 200;
    private static final Pattern STRING = Pattern.compile("[uUrR]?(\"\"\"|'''|\"|')");
    private static final Pattern INTEGER = Pattern.compile(
            "0[xX]_?([0-9a-fA-F][0-9a-fA-F_]*)|0[oO]_?([0-7][0-7_]*)|0[bB]_?([01][01_]*)|([1-9][0-9_]*|0[0_]*)");
    private static final int[] RADIX = {0, 16, 8, 2, 10};
    private static final Pattern NAME = Pattern.compile("[A-Za-z_][A-Za-z_0-9]*");
    /** What may stand between all else within brackets. Skipped one by one: repeated in a pattern, it overflows the stack. */
    private static final Pattern BLANK = Pattern.compile("[ \t\f\n]+|\\\\\n|#[^\n]*");
    private static final Pattern INDENTATION = Pattern.compile("[ \t]+");
    private static final Pattern EMPTY_LINE = Pattern.compile("[ \t\f]*(?:#[^\n]*)?\n");
    /** A form feed starts a line anew, which is then not indented. */
    private static final Pattern FORM_FEEDS = Pattern.compile("[ \t\f]*\f");
    private static final Pattern END_OF_LINE = Pattern.compile("[ \t\f]+|\\\\\n(?!\\z)|#[^\n]*(?=\n|\\z)");
    private static final Pattern COMMENT = Pattern.compile("[ \t\f]*#[^\n]*");
    /** What Python 2 appends to an integer. */
    private static final Pattern LONG = Pattern.compile("[ \t\f]*L(?![A-Za-z_0-9])");
    private static final Pattern ESCAPE = Pattern.compile(
            "\\\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U(00(?:0[0-9a-fA-F]|10)[0-9a-fA-F]{4})|([0-7]{1,3})|([^xuUN0-7]))",
            Pattern.DOTALL);
    private static final String SIMPLE = "\\'\"abfnrtv";
    private static final String MEANING = "\\'\"\u0007\b\f\n\r\t\u000b";

    private final String text;
    private final boolean python2;
    private final Matcher matcher;
    private int at;
    private int depth;

    private PythonLiteral(String text, boolean python2) {
        this.text = text.replace("\r\n", "\n").replace('\r', '\n');
        this.python2 = python2;
        matcher = BLANK.matcher(this.text);
    }

    /**
     * Reads a literal.
     *
     * @param text    a literal and nothing else
     * @param python2 whether integers may have an L behind them
     * @return what it means
     * @throws IllegalArgumentException if it is no such literal
     */
    static Object read(String text, boolean python2) {
        PythonLiteral literal = new PythonLiteral(text, python2);
        // The first line may be indented, one behind empty lines must not.
        literal.skip(INDENTATION);
        literal.skip(EMPTY_LINE);
        literal.skip(FORM_FEEDS);
        Object value = literal.value();
        literal.end();
        if (literal.at < literal.text.length() || literal.text.indexOf(0) >= 0) {
            throw literal.unexpected();
        }
        return value;
    }

    /** Behind the last line with something there may be empty ones, and the very last one must not be indented. */
    private void end() {
        skip(END_OF_LINE);
        if (peek() == '\n') {
            at++;
            skip(EMPTY_LINE);
            skip(COMMENT);
            skip(FORM_FEEDS);
        }
    }

    private Object value() {
        char c = peek();
        if (c == '{') {
            return dictionary();
        }
        if (c == '(') {
            return parenthesized();
        }
        if (c == '+' || c == '-' || c >= '0' && c <= '9') {
            return integer();
        }
        if (find(STRING)) {
            return strings();
        }
        if (find(NAME)) {
            String name = matcher.group();
            if (name.equals("True") || name.equals("False")) {
                at = matcher.end();
                return name.equals("True");
            }
        }
        throw unexpected();
    }

    private Map<Object, Object> dictionary() {
        Map<Object, Object> entries = new LinkedHashMap<>();
        open();
        while (peek() != '}') {
            Object key = value();
            skip(BLANK);
            expect(':');
            skip(BLANK);
            entries.put(key, value());
            if (!another('}')) {
                break;
            }
        }
        close('}');
        return entries;
    }

    /** A tuple, or a value in brackets where there is no comma. */
    private Object parenthesized() {
        List<Object> elements = new ArrayList<>();
        boolean tuple = true;
        open();
        while (peek() != ')') {
            elements.add(value());
            tuple = another(')');
            if (!tuple) {
                break;
            }
        }
        close(')');
        return tuple || elements.size() > 1 ? elements : elements.get(0);
    }

    /** Takes a comma, where there is one; without one, what is open ends. */
    private boolean another(char end) {
        skip(BLANK);
        if (peek() == end) {
            return false;
        }
        expect(',');
        skip(BLANK);
        return true;
    }

    private void open() {
        if (++depth > DEEPEST) {
            throw unexpected();
        }
        at++;
        skip(BLANK);
    }

    private void close(char end) {
        expect(end);
        depth--;
    }

    private BigInteger integer() {
        boolean signed = peek() == '+' || peek() == '-';
        boolean negative = peek() == '-';
        if (signed) {
            at++;
            skip(BLANK);
        }
        if (!find(INTEGER)) {
            throw unexpected();
        }
        BigInteger number = null;
        for (int form = 1; form < RADIX.length; form++) {
            if (matcher.group(form) != null) {
                number = number(matcher.group(form), RADIX[form]);
            }
        }
        at = matcher.end();
        if (python2) {
            skip(LONG);
        }
        if (Character.isLetterOrDigit(peek()) || peek() == '_' || peek() == '.') {
            throw unexpected();
        }
        return negative ? number.negate() : number;
    }

    private BigInteger number(String digits, int radix) {
        if (digits.contains("__") || digits.endsWith("_")) {
            throw unexpected();
        }
        return new BigInteger(digits.replace("_", ""), radix);
    }

    /** One string, or several that stand one behind the other. */
    private String strings() {
        StringBuilder all = new StringBuilder();
        while (find(STRING)) {
            all.append(string());
            skip(BLANK);
        }
        return all.toString();
    }

    private String string() {
        String quote = matcher.group(1);
        boolean raw = Character.toLowerCase(text.charAt(at)) == 'r';
        StringBuilder value = new StringBuilder();
        at = matcher.end();
        while (!text.startsWith(quote, at)) {
            char c = peek();
            if (at >= text.length() || c == '\n' && quote.length() == 1) {
                throw unexpected();
            }
            if (c == '\\' && raw && at + 1 < text.length()) {
                value.append(text, at, at + 2);
                at += 2;
            } else if (c == '\\') {
                escape(value);
            } else {
                value.append(c);
                at++;
            }
        }
        at += quote.length();
        return value.toString();
    }

    private void escape(StringBuilder value) {
        if (!find(ESCAPE)) {
            throw unexpected();
        }
        at = matcher.end();
        for (int form = 1; form <= 3; form++) {
            if (matcher.group(form) != null) {
                value.appendCodePoint(Integer.parseInt(matcher.group(form), 16));
                return;
            }
        }
        if (matcher.group(4) != null) {
            value.append((char) Integer.parseInt(matcher.group(4), 8));
            return;
        }
        char c = matcher.group(5).charAt(0);
        if (SIMPLE.indexOf(c) >= 0) {
            value.append(MEANING.charAt(SIMPLE.indexOf(c)));
        } else if (c != '\n') {
            value.append('\\').append(c);
        }
    }

    /** The next character, 0 at the end. */
    private char peek() {
        return at < text.length() ? text.charAt(at) : 0;
    }

    private void expect(char c) {
        if (peek() != c) {
            throw unexpected();
        }
        at++;
    }

    private boolean find(Pattern pattern) {
        matcher.usePattern(pattern).region(at, text.length());
        return matcher.lookingAt();
    }

    private void skip(Pattern pattern) {
        while (find(pattern)) {
            at = matcher.end();
        }
    }

    private IllegalArgumentException unexpected() {
        return new IllegalArgumentException(at >= text.length() ? "unexpected end"
                : "unexpected '" + text.charAt(at) + "' at character " + at);
    }
}
