// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.autodiff.listeners.At;
import org.nd4j.autodiff.listeners.BaseListener;
import org.nd4j.autodiff.listeners.Operation;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.internal.SameDiffOp;
import org.nd4j.evaluation.classification.Evaluation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.OpContext;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.MultiDataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** What SameDiff does with graphs, done with graphs that have normalizations. */
@Tag("vectors-first")
@Tag("long")
class SDNormGraphTest {
    private final DataSet data = TestGraph.data(48);

    @TempDir
    private Path directory;

    private static void assertSame(INDArray actual, INDArray expected) {
        assertThat(actual.shape()).isEqualTo(expected.shape());
        assertThat(Arrays.mismatch(actual.dup('c').data().asDouble(), expected.dup('c').data().asDouble()))
                .as("first difference").isEqualTo(-1);
    }

    @Test
    void eachNormIsASingleNodeWithASingleNodeForItsGradients() {
        SameDiff sd = TestGraph.create();
        assertThat(TestGraph.operations(sd)).filteredOn(name -> name.startsWith("dl4jnorm"))
                .containsExactly("dl4jnorm_batch_norm", "dl4jnorm_group_norm", "dl4jnorm_layer_norm");
        sd.createGradFunction();
        assertThat(TestGraph.operations(sd.getFunction("grad"))).filteredOn(name -> name.startsWith("dl4jnorm"))
                .containsExactly("dl4jnorm_batch_norm", "dl4jnorm_batch_norm_bp", "dl4jnorm_group_norm",
                        "dl4jnorm_group_norm_bp", "dl4jnorm_layer_norm", "dl4jnorm_layer_norm_bp");
    }

    @Test
    void aGraphLearnsAndIsEvaluated() {
        SameDiff sd = TestGraph.create();
        double before = loss(sd);
        sd.fit(TestGraph.iterator(data, 16), 20);
        assertThat(loss(sd)).isLessThan(before / 3);
        Evaluation evaluation = new Evaluation();
        sd.evaluate(TestGraph.iterator(data, 12), "predictions", evaluation);
        assertThat(evaluation.accuracy()).isGreaterThan(0.9);
    }

    private double loss(SameDiff sd) {
        return sd.output(Map.of("x", data.getFeatures(), "labels", data.getLabels()), "loss").get("loss").getDouble(0);
    }

    @Test
    void aCopyLearnsTheSame() {
        SameDiff sd = TestGraph.create();
        SameDiff other = sd.dup();
        sd.fit(TestGraph.iterator(data, 16), 2);
        other.fit(TestGraph.iterator(data, 16), 2);
        for (String name : new String[]{"gamma", "beta", "weights"}) {
            assertSame(other.getVariable(name).getArr(), sd.getVariable(name).getArr());
        }
    }

    @Test
    void aSavedGraphGivesTheSameAndLearnsTheSame() throws IOException {
        SameDiff sd = TestGraph.create();
        sd.fit(TestGraph.iterator(data, 16), 2);
        File saved = directory.resolve("graph.fb").toFile();
        File flat = directory.resolve("flat.fb").toFile();
        sd.save(saved, true);
        sd.asFlatFile(flat);
        INDArray expected = TestGraph.predict(sd, data.getFeatures());
        sd.fit(TestGraph.iterator(data, 16), 1);
        for (SameDiff loaded : new SameDiff[]{SameDiff.load(saved, true), SameDiff.fromFlatFile(flat)}) {
            assertSame(TestGraph.predict(loaded, data.getFeatures()), expected);
            loaded.fit(TestGraph.iterator(data, 16), 1);
            assertSame(loaded.getVariable("weights").getArr(), sd.getVariable("weights").getArr());
        }
    }

    @Test
    void examplesMayComeInAnyNumber() {
        SameDiff sd = TestGraph.create();
        for (int n : new int[]{1, 5, 2, 48}) {
            INDArray x = data.getFeatures().get(NDArrayIndex.interval(0, n), NDArrayIndex.all(), NDArrayIndex.all());
            INDArray y = sd.output(Map.of("x", x), "normalized").get("normalized");
            INDArray expected = new NDNorm().groupNorm(x, null, null, 2, 1e-5);
            assertSame(y, expected);
        }
    }

    @Test
    void inputMayHaveAnyStrides() {
        SameDiff sd = TestGraph.create();
        INDArray x = data.getFeatures().permute(0, 2, 1).dup('c').permute(0, 2, 1);
        assertSame(sd.output(Map.of("x", x), "normalized").get("normalized"),
                sd.output(Map.of("x", data.getFeatures()), "normalized").get("normalized"));
    }

