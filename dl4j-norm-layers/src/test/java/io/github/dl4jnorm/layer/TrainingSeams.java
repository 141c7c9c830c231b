// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static io.github.dl4jnorm.layer.Seam.Answer.WORKS;
import static io.github.dl4jnorm.layer.Seam.close;
import static io.github.dl4jnorm.layer.Seam.different;
import static io.github.dl4jnorm.layer.Seam.refused;
import static io.github.dl4jnorm.layer.Seam.same;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.conf.NormParameter;
import io.github.dl4jnorm.conf.SpectralNormalization;
import java.util.LinkedHashMap;
import java.util.Map;
import org.deeplearning4j.nn.api.OptimizationAlgorithm;
import org.deeplearning4j.nn.conf.GradientNormalization;
import org.deeplearning4j.nn.conf.WorkspaceMode;
import org.nd4j.linalg.learning.config.Sgd;

/** Columns of the table of seams: ways to train. */
final class TrainingSeams {
    private TrainingSeams() {
    }

    static Map<String, Seam> all() {
        Map<String, Seam> seams = new LinkedHashMap<>();
        seams.put("workspaces", TrainingSeams::workspaces);
        seams.put("gradient clipping", TrainingSeams::clipping);
        for (OptimizationAlgorithm solver : OptimizationAlgorithm.values()) {
            if (solver != OptimizationAlgorithm.STOCHASTIC_GRADIENT_DESCENT) {
                seams.put(solver.name().toLowerCase(java.util.Locale.ROOT).replace('_', ' '), row -> solver(row, solver));
            }
        }
        return seams;
    }

    private static Seam.Answer workspaces(SeamRow row) {
        SeamNet[] nets = new SeamNet[2];
        for (int i = 0; i < 2; i++) {
            WorkspaceMode mode = i == 0 ? WorkspaceMode.ENABLED : WorkspaceMode.NONE;
            nets[i] = row.net(options -> options.trainingWorkspaceMode(mode).inferenceWorkspaceMode(mode)).trained();
        }
        same("what training makes of a network", nets[1].everything(), nets[0].everything());
        same("output", nets[1].output(), nets[0].output());
        return WORKS;
    }

    /** The first step meets the same batch, whatever becomes of its gradients: statistics are those of the batch. */
    private static Seam.Answer clipping(SeamRow row) {
        SeamNet plain = row.net(options -> options.updater(new Sgd(0.05)));
        SeamNet clipped = row.net(options -> options.updater(new Sgd(0.05)).gradientNormalizationThreshold(1e-3)
                .gradientNormalization(GradientNormalization.ClipL2PerLayer));
        plain.fit(1);
        clipped.fit(1);
        different("the step", clipped.everything(), plain.everything());
        if (row.isNorm()) {
            plain.params().forEach((name, values) -> {
                if (!NormParameter.isTrained(name)) {
                    same(name, clipped.params().get(name), values);
                }
            });
        }
        return WORKS;
    }

    private static Seam.Answer solver(SeamRow row, OptimizationAlgorithm solver) throws Exception {
        boolean keepsState = SurgerySeams.updates(row) || row.conf() instanceof SpectralNormalization;
        if (keepsState) {
            return refused(row, () -> row.net(options -> options.optimizationAlgo(solver)).fit(1));
        }
        SeamNet net = row.net(options -> options.optimizationAlgo(solver).updater(new Sgd(0.1)));
        double before = net.graph().score(net.batch(1));
        net.fit(1);
        net.fit(1);
        assertThat(net.graph().score(net.batch(1))).isLessThan(before);
        close("a second look at the output", net.output(), net.output(), 0);
        return WORKS;
    }
}
