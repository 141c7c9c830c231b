// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.CustomOpDescriptor;
import org.nd4j.linalg.api.ops.DynamicCustomOp;
import org.nd4j.linalg.api.ops.OpContext;
import org.nd4j.linalg.api.shape.LongShapeDescriptor;
import org.nd4j.linalg.factory.Nd4j;

/**
 * A node of a SameDiff graph that runs Java. ND4J knows native operations only, so this one passes for the native
 * {@code noop}: a session first asks for the output's shape, on the thread and with the context of the execution, and
 * then executes; the executioner takes the hash of the operation just before its native call, and that is when the
 * Java code runs.
 *
 * <p>All state is in the integer and floating-point arguments: SameDiff copies nodes by way of their serialized form.
 */
abstract class KernelNode extends DynamicCustomOp {
    private static final String NOOP = "noop";
    private static final ThreadLocal<Execution> ANNOUNCED = new ThreadLocal<>();
    private static volatile long noopHash;

    /** What a thread is about to execute. */
    private record Execution(KernelNode node, OpContext context) {
    }

    private NormSpec spec;

    /** A node that SameDiff fills in from its serialized form. */
    KernelNode() {
    }

    /** The name for the graph depends on the options, which therefore come first. */
    KernelNode(SameDiff sd, NormSpec spec, List<SDVariable> arguments) {
        this(spec);
        setSameDiff(sd);
        setOwnName(null);
        setInstanceId();
        sd.addArgsFor(arguments.toArray(SDVariable[]::new), this);
    }

    /** A node without a graph, to be registered. */
    KernelNode(NormSpec spec) {
        addIArgument(spec.integers());
        addTArgument(spec.reals());
    }

    final NormSpec spec() {
        if (spec == null && numIArguments() > 0) {
            spec = NormSpec.of(iArguments, tArguments);
        }
        return spec;
    }

    /** Shapes of the outputs of checked inputs. */
    abstract List<LongShapeDescriptor> shapes(List<INDArray> inputs);

    /** Writes the outputs. */
    abstract void run(List<INDArray> inputs, List<INDArray> outputs);

    @Override
    public abstract String opName();

    @Override
    public abstract int getNumOutputs();

    @Override
    public List<LongShapeDescriptor> calculateOutputShape() {
        return inputArguments.isEmpty() ? Collections.emptyList() : shapes(inputArguments);
    }

    @Override
    public List<LongShapeDescriptor> calculateOutputShape(OpContext context) {
        if (context == null) {
            return calculateOutputShape();
        }
        List<LongShapeDescriptor> shapes = shapes(context.getInputArrays());
        // The shapes of noop would not be these.
        context.shapeFunctionOverride(true);
        ANNOUNCED.set(new Execution(this, context));
        return shapes;
    }

    @Override
    public long opHash() {
        Execution next = ANNOUNCED.get();
        if (next != null && next.node == this && next.context.getOutputArrays().size() == getNumOutputs()) {
            ANNOUNCED.remove();
            run(next.context.getInputArrays(), next.context.getOutputArrays());
        }
        return noop();
    }

    private static long noop() {
        if (noopHash == 0) {
            noopHash = Nd4j.getExecutioner().getCustomOperations().get(NOOP).getHash();
        }
        return noopHash;
    }

    @Override
    public int opNum() {
        return (int) noop();
    }

    @Override
    public CustomOpDescriptor getDescriptor() {
        return CustomOpDescriptor.builder().hash(noop()).numInputs(-1).numOutputs(getNumOutputs()).numIArgs(-1)
                .numTArgs(-1).allowsInplace(false).build();
    }

    /** Eager mode: runs at once, placeholders standing in with ones where they have no array yet, as in ND4J's own. */
    @Override
    public void computeArrays() {
        if (!sameDiff.isEagerMode()) {
            return;
        }
        List<INDArray> inputs = new ArrayList<>();
        for (SDVariable argument : args()) {
            inputs.add(eagerArray(argument));
        }
        List<LongShapeDescriptor> shapes = shapes(inputs);
        List<INDArray> outputs = new ArrayList<>();
        try (MemoryWorkspace none = Nd4j.getWorkspaceManager().scopeOutOfWorkspaces()) {
            shapes.forEach(shape -> outputs.add(Nd4j.create(shape, false)));
        }
        run(inputs, outputs);
        for (int i = 0; i < outputs.size(); i++) {
            outputVariables[i].setShape(outputs.get(i).shape());
            sameDiff.setEagerArrForVarName(outputVariables[i].name(), outputs.get(i));
        }
    }

    private INDArray eagerArray(SDVariable argument) {
        INDArray array = argument.isPlaceHolder() ? null : argument.getArr();
        if (array == null && sameDiff.getEagerArrays().hasArray(argument.name())) {
            array = sameDiff.getEagerArrForVarName(argument.name());
        }
        if (array == null && argument.getShape() != null) {
            long[] shape = argument.getShape().clone();
            for (int i = 0; i < shape.length; i++) {
                shape[i] = Math.max(1, shape[i]);
            }
            array = Nd4j.ones(argument.dataType(), shape);
            sameDiff.setEagerArrForVarName(argument.name(), array);
        }
        if (array == null) {
            throw new IllegalStateException(spec().method() + ": \"" + argument.name() + "\" has no known shape yet");
        }
        return array;
    }

    /** The arguments say all; ND4J would look for fields by reflection. */
    @Override
    public Map<String, Object> propertiesForFunction() {
        return Collections.emptyMap();
    }

    @Override
    public void setPropertiesForFunction(Map<String, Object> properties) {
    }

    @Override
    public void configureFromArguments() {
    }

    @Override
    public List<DataType> calculateOutputDataTypes(List<DataType> types) {
        return new ArrayList<>(types.subList(0, getNumOutputs()));
    }
}
