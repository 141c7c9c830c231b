// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.pass;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jnorm.norm.Curve;
import io.github.dl4jnorm.norm.Divisor;
import io.github.dl4jnorm.norm.NormPlan;
import io.github.dl4jnorm.norm.Parameter;
import io.github.dl4jnorm.norm.Values;
import io.github.dl4jnorm.norm.View;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Every plan has its pass; none is taken for another one. */
class NormPassTest {
    private final INDArray x = Nd4j.rand(DataType.FLOAT, 6, 4, 5);
    private final View view = View.of(x.shape(), false);
    private final Values values = new Values().set(Parameter.GAMMA, new double[]{1, 1, 1, 1}).set(Parameter.BETA, new double[4])
            .set(Parameter.V, new double[]{1, 1, 1, 1});

    private Saved forward(NormPlan plan, Values given, INDArray y) {
        return new NormPass(view, null, plan, given, 1e-3).forward(x, y);
    }

    @Test
    void everyKindOfPlanHasAPassOfItsOwn() {
        Map<Class<?>, NormPlan> plans = Map.of(NormPlan.Channels.class, NormPlan.batch(), NormPlan.Ghost.class,
                NormPlan.ghost(2), NormPlan.Positions.class, NormPlan.position(Divisor.DEVIATION),
                NormPlan.Responses.class, new NormPlan.Responses(), NormPlan.Curved.class, new NormPlan.Curved(Curve.TANH),
                NormPlan.Gated.class, new NormPlan.Gated(2), NormPlan.LargerDeviation.class,
                new NormPlan.LargerDeviation(), NormPlan.InstanceAndBatch.class, new NormPlan.InstanceAndBatch(2),
                NormPlan.Split.class, new NormPlan.Split(1));
        assertThat(plans.keySet()).as("a new kind of plan needs a pass, and a place in NormPass.forward")
                .containsExactlyInAnyOrderElementsOf(Arrays.asList(NormPlan.class.getPermittedSubclasses()));
        assertThat(plans.values().stream().map(plan -> forward(plan, values, x.ulike()).getClass()))
                .doesNotHaveDuplicates().hasSize(plans.size());
    }

    /** At test time the statistics that stand in for those of the parts are those of the batch. */
    @Test
    void aGhostWithGivenStatisticsIsBatchNorm() {
        Values given = values.copy().set(Parameter.MEAN, new double[]{0, 1, 2, 3})
                .set(Parameter.VAR, new double[]{1, 4, 9, 16});
        INDArray ghost = Nd4j.create(DataType.FLOAT, x.shape());
        INDArray batch = Nd4j.create(DataType.FLOAT, x.shape());
        forward(NormPlan.ghost(2), given, ghost);
        forward(NormPlan.batch(), given, batch);
        assertThat(ghost).isEqualTo(batch);
    }

    @Test
    void aPlanThatIsNotKnownIsNotTakenForBatchNorm() {
        assertThatThrownBy(() -> forward(null, values, x.ulike()))
                .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("expected a plan");
    }
}
