// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import java.util.Set;

/** The normalizations of ONNX: the operator set each came with, how many inputs and outputs it has, its attributes. */
enum NormOp {
    BATCH("BatchNormalization", 1, 5, 5, 5, "epsilon", "momentum", "training_mode", "is_test", "spatial", "consumed_inputs"),
    INSTANCE("InstanceNormalization", 1, 3, 3, 1, "epsilon", "consumed_inputs"),
    LAYER("LayerNormalization", 17, 2, 3, 3, "axis", "epsilon", "stash_type"),
    GROUP("GroupNormalization", 18, 3, 3, 1, "num_groups", "epsilon", "stash_type"),
    RMS("RMSNormalization", 23, 2, 2, 1, "axis", "epsilon", "stash_type"),
    MEAN_VARIANCE("MeanVarianceNormalization", 9, 1, 1, 1, "axes"),
    LP("LpNormalization", 1, 1, 1, 1, "axis", "p");

    private final String type;
    private final int since;
    private final int required;
    private final int inputs;
    private final int outputs;
    private final Set<String> attributes;

    NormOp(String type, int since, int required, int inputs, int outputs, String... attributes) {
        this.type = type;
        this.since = since;
        this.required = required;
        this.inputs = inputs;
        this.outputs = outputs;
        this.attributes = Set.of(attributes);
    }

    /** The one of a name, or null. */
    static NormOp of(String type) {
        for (NormOp op : values()) {
            if (op.type.equals(type)) {
                return op;
            }
        }
        return null;
    }

    String type() {
        return type;
    }

    /** Throws if a node cannot be one of these, whatever its inputs are. */
    void check(OnnxNode node) {
        if (node.opset() < since) {
            throw node.error("operator set " + since + " or later, which introduced " + type, node.opset());
        }
        int present = 0;
        while (node.hasInput(present)) {
            present++;
        }
        if (present < required || node.inputs().size() > inputs) {
            throw node.error(required == inputs ? inputs + " inputs" : required + " to " + inputs + " inputs",
                    node.inputs());
        }
        if (node.outputs().size() > outputs || !node.hasOutputs()) {
            throw node.error(outputs == 1 ? "1 output" : "1 to " + outputs + " outputs", node.outputs());
        }
        for (String attribute : node.attributes()) {
            if (!attributes.contains(attribute)) {
                throw node.error("only the attributes " + attributes, attribute);
            }
        }
    }
}
