// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import onnx.Onnx;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.ir.MapperNamespace;
import org.nd4j.samediff.frameworkimport.onnx.definitions.OnnxOpDeclarationsKt;
import org.nd4j.samediff.frameworkimport.onnx.importer.OnnxFrameworkImporter;
import org.nd4j.samediff.frameworkimport.onnx.ir.OnnxIRGraph;
import org.nd4j.samediff.frameworkimport.onnx.process.OnnxMappingProcess;
import org.nd4j.samediff.frameworkimport.opdefs.OpDescriptorLoaderHolder;
import org.nd4j.samediff.frameworkimport.reflect.ImportReflectionCache;
import org.nd4j.samediff.frameworkimport.registry.OpMappingRegistry;

/** Deeplearning4j's importer with an operation more; it is told apart by its name, so that all else stays as it is. */
final class Importer {
    private static final String FRAMEWORK = "onnx";

    private final OnnxFrameworkImporter importer = new OnnxFrameworkImporter();

    /** The importer's registries are shared by all its instances and not meant for several threads. */
    private static final class Only {
        static final Importer INSTANCE = new Importer();
    }

    private Importer() {
        Onnx.NodeProto definition = Onnx.NodeProto.newBuilder().setOpType(OnnxModel.PLACE).setName(OnnxModel.PLACE).build();
        Map<String, Onnx.NodeProto> definitions = OpDescriptorLoaderHolder.INSTANCE.listForFramework(FRAMEWORK);
        definitions.put(OnnxModel.PLACE, definition);
        register(OnnxOpDeclarationsKt.registry(), definition);
        register(importer.getRegistry(), definition);
        ImportReflectionCache.INSTANCE.getPreProcessRuleImplementationsByOp().put(FRAMEWORK, OnnxModel.PLACE,
                new ArrayList<>(List.of(new NormHook())));
    }

    private static void register(OpMappingRegistry<Onnx.GraphProto, Onnx.NodeProto, Onnx.NodeProto, Onnx.TensorProto,
            Onnx.TensorProto.DataType, Onnx.AttributeProto, Onnx.AttributeProto> registry, Onnx.NodeProto definition) {
        registry.registerInputFrameworkOpDef(OnnxModel.PLACE, definition);
        registry.registerMappingProcess(OnnxModel.PLACE, new OnnxMappingProcess(FRAMEWORK, "1.4", OnnxModel.PLACE, "noop",
                registry, List.of(), Map.of(), List.of(), MapperNamespace.VariableResolutionType.DIRECT));
    }

    static SameDiff run(OnnxModel model) {
        synchronized (Importer.class) {
            return Only.INSTANCE.imported(model);
        }
    }

    private SameDiff imported(OnnxModel model) {
        for (String operation : model.operations()) {
            if (!importer.getRegistry().hasMappingOpProcess(operation)) {
                throw model.error(new IllegalArgumentException("Deeplearning4j's importer does not support the operation "
                        + operation));
            }
        }
        NormHook.begin(model.norms());
        try {
            SameDiff sd = importer.getOnnxImporter().importGraph(new OnnxIRGraph(model.graph(), importer.getRegistry()), null,
                    null, new HashMap<>(), importer.getRegistry());
            sd.setOutputs(model.outputs());
            // The importer runs the graph once, on ones, and would have it run whenever something is added.
            sd.clearPlaceholders(true);
            new ArrayList<>(sd.getEagerArrays().arrayNames()).forEach(sd.getEagerArrays()::removeArray);
            return sd.disableEagerMode();
        } catch (RuntimeException e) {
            throw model.error(e);
        } finally {
            NormHook.end();
        }
    }
}
