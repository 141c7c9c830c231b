// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.assignableTo;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.equivalentTo;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noMethods;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.AccessTarget;
import com.tngtech.archunit.core.domain.JavaAccess;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import io.github.dl4jnorm.kernel.Kernels;
import java.io.Serializable;
import java.nio.Buffer;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.bytedeco.javacpp.Pointer;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.buffer.DataBuffer;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** What may depend on what, read from the compiled classes. */
@Tag("once")
@Tag("long")
class ArchitectureTest {
    private static final String ROOT = "io.github.dl4jnorm";

    /** Methods of arrays and buffers that give an address, or memory to be read and written without a check. */
    private static final Set<String> GIVE_ADDRESSES = Set.of("pointer", "addressPointer", "opaqueBuffer", "address",
            "platformAddress", "asNio", "asNioDouble", "asNioFloat", "asNioInt", "asNioLong", "indexer");

    private static final Set<String> OPENING = Set.of("Class.forName", "ClassLoader.loadClass", "System.load",
            "System.loadLibrary", "Runtime.load", "Runtime.loadLibrary", "Runtime.exec");

    /** Methods of arrays that cut parts out of them, which ND4J 1.0.0-M2.1 does wrongly for some views. */
    private static final Set<String> CUT = Set.of("get", "getRow", "getRows", "getColumn", "getColumns", "getScalar", "slice",
            "subArray", "tensorAlongDimension", "vectorAlongDimension", "put", "putRow", "putColumn", "putSlice");

    /** Methods of arrays that read or write one element: on a GPU each of them waits for the device. */
    private static final Pattern ONE_BY_ONE = Pattern.compile("get(Double|Float|Int|Long|Number|String)|putScalar\\w*"
            + "|to(Double|Float|Int|Long)(Vector|Matrix)|\\w+Number");

    /** Packages with a dependency of their own, by the jars that are there for them only. */
    private static final Map<String, String> OPTIONAL = Map.of("keras", "deeplearning4j-modelimport",
            "onnx", "samediff-import-(api|onnx)|onnxruntime", "parallel", "deeplearning4j-parallel-wrapper",
            "convolution", "dnnl");

    /** The jars without which there are no networks. */
    private static final String ALWAYS = "deeplearning4j-nn|nd4j-(api|common|native-api)|jackson|guava|protobuf|javacpp|lombok"
            + "|slf4j-api|commons-collections4";

    private static final Pattern JAR = Pattern.compile("^jar:file:.*/([^/]+?)-\\d[^/]*\\.jar!");

    private static JavaClasses library;

    @BeforeAll
    static void readClasses() {
        library = new ClassFileImporter().withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
                .importPackages(ROOT);
        assertThat(library.contain(Kernels.class)).as("the library's classes are found").isTrue();
    }

    private static final DescribedPredicate<JavaClass> MEMORY = resideInAnyPackage("sun.misc..", "jdk.internal..",
            "java.lang.foreign..", "org.bytedeco..", "org.nd4j.nativeblas..", "jdk.incubator.vector..")
            .or(assignableTo(Buffer.class)).or(assignableTo(Pointer.class)).as("addresses or raw memory");

    private static final DescribedPredicate<JavaAccess<?>> ADDRESS_OF_AN_ARRAY =
            describe("ask an array for its address", access -> GIVE_ADDRESSES.contains(access.getName())
                    && (ownerOf(access).isAssignableTo(DataBuffer.class) || ownerOf(access).isAssignableTo(INDArray.class)));

    private static JavaClass ownerOf(JavaAccess<?> access) {
        AccessTarget target = access.getTarget();
        return target.getOwner();
    }

    @Test
    void onlyKernelsTouchAddresses() {
        onlyKernelsUseMemory().check(library);
        onlyKernelsAskForAddresses().check(library);
    }

