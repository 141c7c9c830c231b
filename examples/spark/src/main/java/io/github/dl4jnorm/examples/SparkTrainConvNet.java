// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.layer.NormalizationLayer;
import io.github.dl4jnorm.model.DataDependentInit;
import io.github.dl4jnorm.model.NormReplacement;
import io.github.dl4jnorm.model.NormRules;
import io.github.dl4jnorm.model.PopulationStatistics.Method;
import io.github.dl4jnorm.spark.NormalizedSparkTraining;
import io.github.dl4jnorm.spark.SparkPopulationStatistics;
import io.github.dl4jnorm.spark.SynchronizedSparkTraining;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.serializer.KryoSerializer;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.spark.api.RDDTrainingApproach;
import org.deeplearning4j.spark.api.TrainingMaster;
import org.deeplearning4j.spark.impl.multilayer.SparkDl4jMultiLayer;
import org.deeplearning4j.spark.impl.paramavg.ParameterAveragingTrainingMaster;
import org.deeplearning4j.spark.parameterserver.training.SharedTrainingMaster;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.parameterserver.distributed.conf.VoidConfiguration;
import org.nd4j.parameterserver.distributed.v2.enums.MeshBuildMode;
import org.nd4j.parameterserver.distributed.v2.transport.PortSupplier;
import org.nd4j.parameterserver.distributed.v2.transport.impl.StaticPortSupplier;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * Trains the network of {@link TrainConvNet} on Apache Spark, by parameter averaging, gradient sharing or synchronous steps,
 * tests it and compares the running statistics that came of it with those of the training examples.
 */
@Command(name = "SparkTrainConvNet", mixinStandardHelpOptions = true, version = "0.2.0", sortOptions = false,
        description = "Trains conv -> norm -> relu blocks on Apache Spark and tests them.", optionListHeading = "%n",
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {"0:success", "1:failure, such as an unreadable file or an unreachable cluster", "2:invalid options"})
public final class SparkTrainConvNet implements Callable<Integer> {
    private static final double LEARNING_RATE = 0.004;
    private static final int TEST_BATCH = 500;
    private static final double THRESHOLD = 1e-3;
    private static final int PORT = 40123;

    enum Mode {
        AVERAGING, GRADIENTS, SYNCHRONIZED, ALL;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    @Spec
    private CommandSpec spec;

    @Option(names = "--master", defaultValue = "local[2]", description = "Spark master URL (default: ${DEFAULT-VALUE}).")
    private String master;

    @Option(names = "--workers", defaultValue = "2", description = "Number of concurrent training tasks "
            + "(default: ${DEFAULT-VALUE}).")
    private int workers;

    @Option(names = "--mode", defaultValue = "averaging", description = "What workers exchange: "
            + "${COMPLETION-CANDIDATES} (one after another). Synchronized workers exchange gradients and batch statistics in "
            + "every step (default: ${DEFAULT-VALUE}).")
    private Mode mode;

    @Option(names = "--averaging-frequency", defaultValue = "5", description = "Batches of each worker between "
            + "parameter averages (default: ${DEFAULT-VALUE}).")
    private int frequency;

    @Option(names = "--host", defaultValue = "127.0.0.1", description = "Address at which workers reach this "
            + "machine, used with --mode gradients (default: ${DEFAULT-VALUE}).")
    private String host;

    @Option(names = "--network-mask", defaultValue = "127.0.0.0/8", description = "Network of the workers, used with "
            + "--mode gradients (default: ${DEFAULT-VALUE}).")
    private String mask;

    @Option(names = "--norm", defaultValue = "batch", completionCandidates = NormChoice.Names.class,
            converter = NormChoice.Converter.class, description = "Normalization: ${COMPLETION-CANDIDATES} "
            + "(default: ${DEFAULT-VALUE}).")
    private NormChoice norm;

    @Option(names = "--batch", defaultValue = "32", description = "Batch size of each worker "
            + "(default: ${DEFAULT-VALUE}).")
    private int batch;

    @Option(names = "--epochs", defaultValue = "3", description = "Total number of epochs, including those before "
            + "--resume (default: ${DEFAULT-VALUE}).")
    private int epochs;

