// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jnorm.norm.Parameter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** With an eps of 0, a constant (0 for what subtracts no mean) gives beta and gradients that are finite. */
@Tag("long")
@Tag("vectors-first")
class EpsZeroOpsTest {
    static Stream<OpCase> cases() {
        return Stream.of(DataType.FLOAT, DataType.DOUBLE).flatMap(OpCase::all)
                .filter(c -> c.rank() != 4 && c.affine() && c.layout() == Layout.CHANNELS_FIRST);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void whatDoesNotVaryGivesBetaAndFiniteGradients(OpCase drawn) {
        NormSpec spec = new NormSpec(drawn.kind(), drawn.layout(), true, true, drawn.spec().groups(), 0);
        Map<String, INDArray> arrays = drawn.arrays(3);
        arrays.get(NormSpec.X).assign(drawn.centers() ? 0.1 : 0);
        if (drawn.kind().definition().extras().contains(Parameter.MEAN)) {
            arrays.get(Parameter.MEAN.key()).assign(0.1);
        }
        if (drawn.kind().definition().extras().contains(Parameter.SHIFT)) {
            // A function of it is added to what comes out.
            arrays.get(Parameter.SHIFT.key()).assign(0);
        }
        if (drawn.kind().definition().extras().contains(Parameter.VAR)) {
            arrays.get(Parameter.VAR.key()).assign(0);
        }
        INDArray beta = arrays.get(Parameter.BETA.key());
        List<INDArray> outputs = new ArrayList<>();
        outputs.add(new NDNorm().apply(spec, List.copyOf(arrays.values())));
        for (boolean fused : new boolean[]{true, false}) {
            SameDiff sd = SameDiff.create();
            List<SDVariable> inputs = arrays.entrySet().stream()
                    .map(e -> sd.var(e.getKey(), e.getValue().dup('c'))).toList();
            SDVariable y = new SDNorm(sd, fused).apply(spec, inputs);
            SDVariable loss = y.mul(sd.constant("dy", drawn.gradient(3))).sum();
            loss.markAsLoss();
            outputs.add(y.eval());
            sd.calculateGradients(Map.of(), inputs.stream().map(SDVariable::name).toList())
                    .forEach((name, gradient) -> assertThat(gradient.castTo(DataType.DOUBLE).dup('c').data().asDouble())
                            .as("%s, fused %s", name, fused).doesNotContain(Double.NaN, Double.POSITIVE_INFINITY,
                                    Double.NEGATIVE_INFINITY));
        }
        for (INDArray y : outputs) {
            for (int n = 0; n < 3; n++) {
                for (int c = 0; c < OpCase.CHANNELS; c++) {
                    double[] positions = y.slice(n).slice(c).castTo(DataType.DOUBLE).dup('c').data().asDouble();
                    for (double found : positions) {
                        assertThat(found).isCloseTo(beta.getDouble(c), within(1e-5));
                    }
                }
            }
        }
    }
}
