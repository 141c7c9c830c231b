// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import java.util.List;

/**
 * What one JVM measures.
 *
 * @param subject        name of a case of the {@link Suite}, or of one of its extra measurements
 * @param implementation who computes it
 * @param variants       what is measured in turn
 * @param iterations     how often each variant has its turn
 */
record Task(String subject, Implementation implementation, List<String> variants, int iterations) {
    /** A forward pass in training mode. */
    static final String FORWARD = "forward";

    /** A forward and a backward pass in training mode. */
    static final String BOTH = "forward+backward";

    /** Where libtorch has two ways, the second one has this behind its name. */
    static final String OTHER_WAY = " (other way)";

    /** Enough for a case: what is compared differs by more than the noise. */
    static final int FEW = 2;

    /** For small differences between long times. */
    static final int MANY = 12;

    static Task of(Case c, Implementation implementation) {
        boolean twoWays = implementation == Implementation.LIBTORCH && c.norm() == Norm.INSTANCE;
        List<String> variants = implementation == Implementation.COPY ? List.of(FORWARD)
                : twoWays ? List.of(FORWARD, BOTH, FORWARD + OTHER_WAY, BOTH + OTHER_WAY) : List.of(FORWARD, BOTH);
        return new Task(c.name(), implementation, variants, FEW);
    }

    /** How often each variant warms up: until the JVM has compiled all that a step does takes longer than a kernel. */
    int warmups() {
        return variants.contains(Step.FAST) ? Implementation.VECTOR.warmups()
                : variants.contains(Step.SHIPPED) ? Implementation.STOCK.warmups() : implementation.warmups();
    }

    /** Steps with stock convolutions take seconds: once is enough. */
    boolean inEveryRound() {
        return implementation.inEveryRound() && !variants.contains(Step.SHIPPED);
    }

    /** Such as batch-nchw-32x64x56x56-vector or step-cnn-32-batch-vector-fast-convolutions. */
    String name() {
        String name = subject + "-" + implementation;
        return variants.size() == 1 ? name + "-" + variants.get(0).replace(' ', '-') : name;
    }

    /** The parts that are measured, made in the JVM that measures them. */
    Subject open() {
        if (subject.equals(Suite.OVERHEAD)) {
            return new OverheadSubject();
        }
        if (subject.equals(Suite.SAMEDIFF)) {
            return new SameDiffSubject();
        }
        Step step = Step.find(subject);
        if (step != null) {
            return step.open(this);
        }
        Case c = Suite.find(subject);
        return switch (implementation) {
            case COPY -> new CopySubject(c);
            case LIBTORCH -> new LibtorchSubject(c);
            case STOCK -> new LayerSubject(c, LayerSubject.stock(c));
            default -> new LayerSubject(c, List.of(c.norm().layer(c.channels())));
        };
    }
}