    @Option(names = "--channels", defaultValue = "16", description = "Channels of the first block "
            + "(default: ${DEFAULT-VALUE}).")
    private int channels;

    @Option(names = "--seed", defaultValue = "42", description = "Random seed of weights, data and order "
            + "(default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(names = "--save", paramLabel = "FILE", description = "Save the network after every epoch.")
    private Path save;

    @Option(names = "--resume", paramLabel = "FILE", description = "Resume training of a saved network, which keeps its "
            + "norm and channels.")
    private Path resume;

    @Option(names = "--verbose", description = "Print the stack trace of errors.")
    private boolean verbose;

    /**
     * Runs the program and exits with 0, with 2 for wrong options or 1 for anything else that went wrong.
     *
     * @param args options, see {@code --help}
     */
    public static void main(String[] args) {
        System.setProperty("java.awt.headless", "true");
        System.exit(execute(new PrintWriter(System.err, true), args));
    }

    /** Does what the options say. */
    static int execute(PrintWriter errors, String... args) {
        Locale.setDefault(Locale.ROOT);
        SparkTrainConvNet program = new SparkTrainConvNet();
        return Errors.inOneLine(new CommandLine(program).setErr(errors), () -> program.verbose).execute(args);
    }

    /** Settings with which layers, arrays and data sets travel, and which a cluster's {@code spark-submit} may override. */
    static SparkConf conf(String master) {
        SparkConf conf = new SparkConf().setAppName("SparkTrainConvNet").setIfMissing("spark.master", master);
        return LocalCluster.prepared(conf).set("spark.serializer", KryoSerializer.class.getName())
                .set("spark.kryo.registrator", "org.nd4j.kryo.Nd4jRegistrator")
                .setIfMissing("spark.ui.enabled", "false").setIfMissing("spark.locality.wait", "0");
    }

    @Override
    public Integer call() throws IOException {
        require(workers >= 1 && batch >= 1 && epochs >= 1 && channels >= 1 && frequency >= 1,
                "--workers, --batch, --epochs, --channels and --averaging-frequency must be at least 1");
        require(save == null || Files.isDirectory(save.toAbsolutePath().getParent()), "--save: the directory of "
                + save + " does not exist");
        ImageData images = ImageData.generated(seed).scaled(ImageData.Scale.MINMAX);
        List<DataSet> batches = whole(images.train());
        require(batches.size() >= workers, "--batch " + batch + " leaves only " + batches.size() + " batches for "
                + workers + " workers");
        require(mode != Mode.ALL || save == null && resume == null, "--mode all trains several networks; "
                + "omit --save and --resume");
        try (JavaSparkContext context = new JavaSparkContext(conf(master))) {
            // Cached by some trainings themselves, at a level of their choice.
            JavaRDD<DataSet> train = context.parallelize(batches, workers);
            JavaRDD<DataSet> held = context.parallelize(test(images), workers).cache();
            for (Mode each : mode == Mode.ALL ? List.of(Mode.AVERAGING, Mode.GRADIENTS, Mode.SYNCHRONIZED) : List.of(mode)) {
                MultiLayerNetwork net = resume == null ? created(images, batches) : resumed();
                System.out.printf("%d batches of %d examples, %d workers on %s, %s%n", batches.size(), batch, workers,
                        context.master(), each);
                MultiLayerNetwork trained = train(context, each, net, train, held);
                if (Arrays.stream(trained.getLayers()).anyMatch(SparkTrainConvNet::isBatchNorm)) {
                    StatisticsTable.print(trained, copy -> SparkPopulationStatistics.recompute(copy, train, Method.EXACT));
                }
            }
        }
        return CommandLine.ExitCode.OK;
    }

    private MultiLayerNetwork created(ImageData images, List<DataSet> batches) {
        MultiLayerNetwork net = ConvNet.create(norm, images.inputType(), images.classes(), channels,
                LEARNING_RATE * Math.sqrt(batch / 32.0), epochs * batches.size() / workers, seed);
        // Gains and biases of weight-normalized layers; of others there is nothing to set.
        DataDependentInit.apply(net, batches.get(0));
        return net;
    }

    private MultiLayerNetwork resumed() throws IOException {
        require(!given("--norm") && !given("--channels"),
                "--resume takes the norm and channels from its file; omit --norm and --channels");
        if (!(ModelFiles.read(resume).net() instanceof MultiLayerNetwork net)) {
            throw new IOException(resume + " holds a ComputationGraph; expected a MultiLayerNetwork");
        }
        require(net.getEpochCount() < epochs, "--epochs " + epochs + ": " + resume + " has already completed epoch "
                + net.getEpochCount());
        System.out.printf("resuming %s after epoch %d%n", resume, net.getEpochCount());
        return net;
    }

    private boolean given(String option) {
        return spec.commandLine().getParseResult().hasMatchedOption(option);
    }

    private static boolean isBatchNorm(Layer layer) {
        return layer instanceof NormalizationLayer norm && norm.layerConf() instanceof BatchNormalization;
    }

    private MultiLayerNetwork train(JavaSparkContext context, Mode how, MultiLayerNetwork created, JavaRDD<DataSet> train,
                                    JavaRDD<DataSet> held) throws IOException {
        MultiLayerNetwork net = how == Mode.SYNCHRONIZED
                ? NormReplacement.replace(created, NormRules.batchToSynchronized()) : created;
        TrainingMaster<?, ?> trainingMaster = how == Mode.GRADIENTS
                ? gradients(host, mask, LocalCluster.ports(context.master(), PORT), workers, batch, seed)
                : averaging(workers, batch, frequency, seed);
        SparkDl4jMultiLayer spark = new SparkDl4jMultiLayer(context, net, trainingMaster);
        for (int epoch = net.getEpochCount() + 1; epoch <= epochs; epoch++) {
            long start = System.nanoTime();
            if (how == Mode.SYNCHRONIZED) {
                SynchronizedSparkTraining.fit(spark.getNetwork(), train, 1);
            } else {
                NormalizedSparkTraining.of(spark).fit(train);
            }
            double seconds = (System.nanoTime() - start) / 1e9;
            System.out.printf("epoch %d  test loss %.4f  test accuracy %.2f %%  %.1f s%n", epoch,
                    spark.calculateScore(held, true), 100 * spark.evaluate(held).accuracy(), seconds);
            if (save != null) {
                ModelFiles.write(new ModelFiles.Loaded(spark.getNetwork(), null), save);
            }
        }
        trainingMaster.deleteTempFiles(context);
        return spark.getNetwork();
    }

    static TrainingMaster<?, ?> averaging(int workers, int batch, int frequency, long seed) {
        return new ParameterAveragingTrainingMaster.Builder(workers, batch).batchSizePerWorker(batch)
                .averagingFrequency(frequency).workerPrefetchNumBatches(0).rngSeed(seed)
                .rddTrainingApproach(RDDTrainingApproach.Direct).build();
    }

    static TrainingMaster<?, ?> gradients(String host, String mask, int workers, int batch, long seed) {
        return gradients(host, mask, new StaticPortSupplier(PORT), workers, batch, seed);
    }

    private static TrainingMaster<?, ?> gradients(String host, String mask, PortSupplier ports, int workers, int batch,
                                                  long seed) {
        VoidConfiguration network = VoidConfiguration.builder().controllerAddress(host).networkMask(mask)
                .unicastPort(PORT).portSupplier(ports).meshBuildMode(MeshBuildMode.PLAIN).build();
        // Each executor is one worker, whatever its threads: in local mode there is one.
        return new SharedTrainingMaster.Builder(network, workers, THRESHOLD, batch).batchSizePerWorker(batch)
                .workersPerNode(1).workerPrefetchNumBatches(0).rngSeed(seed)
                .rddTrainingApproach(RDDTrainingApproach.Direct).build();
    }

    /** Batches of the same size, in a random order. */
    private List<DataSet> whole(DataSet examples) {
        examples.shuffle(seed);
        List<DataSet> batches = new ArrayList<>();
        for (int end = batch; end <= examples.numExamples(); end += batch) {
            batches.add(((DataSet) examples.getRange(end - batch, end)).copy());
        }
        return batches;
    }

    private static List<DataSet> test(ImageData images) {
        return images.test().batchBy(TEST_BATCH).stream().map(DataSet::copy).toList();
    }

    private void require(boolean condition, String message) {
        if (!condition) {
            throw new ParameterException(spec.commandLine(), message);
        }
    }
}
