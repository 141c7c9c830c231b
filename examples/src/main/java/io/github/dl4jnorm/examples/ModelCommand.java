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

/** Base class of commands that read a model file and write another one. */
abstract class ModelCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Parameters(index = "0", paramLabel = "IN", description = "Saved Deeplearning4j model.")
    private Path in;

    @Parameters(index = "1", paramLabel = "OUT", description = "Model file to write; may equal IN.")
    private Path out;

    @Override
    public final Integer call() throws IOException {
        validate();
        Path directory = out.toAbsolutePath().getParent();
        require(Files.isDirectory(directory), "directory " + directory + " does not exist");
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

    /** Makes the network that is written, and says what it does; it throws {@link #nothing} if that is nothing. */
    abstract Model change(Model net) throws IOException;

    /**
     * What ends the program, before it writes a mere copy.
     *
     * @param done what was not done, such as "0 norms replaced"
     * @param net  the network it was not done to
     * @return an exception that names the norms of the network
     */
    final IOException nothing(String done, Model net) {
        String norms = NormNames.of(net);
        return new IOException(done + ": " + in + " has " + (norms.isEmpty() ? "no norms" : norms) + "; " + out
                + " is not written");
    }

    final void require(boolean condition, String message) {
        if (!condition) {
            throw new ParameterException(spec.commandLine(), message);
        }
    }
}
