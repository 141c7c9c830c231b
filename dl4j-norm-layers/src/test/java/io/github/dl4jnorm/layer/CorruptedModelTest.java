// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jnorm.conf.BatchNormalization;
import io.github.dl4jnorm.conf.BatchRenormalization;
import io.github.dl4jnorm.conf.FilterResponseNormalization;
import io.github.dl4jnorm.conf.GhostBatchNormalization;
import io.github.dl4jnorm.conf.GroupNormalization;
import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.conf.RunningStatistics;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.util.ModelSerializer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.shade.jackson.databind.ObjectMapper;
import org.nd4j.shade.jackson.databind.node.ObjectNode;

/** A model file that is not what was saved is an error that says why, or the network that was saved: never a part of it. */
@Tag("once")
class CorruptedModelTest {
    private static final String CONFIGURATION = "configuration.json";
    private static final String COEFFICIENTS = "coefficients.bin";
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private interface Change {
        byte[] of(byte[] content) throws IOException;
    }

    private static byte[] model(NormLayer... norms) throws IOException {
        OwnNetwork own = new OwnNetwork(2, 3, false);
        MultiLayerNetwork net = own.of(org.deeplearning4j.nn.conf.GradientNormalization.None, norms);
        DataSet batch = own.batch(new Random(1), 3);
        net.fit(batch);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        ModelSerializer.writeModel(net, bytes, true);
        return bytes.toByteArray();
    }

    private static MultiLayerNetwork load(byte[] model) throws IOException {
        return ModelSerializer.restoreMultiLayerNetwork(new ByteArrayInputStream(model), true);
    }

