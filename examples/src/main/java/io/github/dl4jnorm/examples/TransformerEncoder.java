// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import java.util.Random;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.evaluation.classification.Evaluation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.ViewIterator;
import org.nd4j.linalg.factory.Nd4j;
import picocli.CommandLine.Command;
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

    @Option(names = "--blocks", description = "Number of encoder blocks (default: ${DEFAULT-VALUE}).")
    private int blocks = 2;

    TransformerEncoder() {
        super(2000, 4);
    }

    @Override
    String run() {
        require(blocks >= 1 && blocks <= 12, "--blocks must be 1 to 12, not " + blocks);
        oneThread();
        DataSet train = pairs(examples(), new Random(seed()));
        DataSet test = pairs(500, new Random(seed() + 1));
        double[] accuracies = new double[4];
        EncoderNet.Norm[] norms = {EncoderNet.Norm.NONE, EncoderNet.Norm.LAYER, EncoderNet.Norm.RMS};
        System.out.printf("%-20s %15s%n", "norm", "test accuracy");
        for (int i = 0; i < norms.length; i++) {
            ComputationGraph net = new EncoderNet(blocks, norms[i], seed()).graph();
            fit(net, train, BATCH, norms[i].toString());
            accuracies[i] = accuracy(net, test);
            System.out.printf("%-20s %13.1f %%%n", norms[i], accuracies[i]);
        }
        accuracies[3] = sameDiff(train, test);
        System.out.printf("%-20s %13.1f %%%n", "rms, SameDiff", accuracies[3]);
        return String.format("Recall of %d pairs by %d encoder blocks: no norm %.1f %%, layer norm %.1f %%, RMS norm %.1f %%, "
                + "as SameDiff %.1f %% (chance: 25 %%).", PAIRS, blocks, accuracies[0], accuracies[1], accuracies[2],
                accuracies[3]);
    }

    private double sameDiff(DataSet train, DataSet test) {
        SameDiff sd = new EncoderNet(blocks, EncoderNet.Norm.RMS, seed()).sameDiff();
        DataSet all = train.copy();
        int batches = all.numExamples() / BATCH;
        try (StepBar bar = new StepBar("rms, SameDiff", epochs())) {
            for (int epoch = 1; epoch <= epochs(); epoch++) {
                all.shuffle(seed() + epoch);
                sd.fit(new ViewIterator((DataSet) all.getRange(0, batches * BATCH), BATCH), 1);
                bar.step();
            }
        }
        Evaluation evaluation = new Evaluation();
        sd.evaluate(new ViewIterator(test, test.numExamples()), EncoderNet.PREDICTIONS, evaluation);
        return 100 * evaluation.accuracy();
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