    /**
     * Npy and Safetensors take numbers out of the bytes of a file, with buffers over arrays of the JVM. Convolutions hand
     * arrays to oneDNN, which bounds what it reads and writes by the sizes that it is given.
     */
    private static ArchRule onlyKernelsUseMemory() {
        return noClasses().that().resideOutsideOfPackages(ROOT + ".kernel", ROOT + ".convolution")
                .and().haveNameNotMatching(".*\\.model\\.(Npy|Safetensors)(Header)?").should().dependOnClassesThat(MEMORY);
    }

    private static ArchRule onlyKernelsAskForAddresses() {
        return noClasses().that().resideOutsideOfPackage(ROOT + ".kernel").and().haveNameNotMatching(".*\\.convolution\\.Tensor")
                .should().accessTargetWhere(ADDRESS_OF_AN_ARRAY);
    }

    /** What breaks a rule here would be missed in the library as well if the rule said nothing about it. */
    @Test
    void theRulesAboutAddressesFindWhatTheyForbid() {
        JavaClasses culprits = new ClassFileImporter().importClasses(Culprit.class);
        assertThatThrownBy(() -> onlyKernelsUseMemory().check(culprits)).isInstanceOf(AssertionError.class)
                .hasMessageContaining("ByteBuffer").hasMessageContaining("BytePointer");
        assertThatThrownBy(() -> onlyKernelsAskForAddresses().check(culprits)).isInstanceOf(AssertionError.class)
                .hasMessageContaining("DataBuffer.pointer()").hasMessageContaining("DataBuffer.address()");
    }

    /** Does what only kernels may do. */
    private static final class Culprit {
        static int read(INDArray array) {
            return new org.bytedeco.javacpp.BytePointer(array.data().pointer()).asByteBuffer().get(0);
        }

        static double element(INDArray array) {
            return array.getDouble(0);
        }

        static long address(INDArray array) {
            return array.data().address();
        }
    }

    @Test
    void passesReadAndWriteNoElementAlone() {
        DescribedPredicate<JavaAccess<?>> element = describe("read or write one element of an array",
                access -> ONE_BY_ONE.matcher(access.getName()).matches() && ownerOf(access).isAssignableTo(INDArray.class));
        noClasses().that().resideInAnyPackage(ROOT + ".kernel", ROOT + ".pass", ROOT + ".layer").should()
                .accessTargetWhere(element).check(library);
        assertThatThrownBy(() -> noClasses().should().accessTargetWhere(element)
                .check(new ClassFileImporter().importClasses(Culprit.class))).hasMessageContaining("INDArray.getDouble");
    }

    /** Off-heap memory is opened in one place, which computes its bounds from the array, and read through Memory. */
    @Test
    void kernelsReachTheMemoryOfArraysThroughStridedAlone() {
        String others = "(?!.*\\.(kernel\\.Strided|convolution\\.Tensor)(\\$.*)?$).*";
        noClasses().that().haveNameMatching(others).and().resideOutsideOfPackage(ROOT + ".convolution")
                .should().dependOnClassesThat().resideInAnyPackage("org.bytedeco..").check(library);
        noClasses().that().haveNameMatching(others).should().accessTargetWhere(ADDRESS_OF_AN_ARRAY).check(library);
        noClasses().should().dependOnClassesThat().resideInAnyPackage("sun.misc..", "jdk.internal..").check(library);
    }

    /** So that a JVM without the module, or another vector API, can load all else. */
    @Test
    void onlyClassesOfTheVectorKernelsKnowTheVectorApi() {
        noClasses().that().haveNameNotMatching(".*\\.kernel\\.[^.]*(Vector|Lanes)[^.]*")
                .should().dependOnClassesThat().resideInAPackage("jdk.incubator.vector..").check(library);
    }

    /** An array of a user may be a view; what is imported from a file begins where its memory does. */
    @Test
    void partsOfArraysAreCutBySlicesAlone() {
        partsAreCutBySlices().check(library);
        assertThatThrownBy(() -> partsAreCutBySlices().check(new ClassFileImporter().importClasses(Cutter.class)))
                .isInstanceOf(AssertionError.class).hasMessageContaining("INDArray.get(").hasMessageContaining("getRow(");
    }