    /** The same file with one of its parts changed. */
    private static byte[] changed(byte[] model, String part, Change change) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        boolean found = false;
        try (ZipInputStream in = new ZipInputStream(new ByteArrayInputStream(model));
                ZipOutputStream out = new ZipOutputStream(bytes)) {
            for (ZipEntry entry = in.getNextEntry(); entry != null; entry = in.getNextEntry()) {
                byte[] content = in.readAllBytes();
                out.putNextEntry(new ZipEntry(entry.getName()));
                out.write(entry.getName().equals(part) ? change.of(content) : content);
                found |= entry.getName().equals(part);
            }
        }
        assertThat(found).as("the model has " + part).isTrue();
        return bytes.toByteArray();
    }

    private static byte[] withLayer(byte[] model, java.util.function.Consumer<ObjectNode> change) throws IOException {
        return changed(model, CONFIGURATION, content -> {
            ObjectNode tree = (ObjectNode) MAPPER.readTree(new String(content, StandardCharsets.UTF_8));
            change.accept((ObjectNode) tree.at("/confs/0/layer"));
            return MAPPER.writeValueAsBytes(tree);
        });
    }

    private static NormLayer layer(String norm) {
        return switch (norm) {
            case "group" -> new GroupNormalization.Builder(2).name("my norm").build();
            case "batch" -> new BatchNormalization.Builder().runningStatistics(RunningStatistics.decay(0.7)).name("my norm")
                    .build();
            case "ghost" -> new GhostBatchNormalization.Builder(2).name("my norm").build();
            case "renorm" -> new BatchRenormalization.Builder().name("my norm").build();
            case "frn" -> new FilterResponseNormalization.Builder().name("my norm").build();
            default -> throw new IllegalArgumentException(norm);
        };
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "group | groups | 0 | expected groups >= 1, got groups 0",
        "group | groups | -2 | expected groups >= 1, got groups -2",
        "group | groups | 3 | divisible by groups = 3, got 8 channels",
        "group | groups | null | expected groups >= 1, got groups 0",
        "group | groups | 99999999999 | groups",
        "group | groups | \"many\" | groups",
        "group | groups | [2] | groups",
        "group | eps | -1e-5 | expected eps >= 0, got eps -1.0E-5",
        "group | eps | \"NaN\" | expected eps >= 0, got eps NaN",
        "group | eps | 1e999 | expected eps >= 0, got eps Infinity",
        "group | eps | null | eps",
        "group | gammaInit | \"NaN\" | expected finite gammaInit and betaInit, got gammaInit NaN",
        "group | betaInit | \"Infinity\" | expected finite gammaInit and betaInit",
        "group | activationFn | null | expected an activation, got none",
        "group | activationFn | {\"@class\": \"no.such.Activation\"} | no.such.Activation",
        "group | scale | \"perhaps\" | scale",
        "group | nout | -8 | expected length -16",
        "group | nout | 0 | expected length 0",
        "group | nout | 6 | ",
        "batch | runningStatistics | null | expected a runningStatistics policy, got none",
        "batch | runningStatistics | {\"policy\": \"median\"} | median",
        "batch | runningStatistics | {\"policy\": \"decay\"} | decay",
        "batch | runningStatistics | {\"policy\": \"decay\", \"decay\": 1.5} | expected decay in [0, 1], got 1.5",
        "batch | runningStatistics | {\"policy\": \"decay\", \"decay\": \"NaN\"} | expected decay in [0, 1], got NaN",
        "batch | runningStatistics | {\"decay\": 0.5} | policy",
        "batch | runningStatistics | {\"policy\": \"cumulative\"} | ",
        "batch | runningStatistics | \"cumulative\" | ",
        "batch | lockGammaBeta | true | ",
        "ghost | virtualBatchSize | 0 | expected virtualBatchSize >= 1, got virtualBatchSize 0",
        "renorm | rmax | 0.5 | expected rMax >= 1 and dMax >= 0, got rMax 0.5",
        "renorm | warmupSteps | -1 | expected 0 <= warmupSteps <= rSteps and dSteps, got warmupSteps -1",
        "renorm | runningStatistics | {\"policy\": \"median\"} | median",
        "frn | eps | -1 | expected eps >= 0, got eps -1",
    })
    void aFieldOutOfItsRangeIsAnErrorThatNamesIt(String norm, String field, String value, String message) throws IOException {
        byte[] model = model(layer(norm));
        byte[] broken = withLayer(model, layer -> {
            try {
                layer.set(field, MAPPER.readTree(value));
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        });
        assertThatThrownBy(() -> load(broken)).satisfies(thrown ->
                assertThat(messages(thrown)).contains(message == null ? "" : message));
    }

    private static String messages(Throwable thrown) {
        StringBuilder all = new StringBuilder();
        for (Throwable t = thrown; t != null; t = t.getCause()) {
            all.append(t).append('\n');
        }
        return all.toString();
    }

    @Test
    void missingGroupsAreTheDefaultAndHaveToDivideTheChannels() throws IOException {
        byte[] broken = withLayer(model(layer("group")), layer -> layer.remove("groups"));
        assertThatThrownBy(() -> load(broken)).hasMessageContaining("divisible by groups = 32, got 8 channels");
    }

    @ParameterizedTest
    @ValueSource(strings = {"colour", "groupz", "mean", "class"})
    void anUnknownFieldPlaysNoPart(String field) throws IOException {
        byte[] model = model(layer("group"));
        byte[] more = withLayer(model, layer -> layer.put(field, 7));
        assertSame(load(more), load(model));
        assertThat(load(more).getLayerWiseConfigurations()).isEqualTo(load(model).getLayerWiseConfigurations());
    }

    private static void assertSame(MultiLayerNetwork actual, MultiLayerNetwork expected) {
        assertThat(TestNetwork.numbers(actual.params())).containsExactly(TestNetwork.numbers(expected.params()));
        INDArray x = new OwnNetwork(2, 3, false).input(new Random(2), 4);
        assertThat(TestNetwork.numbers(actual.output(x))).containsExactly(TestNetwork.numbers(expected.output(x)));
    }

    @ParameterizedTest
    @ValueSource(ints = {-31, -1, 1, 100})
    void parametersOfAnotherNumberAreAnErrorThatNamesBoth(int more) throws IOException {
        byte[] model = model(layer("batch"));
        int right = (int) load(model).numParams();
        int wrong = right + more;
        byte[] broken = changed(model, COEFFICIENTS, content -> {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            Nd4j.write(Nd4j.ones(DataType.FLOAT, 1, wrong), new DataOutputStream(bytes));
            return bytes.toByteArray();
        });
        assertThatThrownBy(() -> load(broken)).hasMessageContaining(String.valueOf(right))
                .hasMessageContaining(String.valueOf(wrong));
    }

    @ParameterizedTest
    @ValueSource(strings = {CONFIGURATION, COEFFICIENTS})
    void aPartThatEndsEarlyIsAnError(String part) throws IOException {
        byte[] model = model(layer("batch"), layer("group"));
        for (double share : new double[]{0, 0.1, 0.5, 0.9, 0.99}) {
            byte[] broken = changed(model, part, content -> Arrays.copyOf(content, (int) (share * content.length)));
            assertThatThrownBy(() -> load(broken)).as("%s of %s", share, part).isInstanceOf(Exception.class);
        }
    }

    /** What follows the parameters is the state of the updater, without which Deeplearning4j loads a network, too. */
    @Test
    void aFileCutShortIsAnErrorOrTheWholeNetwork() throws IOException {
        byte[] model = model(OwnNetwork.all());
        MultiLayerNetwork whole = load(model);
        int errors = 0;
        for (int length = 0; length < model.length; length += 1 + model.length / 150) {
            MultiLayerNetwork loaded = null;
            try {
                loaded = load(Arrays.copyOf(model, length));
            } catch (IOException | RuntimeException e) {
                errors++;
            }
            if (loaded != null) {
                assertSame(loaded, whole);
            }
        }
        assertThat(errors).as("files that ended too early").isGreaterThan(50);
    }
}
