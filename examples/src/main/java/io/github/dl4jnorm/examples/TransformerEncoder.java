// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import java.io.OutputStream;
import java.io.PrintStream;
import java.util.Random;
import java.util.function.LongToDoubleFunction;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.evaluation.classification.Evaluation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.ViewIterator;
import org.nd4j.linalg.factory.Nd4j;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * Trains a small transformer encoder to recall: a sequence has pairs of a key and a value, and ends with one of the keys; the
 * class is the value of that key. Only attention can look it up.
 *
 * <p>The encoder is built twice: as a ComputationGraph and as a SameDiff graph, with the norm before attention and before the
 * dense layers, residual sums, and RMS norm of queries and keys.
 */
@Command(name = "transformer", mixinStandardHelpOptions = true, sortOptions = false, optionListHeading = "%n",
        description = "Trains a pre-norm transformer encoder on a recall task, with and without norms and as SameDiff.")
final class TransformerEncoder extends Study {
    /** Pairs of a sequence. */
    static final int PAIRS = 6;
    /** Different keys. */
    static final int KEYS = 10;
    /** Different values: the classes. */
    static final int VALUES = 4;
    /** Numbers of a timestep: which key, and which value unless it is the last one. */
    static final int INPUTS = KEYS + VALUES;
    private static final int BATCH = 32;
    private static final int TESTS = 500;

    @Option(names = "--blocks", description = "Number of encoder blocks (default: ${DEFAULT-VALUE}).")
    private int blocks = 6;

    @Option(names = "--learning-rate", description = "Learning rate of Adam (default: ${DEFAULT-VALUE}).")
    private double learningRate = 3e-3;

    @Mixin
    private final Runs runs = new Runs(3);

    TransformerEncoder() {
        super(2000, 2);
    }

    @Override
    String run() {
        require(blocks >= 1 && blocks <= 12, "--blocks must be 1 to 12, not " + blocks);
        require(learningRate > 0, "--learning-rate must be positive, not " + learningRate);
        oneThread();
        System.out.printf("%-16s %18s   (%s)%n", "norm", "test accuracy", runs.meaning());
        double none = row("none", seed -> graph(EncoderNet.Norm.NONE, seed));
        double layer = row("layer", seed -> graph(EncoderNet.Norm.LAYER, seed));
        double rms = row("rms", seed -> graph(EncoderNet.Norm.RMS, seed));
        double sameDiff = row("rms, SameDiff", this::sameDiff);
        return String.format("Recall of %d pairs by %d encoder blocks after %s: no norm %.1f %%, layer norm %.1f %%, RMS norm "
                + "%.1f %%, as SameDiff %.1f %% (chance: 25 %%).", PAIRS, blocks, Comparison.epochs(epochs()), none, layer, rms,
                sameDiff);
    }

    /** {@return the mean accuracy of all runs} */
    private double row(String name, LongToDoubleFunction trained) {
        double[] accuracies = runs.of(seed(), trained);
        System.out.printf("%-16s %16s %%%n", name, Runs.text("%.1f", accuracies));
        return Runs.mean(accuracies);
    }

    private double graph(EncoderNet.Norm norm, long seed) {
        ComputationGraph net = new EncoderNet(blocks, norm, learningRate, seed).graph();
        fit(net, pairs(examples(), new Random(seed)), BATCH, norm.toString());
        return accuracy(net, pairs(TESTS, new Random(seed + 1)));
    }

    private double sameDiff(long seed) {
        SameDiff sd = withGradient(new EncoderNet(blocks, EncoderNet.Norm.RMS, learningRate, seed));
        DataSet all = pairs(examples(), new Random(seed));
        int batches = all.numExamples() / BATCH;
        try (StepBar bar = new StepBar("rms, SameDiff", epochs())) {
            for (int epoch = 1; epoch <= epochs(); epoch++) {
                all.shuffle(seed + epoch);
                sd.fit(new ViewIterator((DataSet) all.getRange(0, batches * BATCH), BATCH), 1);
                bar.step();
            }
        }
        Evaluation evaluation = new Evaluation();
        sd.evaluate(new ViewIterator(pairs(TESTS, new Random(seed + 1)), TESTS), EncoderNet.PREDICTIONS, evaluation);
        return 100 * evaluation.accuracy();
    }

    /** SameDiff prints a line for each operation that it differentiates, hundreds here. */
    private static SameDiff withGradient(EncoderNet net) {
        PrintStream out = System.out;
        System.setOut(new PrintStream(OutputStream.nullOutputStream()));
        try {
            SameDiff sd = net.sameDiff();
            sd.createGradFunction();
            return sd;
        } finally {
            System.setOut(out);
        }
    }

    /** Sequences [N, inputs, pairs + 1]. */
    private static DataSet pairs(int count, Random random) {
        INDArray x = Nd4j.zeros(DataType.FLOAT, count, INPUTS, PAIRS + 1);
        INDArray labels = Nd4j.zeros(DataType.FLOAT, count, VALUES);
        for (int n = 0; n < count; n++) {
            int[] keys = random.ints(0, KEYS).distinct().limit(PAIRS).toArray();
            int[] values = random.ints(PAIRS, 0, VALUES).toArray();
            for (int t = 0; t < PAIRS; t++) {
                x.putScalar(n, keys[t], t, 1);
                x.putScalar(n, KEYS + values[t], t, 1);
            }
            int asked = random.nextInt(PAIRS);
            x.putScalar(n, keys[asked], PAIRS, 1);
            labels.putScalar(n, values[asked], 1);
        }
        return new DataSet(x, labels);
    }
}
