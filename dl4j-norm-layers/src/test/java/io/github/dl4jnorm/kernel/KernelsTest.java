// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.NullSource;
import org.junit.jupiter.params.provider.ValueSource;

class KernelsTest {

    @ParameterizedTest
    @CsvSource({"vector, vector", "VECTOR, vector", "scalar, scalar",
        "SCALAR, scalar", "' Scalar ', scalar", "nd4j, nd4j", "ND4J, nd4j", "' nd4j\t', nd4j"})
    void aForcedNameIsTakenOnTheCpu(String forced, String expected) {
        assertThat(Kernels.choose(forced, true).name()).isEqualTo(expected);
    }

    @Test
    void nd4jServesEveryBackend() {
        assertThat(Kernels.choose("nd4j", false)).isInstanceOf(Nd4jKernels.class);
        assertThat(Kernels.choose("nd4j", true)).isInstanceOf(Nd4jKernels.class);
    }

    @ParameterizedTest
    @NullSource
    @ValueSource(strings = {"", " ", "\t"})
    void withoutANameTheBackendDecides(String forced) {
        assertThat(Kernels.choose(forced, false)).isInstanceOf(Nd4jKernels.class);
        assertThat(Kernels.choose(forced, true)).isInstanceOf(CpuKernels.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"cudnn", "scalar,nd4j", "none", "0"})
    void anUnknownNameIsAnErrorThatNamesThePropertyAndTheChoices(String forced) {
        for (boolean cpuBackend : new boolean[]{true, false}) {
            assertThatThrownBy(() -> Kernels.choose(forced, cpuBackend))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("-D" + Kernels.PROPERTY + "=" + forced)
                    .hasMessageContaining("scalar")
                    .hasMessageContaining("nd4j");
        }
    }

    @Test
    void scalarOnAnotherBackendThanTheCpuIsAnErrorThatNamesThePropertyAndTheWayOut() {
        assertThatThrownBy(() -> Kernels.choose("scalar", false))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("-D" + Kernels.PROPERTY + "=scalar")
                .hasMessageContaining("CPU")
                .hasMessageContaining("set it to nd4j");
    }

    @Test
    void thePropertyHasTheNameThatIsDocumented() {
        assertThat(Kernels.PROPERTY).isEqualTo("dl4jnorm.kernels");
    }

    @Test
    void thisJvmUsesWhatItsPropertyNamesAndChoosesOnce() {
        String forced = System.getProperty(Kernels.PROPERTY);
        NormKernels inUse = Kernels.get();
        assertThat(Kernels.get()).isSameAs(inUse);
        if (forced != null && !forced.isBlank()) {
            assertThat(inUse.name()).isEqualTo(forced);
        }
    }
}
