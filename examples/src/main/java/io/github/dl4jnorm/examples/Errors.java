// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import java.util.List;
import java.util.function.BooleanSupplier;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** Formats errors of a program: one line, and a stack trace only on request. */
final class Errors {
    private final BooleanSupplier verbose;

    private Errors(BooleanSupplier verbose) {
        this.verbose = verbose;
    }

    /**
     * Makes a program report errors in one line.
     *
     * @param program commands and options
     * @param verbose whether to print stack traces
     * @return the same program
     */
    static CommandLine inOneLine(CommandLine program, BooleanSupplier verbose) {
        Errors errors = new Errors(verbose);
        program.setUsageHelpAutoWidth(true).setCaseInsensitiveEnumValuesAllowed(true);
        program.setParameterExceptionHandler(errors::wrongOptions);
        program.setExecutionExceptionHandler((exception, command, parsed) -> errors.failed(exception, command));
        return program;
    }

    private int wrongOptions(ParameterException exception, String[] args) {
        CommandLine command = exception.getCommandLine();
        StringBuilder line = new StringBuilder("error: ").append(firstLine(exception));
        if (exception instanceof UnmatchedArgumentException unmatched) {
            List<String> suggestions = unmatched.getSuggestions();
            if (!suggestions.isEmpty()) {
                line.append("; did you mean ").append(String.join(" or ", suggestions)).append('?');
            }
        }
        command.getErr().println(line.append(" (see ").append(command.getCommandSpec().qualifiedName())
                .append(" --help)"));
        trace(exception, command);
        return CommandLine.ExitCode.USAGE;
    }

    private int failed(Exception exception, CommandLine command) {
        command.getErr().println("error: " + firstLine(exception));
        trace(exception, command);
        return CommandLine.ExitCode.SOFTWARE;
    }

    private static String firstLine(Exception exception) {
        String message = exception.getMessage();
        return message == null || message.isBlank() ? exception.toString() : message.strip().lines().findFirst().orElseThrow();
    }

    private void trace(Exception exception, CommandLine command) {
        if (verbose.getAsBoolean()) {
            exception.printStackTrace(command.getErr());
        }
    }
}
