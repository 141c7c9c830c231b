// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;

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

    private static final String OF_CASE = ": ";
    private static final long ORDER = 7;

    /**
     * Whose times the iterations of a variant are.
     *
     * @param subject name of a case or of an extra measurement
     * @param variant what was done
     */
    record Part(String subject, String variant) {
    }

    /** Many cases in one JVM, in mixed order, the same for all implementations. */
    static Task together(String subject, List<Case> cases, Implementation implementation) {
        List<Case> mixed = new ArrayList<>(cases);
        Collections.shuffle(mixed, new Random(ORDER));
        return new Task(subject, implementation, mixed.stream().flatMap(c -> of(c, implementation).variants().stream()
                .map(variant -> c.name() + OF_CASE + variant)).toList(), FEW);
    }

    boolean isTogether() {
        return variants.get(0).contains(OF_CASE);
    }

    /** Case and variant that a variant of {@link #together} stands for. */
    static Part part(String variant) {
        int end = variant.indexOf(OF_CASE);
        return new Part(variant.substring(0, end), variant.substring(end + OF_CASE.length()));
    }

    /** Under which names the times of a variant are kept. */
    Part kept(int variant) {
        String name = variants.get(variant);
        if (!isTogether()) {
            return new Part(subject, name);
        }
        Part part = part(name);
        return new Part(part.subject(), Method.TOGETHER.of(part.variant()));
    }

    /** How often each variant warms up: until the JVM has compiled all that a step does takes longer than a kernel. */
    int warmups() {
        if (isTogether()) {
            // The cases share kernels, so they warm up one another.
            return implementation.isOurs() ? 2 : 1;
        }
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
        if (isTogether()) {
            return new TogetherSubject(implementation, variants);
        }
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
        Case c = Case.parse(subject);
        return switch (implementation) {
            case COPY -> new CopySubject(c);
            case LIBTORCH -> new LibtorchSubject(c);
            case STOCK -> new LayerSubject(c, LayerSubject.stock(c));
            default -> new LayerSubject(c, List.of(c.norm().layer(c.channels())));
        };
    }
}
