// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.pass;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jnorm.norm.NormPlan;
import io.github.dl4jnorm.norm.Pool;
import io.github.dl4jnorm.norm.PositionNorm;
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
    private final NormParams params = new NormParams(new double[]{1, 1, 1, 1}, new double[4], null, null, 1e-3);

    @Test
    void everyKindOfPlanHasAPassOfItsOwn() {
        Map<Class<?>, NormPlan> plans = Map.of(NormPlan.Channels.class, NormPlan.batch(), NormPlan.Ghost.class,
                NormPlan.ghost(2), NormPlan.Positions.class, new NormPlan.Positions(PositionNorm.Kind.values()[0], 1, false),
                NormPlan.Responses.class, new NormPlan.Responses());
        assertThat(plans.keySet()).as("a new kind of plan needs a pass, and a place in NormPass.of")
                .containsExactlyInAnyOrderElementsOf(Arrays.asList(NormPlan.class.getPermittedSubclasses()));
        assertThat(plans.values().stream().map(plan -> NormPass.of(x, view, null, plan, params, null, false).getClass()))
                .doesNotHaveDuplicates().hasSize(plans.size());
    }

    /** At test time the statistics that stand in for those of the parts are those of the batch. */
    @Test
    void aGhostWithGivenStatisticsIsBatchNorm() {
        Pool given = Pool.constant(new double[]{0, 1, 2, 3}, new double[]{1, 4, 9, 16});
        INDArray ghost = Nd4j.create(DataType.FLOAT, x.shape());
        INDArray batch = Nd4j.create(DataType.FLOAT, x.shape());
        NormPass.of(x, view, null, NormPlan.ghost(2), params, given, false).forward(x, false, ghost);
        NormPass.of(x, view, null, NormPlan.batch(), params, given, false).forward(x, false, batch);
        assertThat(ghost).isEqualTo(batch);
    }

    @Test
    void aPlanThatIsNotKnownIsNotTakenForBatchNorm() {
        assertThatThrownBy(() -> NormPass.of(x, view, null, null, params, null, false))
                .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("expected a plan");
    }
}
