// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

import io.github.dl4jnorm.norm.Parameter;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/** The method of an operation: x, gamma and beta if it has them, its other inputs, the number of groups if there are any, eps. */
record OpMethod(NormOps.Kind kind) {
    private static final int X_GAMMA_BETA = 3;

    private Method method() {
        List<Method> all = Arrays.stream(NormOps.class.getMethods()).filter(m -> m.getName().equals(kind.toString())).toList();
        if (all.size() != 1) {
            throw new AssertionError(kind + ": expected one method of NormOps with this name, got " + all);
        }
        return all.get(0);
    }

    private int count(Class<?> type) {
        return Collections.frequency(Arrays.asList(method().getParameterTypes()), type);
    }

    /** Whether it has gamma and beta. */
    boolean isAffine() {
        return count(Object.class) == X_GAMMA_BETA + kind.definition().extras().size();
    }

    boolean hasGroups() {
        return count(int.class) > 0;
    }

    /** Calls it with inputs by their names; gamma and beta may be missing. */
    @SuppressWarnings("unchecked")
    <A> A call(NormOps<A> ops, Map<String, ? extends A> inputs, int groups, double eps) {
        List<Object> arguments = new ArrayList<>(List.of(inputs.get(NormSpec.X)));
        if (isAffine()) {
            arguments.add(inputs.get(Parameter.GAMMA.key()));
            arguments.add(inputs.get(Parameter.BETA.key()));
        }
        kind.definition().extras().forEach(extra -> arguments.add(inputs.get(extra.key())));
        Collections.addAll(arguments, Collections.nCopies(count(int.class), groups).toArray());
        Collections.addAll(arguments, Collections.nCopies(count(double.class), eps).toArray());
        try {
            return (A) method().invoke(ops, arguments.toArray());
        } catch (InvocationTargetException e) {
            if (e.getCause() instanceof RuntimeException refused) {
                throw refused;
            }
            throw new AssertionError(e);
        } catch (IllegalAccessException e) {
            throw new AssertionError(e);
        }
    }
}
