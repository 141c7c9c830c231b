// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import io.github.dl4jnorm.kernel.Kernels;
import io.github.dl4jnorm.model.BatchNormFolding;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Times the network of the example with every norm. */
@Command(name = "bench", mixinStandardHelpOptions = true, sortOptions = false,
        description = {"Times the network of 'train' with every norm.", "Prints the median time in ms of a training step and "
                + "of inference, on random images. The row 'folded' is batch norm folded into the convolutions."},
        optionListHeading = "%n",
        footer = {"", "Example: bench --norms none,batch,group --batch 8 --size 56",
            "To time single norms and compare them with libtorch, use the module src/benchmarks."})
final class BenchNorms implements Callable<Integer> {
    private static final int CLASSES = 10;
    private static final int SMALLEST = 4;
    private static final int FEWEST_RUNS = 3;
    private static final double RATE = 1e-4;
    private static final double MILLION = 1e6;

    @Spec
    private CommandSpec spec;

    @Option(names = "--norms", split = ",", paramLabel = "NORM", completionCandidates = NormChoice.Names.class,
            converter = NormChoice.Converter.class, description = "Comma-separated norms: "
            + "${COMPLETION-CANDIDATES} (default: all).")
    private List<NormChoice> norms;

    @Option(names = "--batch", defaultValue = "32", description = "Batch size (default: ${DEFAULT-VALUE}).")
    private int batch;

    @Option(names = "--size", defaultValue = "28", description = "Height and width of the images in pixels "
            + "(default: ${DEFAULT-VALUE}).")
    private int size;

    @Option(names = "--channels", defaultValue = "16", description = "Channels of the first block (default: ${DEFAULT-VALUE}).")
    private int channels;

    @Option(names = "--seconds", defaultValue = "2", description = "Seconds for each measurement, half of them warm-up "
            + "(default: ${DEFAULT-VALUE}).")
    private double seconds;

    @Mixin
    private final Convolutions convolutions = new Convolutions();

    @Override
    public Integer call() {
        require(batch >= 1, "--batch must be at least 1, not " + batch);
        require(size >= SMALLEST, "--size must be at least " + SMALLEST + ", not " + size);
        require(channels >= 1, "--channels must be at least 1, not " + channels);
        require(seconds > 0 && Double.isFinite(seconds), "--seconds must be positive, not " + seconds);
        List<NormChoice> chosen = norms == null ? NormChoice.values() : norms;
        INDArray x = Nd4j.rand(DataType.FLOAT, batch, 1, size, size);
        INDArray labels = Nd4j.eye(CLASSES).get(Nd4j.createFromArray(
                java.util.stream.IntStream.range(0, batch).map(i -> i % CLASSES).toArray()));
        System.out.printf("%s, batches of %d images of %dx%d, %d threads%n%n%-12s %10s %10s%n",
                Kernels.get().getClass().getSimpleName(), batch, size, size, Nd4j.getEnvironment().maxThreads(), "norm",
                "step ms", "output ms");
        chosen.forEach(norm -> measure(norm, x, new DataSet(x, labels)));
        System.out.println(convolutions);
        return CommandLine.ExitCode.OK;
    }

    /** Prints the row of a norm once its bar is gone. */
    private void measure(NormChoice norm, INDArray x, DataSet data) {
        MultiLayerNetwork net = ConvNet.create(norm, (InputType.InputTypeConvolutional) InputType.convolutional(size, size, 1),
                CLASSES, channels, RATE, Integer.MAX_VALUE, 1);
        convolutions.enable(net);
        boolean folds = norm.equals(NormChoice.BATCH);
        double step;
        double output;
        double folded = 0;
        try (StepBar bar = new StepBar(norm.name(), folds ? 3 : 2)) {
            step = median(() -> net.fit(data));
            bar.step();
            output = median(() -> net.output(x));
            bar.step();
            if (folds) {
                MultiLayerNetwork without = Convolutions.like(net, BatchNormFolding.fold(net).net());
                folded = median(() -> without.output(x));
                bar.step();
            }
        }
        System.out.printf("%-12s %10.2f %10.2f%n", norm, step, output);
        if (folds) {
            System.out.printf("%-12s %10s %10.2f%n", "  folded", "", folded);
        }
    }

    private void require(boolean condition, String message) {
        if (!condition) {
            throw new ParameterException(spec.commandLine(), message);
        }
    }

    /** Milliseconds, after half of the time to warm up. */
    private double median(Runnable work) {
        run(work);
        double[] times = run(work);
        Arrays.sort(times);
        return times[times.length / 2];
    }

    private double[] run(Runnable work) {
        double[] times = new double[FEWEST_RUNS];
        int count = 0;
        long start = System.nanoTime();
        while (count < FEWEST_RUNS || System.nanoTime() - start < seconds / 2 * 1e9) {
            long before = System.nanoTime();
            work.run();
            if (count == times.length) {
                times = Arrays.copyOf(times, 2 * count);
            }
            times[count++] = (System.nanoTime() - before) / MILLION;
        }
        return Arrays.copyOf(times, count);
    }
}
