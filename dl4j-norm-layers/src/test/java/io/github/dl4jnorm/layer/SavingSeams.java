// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static io.github.dl4jnorm.layer.Seam.Answer.WORKS;
import static io.github.dl4jnorm.layer.Seam.close;
import static io.github.dl4jnorm.layer.Seam.same;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.util.LinkedHashMap;
import java.util.Map;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.util.ModelSerializer;
import org.nd4j.linalg.api.buffer.DataType;

/** Columns of the table of seams: ways to save and copy a network. */
final class SavingSeams {
    private SavingSeams() {
    }

    private interface Copy {
        ComputationGraph of(ComputationGraph graph) throws Exception;
    }

    static Map<String, Seam> all() {
        Map<String, Seam> seams = new LinkedHashMap<>();
        seams.put("JSON", row -> same(row, graph -> rebuilt(graph,
                ComputationGraphConfiguration.fromJson(graph.getConfiguration().toJson()))));
        seams.put("YAML", row -> same(row, graph -> rebuilt(graph,
                ComputationGraphConfiguration.fromYaml(graph.getConfiguration().toYaml()))));
        seams.put("Java serialization", row -> same(row, graph -> rebuilt(graph, (ComputationGraphConfiguration)
                serialized(graph.getConfiguration()))));
        seams.put("ModelSerializer", row -> same(row, SavingSeams::zipped));
        seams.put("clone", row -> same(row, ComputationGraph::clone));
        seams.put("convert to DOUBLE", SavingSeams::convert);
        return seams;
    }

    /** The copy gives the same output, and a step of training makes the same of both. */
    private static Seam.Answer same(SeamRow row, Copy copy) throws Exception {
        SeamNet net = row.net().trained();
        SeamNet other = net.with(copy.of(net.graph()));
        Seam.same("parameters and state of the updater", other.everything(), net.everything());
        Seam.same("output", other.output(), net.output());
        // Adam's bias correction goes by the number of steps, which not every copy keeps.
        other.graph().getConfiguration().setIterationCount(net.graph().getIterationCount());
        assertThat(other.graph().getConfiguration()).as("configuration").isEqualTo(net.graph().getConfiguration());
        net.fit(7);
        other.fit(7);
        Seam.same("what a step of training makes of both", other.everything(), net.everything());
        return WORKS;
    }

    private static ComputationGraph rebuilt(ComputationGraph graph, ComputationGraphConfiguration configuration) {
        ComputationGraph copy = new ComputationGraph(configuration);
        copy.init();
        copy.setParams(graph.params().dup());
        copy.getUpdater().getStateViewArray().assign(graph.getUpdater().getStateViewArray());
        return copy;
    }

    private static Object serialized(Object object) throws IOException, ClassNotFoundException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
            out.writeObject(object);
        }
        try (ObjectInputStream in = new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
            return in.readObject();
        }
    }

    private static ComputationGraph zipped(ComputationGraph graph) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        ModelSerializer.writeModel(graph, bytes, true);
        return ModelSerializer.restoreComputationGraph(new ByteArrayInputStream(bytes.toByteArray()), true);
    }

    private static Seam.Answer convert(SeamRow row) {
        SeamNet net = row.net().trained();
        SeamNet other = net.with(net.graph().convertDataType(DataType.DOUBLE));
        close("output", other.output(), net.output());
        net.params().forEach((name, values) -> Seam.same(name, other.params().get(name), values));
        other.fit(3);
        assertThat(other.everything()).doesNotContain(Double.NaN);
        return WORKS;
    }
}
