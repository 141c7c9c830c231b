// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * Describes a training step with one batch of type FLOAT: forward and backward pass, loss and Adam.
 *
 * @param network  network
 * @param examples number of examples in the batch
 * @param norm     what normalizes the convolutions
 */
record Step(Network network, int examples, StepNorm norm) {
    /** With {@link io.github.dl4jnorm.model.FastConvolution}. */
    static final String FAST = "fast convolutions";

    /** With Deeplearning4j's own convolutions. */
    static final String SHIPPED = "stock convolutions";

    /** In libtorch. */
    static final String EAGER = "eager";

    /** For differences between steps of milliseconds. */
    static final int ITERATIONS = 5;

    private static final int LONG_ITERATIONS = 3;

    private static final List<Step> ALL = steps();

    private static List<Step> steps() {
        List<Step> all = new ArrayList<>();
        for (Network network : Network.values()) {
            for (int examples : new int[]{32, 8}) {
                for (StepNorm norm : StepNorm.values()) {
                    all.add(new Step(network, examples, norm));
                }
            }
        }
        return List.copyOf(all);
    }

    static List<Step> all() {
        return ALL;
    }

    /** The step of a name, or null. */
    static Step find(String name) {
        return ALL.stream().filter(s -> s.name().equals(name)).findFirst().orElse(null);
    }

    /** Such as step-cnn-32-batch. */
    String name() {
        return "step-" + network + "-" + examples + "-" + norm;
    }

    /**
     * What to run, each in a separate JVM. Without a norm there is nothing of ours but fast convolutions, which stock networks
     * have, too; of our kernels, the first wanted are measured.
     */
    List<Task> tasks(Set<Implementation> implementations) {
        List<Task> tasks = new ArrayList<>();
        if (norm != StepNorm.NONE) {
            implementations.stream().filter(Implementation::isOurs).limit(1).forEach(i -> tasks.addAll(both(i)));
        }
        if (norm.isStock() && implementations.contains(Implementation.STOCK)) {
            tasks.addAll(both(Implementation.STOCK));
        }
        if (implementations.contains(Implementation.LIBTORCH)) {
            tasks.add(new Task(name(), Implementation.LIBTORCH, List.of(EAGER), ITERATIONS));
        }
        return tasks;
    }

    private List<Task> both(Implementation implementation) {
        return List.of(new Task(name(), implementation, List.of(FAST), ITERATIONS),
                new Task(name(), implementation, List.of(SHIPPED), LONG_ITERATIONS));
    }

    Subject open(Task task) {
        return task.implementation() == Implementation.LIBTORCH ? new LibtorchStep(this)
                : new StepSubject(this, task.implementation().isOurs(), task.variants().contains(FAST));
    }
}
