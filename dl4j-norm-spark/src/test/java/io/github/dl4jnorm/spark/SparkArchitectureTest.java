// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.spark;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noMethods;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.ndarray.INDArray;

/** What this module may depend on, read from the compiled classes. */
class SparkArchitectureTest {
    private static final String ROOT = "io.github.dl4jnorm";
    private static final Set<String> CUT = Set.of("get", "getRow", "getRows", "getColumn", "getColumns", "slice", "subArray",
            "tensorAlongDimension", "put", "putRow", "putColumn", "putSlice", "data");

    private static final JavaClasses MODULE = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS).importPackages(ROOT + ".spark");

    @Test
    void itsClassesAreFound() {
        assertThat(MODULE.contain(SparkPopulationStatistics.class)).isTrue();
        assertThat(MODULE.stream().allMatch(type -> type.getPackageName().equals(ROOT + ".spark"))).isTrue();
    }

    /** Kernels and convolutions are for the layers. */
    @Test
    void itComputesThroughTheLibrary() {
        noClasses().should().dependOnClassesThat().resideInAnyPackage(ROOT + ".kernel..", ROOT + ".convolution..",
                ROOT + ".onnx..", ROOT + ".keras..", "sun.misc..", "jdk.internal..", "java.lang.foreign..", "org.bytedeco..",
                "jdk.incubator.vector..").check(MODULE);
        noClasses().should().callMethodWhere(describe("cut an array or take its memory", call -> CUT.contains(call.getName())
                && call.getTargetOwner().isAssignableTo(INDArray.class))).check(MODULE);
    }

    @Test
    void onlyTasksOfAStageOpenConnectionsAndNothingOpensFilesOrProcesses() {
        noClasses().that().haveNameNotMatching(".*\\.(TaskGroup|Peer)(\\$.*)?").should().dependOnClassesThat(
                resideInAnyPackage("java.net..")).check(MODULE);
        noClasses().should().dependOnClassesThat(resideInAnyPackage("java.nio.file..", "java.lang.reflect..")
                .or(describe("files or processes", type -> type.isEquivalentTo(java.io.File.class)
                        || type.isEquivalentTo(Process.class) || type.isEquivalentTo(ProcessBuilder.class)))).check(MODULE);
        noClasses().should().callMethodWhere(describe("load classes", call -> call.getName().equals("forName")
                || call.getName().equals("loadClass"))).check(MODULE);
        noMethods().should().haveNameMatching("readObject|readObjectNoData|readResolve|readExternal|finalize").check(MODULE);
    }

    @Test
    void usersSeeNothingElse() {
        classes().that().haveModifier(JavaModifier.PUBLIC).should().haveSimpleName("SparkPopulationStatistics")
                .orShould().haveSimpleName("NormalizedSparkTraining").orShould().haveSimpleName("SynchronizedSparkTraining")
                .check(MODULE);
    }
}