    private static ArchRule partsAreCutBySlices() {
        return noClasses().that().resideOutsideOfPackages(ROOT + ".keras", ROOT + ".onnx").should().callMethodWhere(
                describe("cut an array", call -> CUT.contains(call.getName())
                        && call.getTargetOwner().isAssignableTo(INDArray.class)));
    }

    /** Does what only Slices may do. */
    private static final class Cutter {
        static INDArray some(INDArray array) {
            return array.get(NDArrayIndex.interval(0, 1)).getRow(0);
        }
    }

    /** They have to serve backends whose memory is not that of the JVM. */
    @Test
    void kernelsOfOperationsTouchNoMemory() {
        noClasses().that().haveNameMatching(".*\\.Nd4jKernels(\\$.*)?").should().dependOnClassesThat(MEMORY)
                .orShould().accessTargetWhere(ADDRESS_OF_AN_ARRAY).check(library);
    }

    @Test
    void theAlgebraIsPlainJava() {
        classes().that().resideInAPackage(ROOT + ".norm").should().onlyDependOnClassesThat()
                .resideInAnyPackage("java.lang..", "java.util..", ROOT + ".norm").check(library);
    }

    /** Later versions of Deeplearning4j have these classes in other places. */
    @Test
    void onlyInputTypesKnowsTheClassesOfInputTypes() {
        noClasses().that().doNotHaveFullyQualifiedName(ROOT + ".conf.InputTypes").should()
                .dependOnClassesThat().haveNameMatching(".*\\.InputType\\$InputType.*").check(library);
    }

    @Test
    void kernelsKnowArraysButNoNetworks() {
        noClasses().that().resideInAPackage(ROOT + ".kernel").should().dependOnClassesThat()
                .resideInAnyPackage("org.deeplearning4j..").check(library);
    }

    @Test
    void configurationsComputeNothing() {
        noClasses().that().resideInAPackage(ROOT + ".conf").should().dependOnClassesThat()
                .resideInAPackage(ROOT + ".kernel").check(library);
    }

    /** A configuration makes its layer and a layer reads its configuration; all else goes downwards. */
    @Test
    void packagesBuildUponEachOther() {
        layeredArchitecture().consideringOnlyDependenciesInLayers()
                .layer("parallel").definedBy(ROOT + ".parallel..")
                .layer("model").definedBy(ROOT + ".model..")
                .layer("ops").definedBy(ROOT + ".ops..")
                .layer("imports").definedBy(ROOT + ".keras..")
                .layer("graphs").definedBy(ROOT + ".onnx..")
                .layer("layers").definedBy(ROOT + ".conf..", ROOT + ".layer..")
                .layer("convolutions").definedBy(ROOT + ".convolution..")
                .layer("passes").definedBy(ROOT + ".pass..")
                .layer("kernels").definedBy(ROOT + ".kernel..")
                .layer("algebra").definedBy(ROOT + ".norm..")
                .whereLayer("parallel").mayNotBeAccessedByAnyLayer()
                .whereLayer("model").mayOnlyBeAccessedByLayers("parallel", "imports")
                .whereLayer("graphs").mayNotBeAccessedByAnyLayer()
                .whereLayer("ops").mayOnlyBeAccessedByLayers("graphs")
                .whereLayer("imports").mayNotBeAccessedByAnyLayer()
                .whereLayer("layers").mayOnlyBeAccessedByLayers("parallel", "model", "ops", "imports")
                .whereLayer("convolutions").mayOnlyBeAccessedByLayers("model")
                .whereLayer("passes").mayOnlyBeAccessedByLayers("layers", "ops", "model")
                .whereLayer("kernels").mayOnlyBeAccessedByLayers("passes", "layers", "ops")
                .whereLayer("algebra").mayOnlyBeAccessedByLayers("kernels", "passes", "layers", "ops", "model", "parallel")
                .check(library);
    }