    @Test
    void severalThreadsUseOneGraph() throws InterruptedException, ExecutionException {
        SameDiff sd = TestGraph.create();
        List<INDArray> inputs = new ArrayList<>();
        List<INDArray> expected = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            inputs.add(data.getFeatures().get(NDArrayIndex.interval(i, i + 5 + i), NDArrayIndex.all(), NDArrayIndex.all())
                    .dup());
            expected.add(TestGraph.predict(sd, inputs.get(i)).dup());
        }
        ExecutorService threads = Executors.newFixedThreadPool(4);
        try {
            List<Future<?>> done = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                int index = i;
                done.add(threads.submit(() -> {
                    for (int repeat = 0; repeat < 20; repeat++) {
                        assertSame(TestGraph.predict(sd, inputs.get(index)), expected.get(index));
                    }
                }));
            }
            for (Future<?> each : done) {
                each.get();
            }
        } finally {
            threads.shutdown();
        }
    }

    @Test
    void listenersSeeTheNodes() {
        List<String> seen = new ArrayList<>();
        SameDiff sd = TestGraph.create();
        sd.fit(TestGraph.iterator(data, 48), 1, new BaseListener() {
            @Override
            public boolean isActive(Operation operation) {
                return true;
            }

            @Override
            public void opExecution(SameDiff graph, At at, MultiDataSet batch, SameDiffOp op, OpContext context,
                                    INDArray[] outputs) {
                if (op.getOp().opName().startsWith("dl4jnorm_group")) {
                    seen.add(op.getOp().opName() + " " + Arrays.toString(outputs[0].shape()));
                }
            }
        });
        assertThat(seen).containsExactly("dl4jnorm_group_norm [48, 4, 6]", "dl4jnorm_group_norm_bp [48, 4, 6]");
    }

    @Test
    void aLoopRunsANormInEachRound() {
        INDArray x = data.getFeatures();
        SameDiff sd = SameDiff.create();
        SDVariable[] end = sd.whileLoop(new SDVariable[]{sd.constant(0.0f), sd.placeHolder("x", DataType.FLOAT, -1, 4, 6)},
                (graph, v) -> v[0].lt(3.0),
                (graph, v) -> new SDVariable[]{v[0].add(1.0),
                    new SDNorm(graph).layout(Layout.CHANNELS_FIRST)
                            .layerNormPerPosition(graph.math.square(v[1]), null, null, 1e-3)});
        INDArray expected = x;
        for (int i = 0; i < 3; i++) {
            expected = new NDNorm().layout(Layout.CHANNELS_FIRST).layerNormPerPosition(expected.mul(expected), null, null, 1e-3);
        }
        assertSame(sd.output(Map.of("x", x), end[1].name()).get(end[1].name()), expected);
    }

    @Test
    void eagerModeComputesAtOnce() {
        INDArray x = data.getFeatures();
        SameDiff sd = SameDiff.create();
        sd.setEagerMode(true);
        SDVariable y = new SDNorm(sd).named("y").instanceNorm(sd.var("x", x), null, null, 1e-3);
        assertSame(y.getArr(), new NDNorm().instanceNorm(x, null, null, 1e-3));
        SDVariable twice = y.mul(2);
        assertSame(twice.getArr(), new NDNorm().instanceNorm(x, null, null, 1e-3).mul(2));
        SDVariable later = new SDNorm(sd).layout(Layout.CHANNELS_FIRST)
                .rmsNorm(sd.placeHolder("p", DataType.FLOAT, -1, 4, 6), null, null, 1e-3);
        assertThat(later.getArr().shape()).isEqualTo(new long[]{1, 4, 6});
    }

    @Test
    void outputsHaveNamesAndCanBeRenamed() {
        SameDiff sd = SameDiff.create();
        SDVariable x = sd.var("x", DataType.FLOAT, 2, 4);
        SDVariable y = new SDNorm(sd).named("y").l2Normalize(x, 1e-12);
        assertThat(y.name()).isEqualTo("y");
        assertThat(new SDNorm(sd).l2Normalize(x, 1e-12).name()).startsWith("dl4jnorm_l2_normalize");
        assertThat(sd.summary()).contains("dl4jnorm_l2_normalize");
    }

    @Test
    void thereAreNoSecondDerivatives() {
        SameDiff sd = TestGraph.create();
        sd.createGradFunction();
        SameDiff gradient = sd.getFunction("grad");
        SameDiffOp node = gradient.getOps().values().stream()
                .filter(op -> op.getOp() instanceof NormGradNode).findFirst().orElseThrow();
        assertThatThrownBy(() -> node.getOp().doDiff(List.of())).isInstanceOf(UnsupportedOperationException.class)
                .hasMessageContaining("second derivatives");
    }

    @Test
    void oneGraphMayUseTheSameInputTwice() {
        INDArray x = Nd4j.rand(DataType.DOUBLE, 3, 4, 5);
        SameDiff sd = SameDiff.create();
        SDVariable in = sd.var("x", x);
        SDNorm norm = new SDNorm(sd);
        SDVariable sum = norm.batchNorm(in, null, null, 1e-3).mul(norm.instanceNorm(in, null, null, 1e-2)).sum();
        sum.markAsLoss();
        INDArray gradient = sd.calculateGradients(Map.of(), "x").get("x");
        double step = 1e-5;
        for (long i : new long[]{0, 17, 59}) {
            double[] loss = new double[2];
            for (int side = 0; side < 2; side++) {
                INDArray moved = x.dup();
                moved.putScalar(i, x.getDouble(i) + (side == 0 ? step : -step));
                loss[side] = new NDNorm().batchNorm(moved, null, null, 1e-3)
                        .mul(new NDNorm().instanceNorm(moved, null, null, 1e-2)).sumNumber().doubleValue();
            }
            assertThat(gradient.getDouble(i)).isCloseTo((loss[0] - loss[1]) / (2 * step),
                    org.assertj.core.api.Assertions.within(1e-7));
        }
    }
}
