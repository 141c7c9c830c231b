// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import java.util.ArrayList;
import java.util.List;

/** What a terminal shows after a program wrote to it: characters, line ends, and the cursor moves that bars make. */
final class Screen {
    private final List<StringBuilder> lines = new ArrayList<>();
    private int row;
    private int column;

    /** The lines from top to bottom, without blanks at their ends. */
    static List<String> after(String output) {
        Screen screen = new Screen();
        for (int i = 0; i < output.length(); i++) {
            char c = output.charAt(i);
            if (c == '\u001b' && i + 1 < output.length() && output.charAt(i + 1) == '[') {
                int end = i + 2;
                while (!Character.isLetter(output.charAt(end))) {
                    end++;
                }
                screen.command(output.charAt(end), output.substring(i + 2, end));
                i = end;
            } else {
                screen.write(c);
            }
        }
        return screen.lines.stream().map(line -> line.toString().stripTrailing()).toList();
    }

    private void command(char command, String argument) {
        int count = argument.matches("\\d+") ? Integer.parseInt(argument) : 1;
        switch (command) {
            case 'A' -> row = Math.max(0, row - count);
            case 'B' -> row += count;
            case 'K' -> line().setLength(Math.min(line().length(), column));
            default -> { }
        }
    }

    private void write(char c) {
        if (c == '\n') {
            row++;
        } else if (c == '\r') {
            column = 0;
        } else if (c >= ' ') {
            StringBuilder line = line();
            while (line.length() <= column) {
                line.append(' ');
            }
            line.setCharAt(column++, c);
        }
    }

    private StringBuilder line() {
        while (lines.size() <= row) {
            lines.add(new StringBuilder());
        }
        return lines.get(row);
    }
}