    /**
     * A model file names the classes that are made from it: none of this library may do anything but compute. Those that
     * exchange weights, import models, write tables or print which kernels run have no instances a model file could ask for,
     * nor has what calls the methods of builders by the names of options.
     */
    @Test
    void nothingOpensFilesConnectionsProcessesOrClassesByName() {
        noClasses().that().haveNameNotMatching(".*\\.model\\.(PyTorchWeights|NormStatsCsv|WholeFile(\\$.*)?|Npy(Header)?"
                        + "|NormArrays|StateDict(\\$.*)?|Tensor(Header|Source)|NpySource(\\$.*)?"
                        + "|Safetensors(Header(\\$.*)?)?)|.*\\.conf\\.NormOptions|.*\\.kernel\\.(Describe|Kernels|SelfCheck)"
                        + "|.*\\.convolution\\.LayerSwap|.*\\.keras\\.(NormImports|KerasImport|KerasArchive)"
                        + "|.*\\.onnx\\.(OnnxNorms|OnnxModel|Tensors)")
                .should().dependOnClassesThat(resideInAnyPackage("java.net..", "java.nio.file..", "java.lang.reflect..",
                "java.lang.invoke..").or(resideInAnyPackage("java.io..").and(not(equivalentTo(Serializable.class))))
                .or(equivalentTo(ProcessBuilder.class)).or(equivalentTo(Process.class)).as("anything outside")).check(library);
        noClasses().should().callMethodWhere(describe("look up or load something", call -> OPENING.contains(
                call.getTargetOwner().getSimpleName() + "." + call.getName()))).check(library);
    }

    /**
     * So that whoever uses none of these packages can do without what they need: see OptionalDependenciesTest. Only model,
     * which asks first whether oneDNN is there, uses convolution.
     */
    @Test
    void packagesWithDependenciesOfTheirOwnStandAlone() {
        OPTIONAL.forEach((name, jars) -> {
            String own = ROOT + "." + name;
            if (!name.equals("convolution")) {
                noClasses().that().resideOutsideOfPackage(own).should().dependOnClassesThat().resideInAPackage(own)
                        .check(library);
            }
            noClasses().that().resideOutsideOfPackage(own).should().dependOnClassesThat(comeFrom(jars)).check(library);
            assertThatThrownBy(() -> noClasses().that().resideInAPackage(own).should().dependOnClassesThat(comeFrom(jars))
                    .check(library)).as("the rule finds " + jars).isInstanceOf(AssertionError.class);
        });
        String all = String.join("|", OPTIONAL.values());
        noClasses().should().dependOnClassesThat(describe("come from other jars than those that the library always has",
                type -> jar(type) != null && !jar(type).matches(ALWAYS + "|" + all))).check(library);
    }

    private static DescribedPredicate<JavaClass> comeFrom(String jars) {
        return describe("come from " + jars, type -> jar(type) != null && jar(type).matches(jars));
    }

    /** The artifact that a class comes from, or null if it is the JDK's or this library's. */
    private static String jar(JavaClass type) {
        Matcher jar = type.getSource().map(source -> JAR.matcher(source.getUri().toString())).orElse(null);
        return jar != null && jar.find() ? jar.group(1) : null;
    }

    @Test
    void noClassDefinesWhatHappensOnDeserialization() {
        noMethods().should().haveNameMatching("readObject|readObjectNoData|readResolve|readExternal|finalize").check(library);
    }

    /** The implementations are not for users. */
    @Test
    void ofTheKernelsOnlyTheInterfaceTheChoiceAndFramesArePublic() {
        classes().that().resideInAPackage(ROOT + ".kernel").and().haveModifier(JavaModifier.PUBLIC)
                .should().haveSimpleName("Kernels").orShould().haveSimpleName("NormKernels")
                .orShould().haveSimpleName("Frames").orShould().haveSimpleName("Shared")
                .orShould().haveSimpleName("Describe").orShould().haveSimpleName("SelfCheck").check(library);
    }
}
