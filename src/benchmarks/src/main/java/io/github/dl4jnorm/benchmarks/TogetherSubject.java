// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import java.util.List;

/**
 * Many cases in one JVM, as in a program whose networks have norms and arrays of many kinds: what the JVM has compiled for one
 * kind has to serve the others, too. The arrays of one case exist at a time.
 */
final class TogetherSubject implements Subject {
    private final Implementation implementation;
    private final List<String> variants;
    private Case open;
    private Subject subject;
    private int variant;

    /** The variants are those of {@link Task#together}. */
    TogetherSubject(Implementation implementation, List<String> variants) {
        this.implementation = implementation;
        this.variants = List.copyOf(variants);
    }

    @Override
    public void prepare(int next) {
        Task.Part part = Task.part(variants.get(next));
        Case c = Case.parse(part.subject());
        Task alone = Task.of(c, implementation);
        if (!c.equals(open)) {
            close();
            subject = alone.open();
            open = c;
        }
        variant = alone.variants().indexOf(part.variant());
    }

    @Override
    public Object run(int ignored) {
        return subject.run(variant);
    }

    @Override
    public void close() {
        if (subject != null) {
            subject.close();
        }
        subject = null;
        open = null;
    }
}
