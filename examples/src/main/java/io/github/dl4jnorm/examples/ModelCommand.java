// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.deeplearning4j.nn.api.Model;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** A command that reads a model file and writes another one. */
abstract class ModelCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Parameters(index = "0", paramLabel = "IN", description = "Model file of Deeplearning4j.")
    private Path in;

    @Parameters(index = "1", paramLabel = "OUT", description = "Model file to write; may be the same.")
    private Path out;

    @Override
    public final Integer call() throws IOException {
        validate();
        Path directory = out.toAbsolutePath().getParent();
        require(Files.isDirectory(directory), "there is no directory " + directory);
        ModelFiles.Loaded loaded = ModelFiles.read(in);
        Model changed = change(loaded.net());
        ModelFiles.write(loaded.with(changed), out);
        System.out.printf("%s: %,d parameters, %,d bytes%n%s: %,d parameters, %,d bytes%n", in, loaded.net().numParams(),
                Files.size(in), out, changed.numParams(), Files.size(out));
        return CommandLine.ExitCode.OK;
    }

    /** Checks the options. */
    void validate() {
    }

    /** Makes the network that is written, and says what it does. */
    abstract Model change(Model net) throws IOException;

    final void require(boolean condition, String message) {
        if (!condition) {
            throw new ParameterException(spec.commandLine(), message);
        }
    }
}
