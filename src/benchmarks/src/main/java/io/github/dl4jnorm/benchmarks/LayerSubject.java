// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import java.util.ArrayList;
import java.util.List;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.ActivationLayer;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.memory.conf.WorkspaceConfiguration;
import org.nd4j.linalg.api.memory.enums.AllocationPolicy;
import org.nd4j.linalg.api.memory.enums.LearningPolicy;
import org.nd4j.linalg.api.memory.enums.ResetPolicy;
import org.nd4j.linalg.api.memory.enums.SpillPolicy;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;

/** Layers of Deeplearning4j one behind the other, called as a network in training calls them, workspaces included. */
final class LayerSubject implements Subject {
    private static final long SEED = 42;

    private final LayerWorkspaceMgr workspaces = workspaces();
    private final List<Layer> layers = new ArrayList<>();
    final INDArray x;
    final INDArray dy;

    LayerSubject(Case c, List<? extends org.deeplearning4j.nn.conf.layers.Layer> configurations) {
        Nd4j.getRandom().setSeed(SEED);
        x = random(c.shape());
        dy = random(c.shape());
        for (org.deeplearning4j.nn.conf.layers.Layer configuration : configurations) {
            layers.add(instantiate(configuration, c.layout().inputType(c)));
        }
    }

    /** Deeplearning4j's own batch normalization ignores its activation: ReLU is a layer of its own. */
    static List<org.deeplearning4j.nn.conf.layers.Layer> stock(Case c) {
        BatchNormalization batch = new BatchNormalization.Builder().build();
        return c.norm() == Norm.BATCH ? List.of(batch) : List.of(batch, new ActivationLayer(Activation.RELU));
    }

    private static INDArray random(long[] shape) {
        return Nd4j.randn(DataType.FLOAT, shape).muli(2).addi(1);
    }

    private static Layer instantiate(org.deeplearning4j.nn.conf.layers.Layer configuration, InputType input) {
        configuration.setNIn(input, true);
        NeuralNetConfiguration conf = new NeuralNetConfiguration.Builder().updater(new Sgd(0.1))
                .dataType(DataType.FLOAT).layer(configuration).build();
        long count = conf.getLayer().initializer().numParams(conf);
        INDArray params = count == 0 ? null : Nd4j.create(DataType.FLOAT, 1, count);
        Layer layer = conf.getLayer().instantiate(conf, null, 0, params, true, DataType.FLOAT);
        if (count > 0) {
            layer.setBackpropGradientsViewArray(Nd4j.create(DataType.FLOAT, 1, count));
        }
        return layer;
    }

    /** The kinds of workspaces that a MultiLayerNetwork has. */
    private static LayerWorkspaceMgr workspaces() {
        WorkspaceConfiguration conf = WorkspaceConfiguration.builder().initialSize(0).overallocationLimit(0.05)
                .policyLearning(LearningPolicy.FIRST_LOOP).policyReset(ResetPolicy.BLOCK_LEFT)
                .policySpill(SpillPolicy.REALLOCATE).policyAllocation(AllocationPolicy.OVERALLOCATE).build();
        return LayerWorkspaceMgr.builder().defaultWorkspace("WORKING", conf)
                .with(ArrayType.INPUT, "ACTIVATIONS", conf)
                .with(ArrayType.ACTIVATIONS, "ACTIVATIONS", conf)
                .with(ArrayType.ACTIVATION_GRAD, "GRADIENTS", conf).build();
    }

    @Override
    public Object run(int variant) {
        try (MemoryWorkspace activations = workspaces.notifyScopeEntered(ArrayType.ACTIVATIONS)) {
            INDArray y = forward();
            if (variant == 0) {
                return y.data().address();
            }
            try (MemoryWorkspace gradients = workspaces.notifyScopeEntered(ArrayType.ACTIVATION_GRAD)) {
                return backward().data().address();
            }
        }
    }

    /** Output and gradient of the input, outside of the workspaces. */
    List<INDArray> results() {
        try (MemoryWorkspace activations = workspaces.notifyScopeEntered(ArrayType.ACTIVATIONS);
             MemoryWorkspace gradients = workspaces.notifyScopeEntered(ArrayType.ACTIVATION_GRAD)) {
            return List.of(forward().detach(), backward().detach());
        }
    }

    private INDArray forward() {
        INDArray activations = x;
        for (Layer layer : layers) {
            try (MemoryWorkspace working = workspaces.notifyScopeEntered(ArrayType.FF_WORKING_MEM)) {
                layer.setInput(activations, workspaces);
                activations = layer.activate(true, workspaces);
            }
        }
        return activations;
    }

    private INDArray backward() {
        INDArray gradient = dy;
        for (int i = layers.size() - 1; i >= 0; i--) {
            try (MemoryWorkspace working = workspaces.notifyScopeEntered(ArrayType.BP_WORKING_MEM)) {
                gradient = layers.get(i).backpropGradient(gradient, workspaces).getSecond();
            }
        }
        return gradient;
    }
}
