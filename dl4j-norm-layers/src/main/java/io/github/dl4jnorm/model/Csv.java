// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

/** Cells of comma-separated values. */
final class Csv {
    private Csv() {
    }

    /** A cell as RFC 4180 has it. */
    static String quoted(String cell) {
        return cell.matches("[^,\"\r\n]*") ? cell : "\"" + cell.replace("\"", "\"\"") + "\"";
    }
}
