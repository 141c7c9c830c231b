// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import io.github.dl4jnorm.ops.SDNorm;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.DynamicCustomOp;
import org.nd4j.linalg.api.ops.OpContext;
import org.nd4j.linalg.api.shape.LongShapeDescriptor;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Forward and backward pass of group normalization as a layer, as the two nodes of a graph, and in graphs of
 * {@code Σ norm(x)·dy}: without the norm, with the nodes, and with the norm composed of SameDiff's own operations.
 */
final class SameDiffSubject implements Subject {
    static final String LAYER = "layer";
    static final String NODES = "nodes";
    static final String BARE = "graph without a norm";
    static final String FUSED = "graph with nodes";
    static final String COMPOSED = "graph with stock operations";
    static final List<String> VARIANTS = List.of(LAYER, NODES, BARE, FUSED, COMPOSED);

    private static final Case CASE = new Case(Norm.GROUP, Layout.NCHW, 32, 64, 56, 56);
    private static final int GROUPS = Norm.groups(CASE.channels());
    private static final double EPS = 1e-5;

    private final LayerSubject layer = new LayerSubject(CASE, List.of(Norm.GROUP.layer(CASE.channels())));
    private final List<SameDiff> graphs = new ArrayList<>();
    private final Node forward;
    private final Node backward;

    SameDiffSubject() {
        for (String variant : VARIANTS.subList(2, VARIANTS.size())) {
            graphs.add(graph(variant));
        }
        SameDiff gradient = graphs.get(1).getFunction("grad");
        INDArray gamma = Nd4j.ones(DataType.FLOAT, CASE.channels());
        INDArray beta = Nd4j.zeros(DataType.FLOAT, CASE.channels());
        forward = new Node(gradient, "dl4jnorm_group_norm", layer.x, gamma, beta);
        backward = new Node(gradient, "dl4jnorm_group_norm_bp", layer.x, gamma, beta, forward.outputs[0], layer.dy);
    }

    private SameDiff graph(String variant) {
        SameDiff sd = SameDiff.create();
        SDVariable x = sd.var("x", layer.x);
        SDVariable gamma = sd.var("gamma", Nd4j.ones(DataType.FLOAT, CASE.channels()));
        SDVariable beta = sd.var("beta", Nd4j.zeros(DataType.FLOAT, CASE.channels()));
        SDVariable y = switch (variant) {
            case FUSED -> new SDNorm(sd).groupNorm(x, gamma, beta, GROUPS, EPS);
            case COMPOSED -> composed(sd, x, gamma, beta);
            default -> x;
        };
        y.mul(sd.constant("dy", layer.dy)).sum().markAsLoss();
        sd.createGradFunction();
        return sd;
    }

    /** As one writes it without this library. */
    private static SDVariable composed(SameDiff sd, SDVariable x, SDVariable gamma, SDVariable beta) {
        SDVariable groups = sd.reshape(x, CASE.examples(), GROUPS, -1);
        SDVariable mean = groups.mean(true, 2);
        SDVariable centered = groups.sub(mean);
        SDVariable variance = sd.math.square(centered).mean(true, 2);
        SDVariable normalized = sd.reshape(centered.div(sd.math.sqrt(variance.add(EPS))), CASE.shape());
        return normalized.mul(sd.reshape(gamma, 1, -1, 1, 1)).add(sd.reshape(beta, 1, -1, 1, 1));
    }

    @Override
    public Object run(int variant) {
        switch (VARIANTS.get(variant)) {
            case LAYER:
                return layer.run(1);
            case NODES:
                forward.execute();
                return backward.execute();
            default:
                // Waiting for the collector to free large arrays would cost a tenth of a second for each.
                INDArray gradient = graphs.get(variant - 2).calculateGradients(Map.of(), "x").get("x");
                double first = gradient.getDouble(0);
                gradient.close();
                return first;
        }
    }

    /** Gradients of x by each way that has the norm. */
    List<INDArray> results() {
        List<INDArray> results = new ArrayList<>(List.of(layer.results().get(1)));
        forward.execute();
        results.add(((INDArray[]) backward.execute())[0].dup());
        for (SameDiff sd : graphs.subList(1, graphs.size())) {
            results.add(sd.calculateGradients(Map.of(), "x").get("x"));
        }
        return results;
    }

    /** A node of a graph, executed as a session does it, in memory that is reused as that of the layer is. */
    private static final class Node {
        private final DynamicCustomOp op;
        private final INDArray[] inputs;
        private final INDArray[] outputs;
        private final OpContext context = Nd4j.getExecutioner().buildContext();

        Node(SameDiff sd, String name, INDArray... inputs) {
            op = (DynamicCustomOp) Arrays.stream(sd.ops()).filter(o -> o.opName().equals(name)).findFirst().orElseThrow();
            this.inputs = inputs;
            context.setArgs(inputs, op.iArgs(), op.dArgs(), op.tArgs(), op.bArgs());
            List<LongShapeDescriptor> shapes = op.calculateOutputShape(context);
            outputs = shapes.stream().map(shape -> Nd4j.create(shape, false)).toArray(INDArray[]::new);
        }

        Object execute() {
            context.setArgs(inputs, op.iArgs(), op.dArgs(), op.tArgs(), op.bArgs());
            op.calculateOutputShape(context);
            for (int i = 0; i < outputs.length; i++) {
                context.setOutputArray(i, outputs[i]);
            }
            Nd4j.exec(op, context);
            return outputs;
        }
    }
}
