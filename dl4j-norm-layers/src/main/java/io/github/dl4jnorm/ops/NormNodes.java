// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

import io.github.dl4jnorm.norm.Parameter;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.nd4j.autodiff.functions.DifferentialFunction;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.imports.converters.DifferentialFunctionClassHolder;
import org.nd4j.imports.converters.ImportClassMapping;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Makes the nodes known to SameDiff, and finds out whether they run. */
final class NormNodes {
    /** System property: {@code fused} makes it an error if nodes do not run, {@code composed} does without them. */
    static final String PROPERTY = "dl4jnorm.samediff";

    private static final Logger LOG = LoggerFactory.getLogger(NormNodes.class);

    private NormNodes() {
    }

    /** SameDiff finds the class of a node it loads by the name of its operation. */
    static void register() {
        // While it is made, the holder iterates over the mapping: afterwards nobody does.
        DifferentialFunctionClassHolder.getInstance();
        Map<String, DifferentialFunction> mapping = ImportClassMapping.getOpNameMapping();
        synchronized (NormNodes.class) {
            for (NormOps.Kind kind : NormOps.Kind.values()) {
                for (NormSpec spec : List.of(new NormSpec(kind, null, false, false, 1, 1),
                        new NormSpec(kind, null, false, false, 1, 1, 0, true, null),
                        new NormSpec(kind, null, false, false, 1, 1, 0, false, Axes.last(1)))) {
                    for (KernelNode node : new KernelNode[]{new NormNode(spec), new NormGradNode(spec)}) {
                        mapping.putIfAbsent(node.opName(), node);
                    }
                }
            }
        }
    }

    /** The outputs of a node for checked inputs. */
    static List<SDVariable> fused(SameDiff sd, NormSpec spec, List<SDVariable> inputs) {
        register();
        return List.of(new NormNode(sd, spec, inputs).outputVariables());
    }

    /**
     * Whether nodes run.
     *
     * @throws IllegalStateException if the system property asks for what cannot be
     */
    static boolean areFused() {
        return Chosen.FUSED;
    }

    static boolean choose(String property, String problem) {
        switch (property == null ? "" : property.trim()) {
            case "composed":
                return false;
            case "fused":
                if (problem != null) {
                    throw new IllegalStateException("-D" + PROPERTY + "=fused is not available: " + problem);
                }
                return true;
            case "":
                if (problem != null) {
                    LOG.warn("This ND4J version cannot run fused normalization nodes in SameDiff graphs ({}); they are composed "
                            + "of ND4J operations instead, which gives the same results but is slower (logged once)", problem);
                }
                return problem == null;
            default:
                throw new IllegalStateException("-D" + PROPERTY + "=" + property + " is unknown: expected fused or composed");
        }
    }

    /** Runs output and gradient of a small graph; null or what went wrong. */
    static String test() {
        try (MemoryWorkspace none = Nd4j.getWorkspaceManager().scopeOutOfWorkspaces()) {
            INDArray x = numbers(1.7);
            INDArray dy = numbers(0.6);
            INDArray gamma = Nd4j.createFromArray(0.5, 1, -2, 3);
            NormSpec spec = new NormSpec(NormOps.Kind.GROUP_NORM, Layout.CHANNELS_FIRST, true, false, 2, 1e-3);
            INDArray[] expected = {x.ulike(), x.ulike(), gamma.ulike()};
            List<INDArray> inputs = List.of(x, gamma);
            spec.backward(spec.forward(inputs, List.of(expected[0])), x, dy, null, List.of(expected[1], expected[2]));

            SameDiff sd = SameDiff.create();
            SDVariable y = fused(sd, spec, List.of(sd.var(NormSpec.X, x), sd.var(Parameter.GAMMA.key(), gamma))).get(0);
            y.mul(sd.constant(dy)).sum().markAsLoss();
            Map<String, INDArray> gradients = sd.calculateGradients(Map.of(), NormSpec.X, Parameter.GAMMA.key());
            INDArray[] actual = {y.eval(), gradients.get(NormSpec.X), gradients.get(Parameter.GAMMA.key())};
            for (int i = 0; i < actual.length; i++) {
                if (!actual[i].equalsWithEps(expected[i], 1e-12)) {
                    return "a test graph gave " + actual[i] + " instead of " + expected[i];
                }
            }
            return null;
        } catch (Exception | LinkageError e) {
            LOG.debug("The test graph failed", e);
            return e.toString();
        }
    }

    private static INDArray numbers(double step) {
        double[] values = new double[24];
        Arrays.setAll(values, i -> Math.sin(step * i));
        return Nd4j.createFromArray(values).reshape('c', 2, 4, 3);
    }

    /** Found out at the first operation. */
    private static final class Chosen {
        static final boolean FUSED = choose(System.getProperty(PROPERTY),
                "composed".equals(System.getProperty(PROPERTY)) ? null : test());
    }
}
