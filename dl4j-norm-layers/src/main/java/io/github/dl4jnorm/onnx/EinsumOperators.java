// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.onnx;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.nd4j.autodiff.samediff.SDVariable;

/**
 * Sums of products by the letters of their axes, such as {@code bij,bjk->bik}. Array after array is multiplied, as
 * matrices if there is something to sum; what only one of them has, and nothing needs any more, is summed before.
 */
final class EinsumOperators {
    private static final Pattern FORM = Pattern.compile("[A-Za-z]*(,[A-Za-z]*)*(->[A-Za-z]*)?");

    private EinsumOperators() {
    }

    static void addTo() {
        Operators.add("Einsum", 1, Operators.MANY, EinsumOperators::einsum, "equation");
    }

    /**
     * An array and the letters of its axes.
     *
     * @param value  the array
     * @param labels one letter for each axis
     */
    private record Term(Value value, String labels) {

        long size(char label) {
            return value.shape()[labels.indexOf(label)];
        }

        SDVariable size(Call call, char label) {
            return call.size(value.variable(), value.shape(), labels.indexOf(label));
        }

        /** The same with its axes in another order. */
        Term ordered(Call call, String order) {
            return order.equals(labels) ? this
                    : new Term(call.permuted(value, order.chars().map(labels::indexOf).toArray()), order);
        }

        /** Without the axes that are not needed. */
        Term summed(Call call, String needed) {
            int[] axes = labels.chars().filter(label -> needed.indexOf(label) < 0).map(labels::indexOf).toArray();
            if (axes.length == 0) {
                return this;
            }
            String left = common(labels, needed);
            long[] shape = left.chars().mapToLong(label -> size((char) label)).toArray();
            return new Term(new Value(Reduction.of(SDVariable::sum, call.sd(), value.variable(), value.rank(), false, axes),
                    shape), left);
        }
    }

    private static List<Value> einsum(Call call) {
        String equation = call.node().text("equation", "").replace(" ", "");
        call.require(FORM.matcher(equation).matches(), "an equation of letters, such as ij,jk->ik", equation);
        String[] sides = equation.split("->", -1);
        String[] inputs = sides[0].split(",", -1);
        call.require(inputs.length == call.inputs().size(), call.inputs().size() + " terms", equation);
        List<Term> terms = new ArrayList<>();
        for (int i = 0; i < inputs.length; i++) {
            call.requireReal(i);
            call.require(inputs[i].length() == call.rank(i) && distinct(inputs[i]).equals(inputs[i]), call.rank(i)
                    + " different letters for input " + i, inputs[i]);
            terms.add(new Term(call.input(i), inputs[i]));
        }
        String output = sides.length > 1 ? sides[1] : once(sides[0]);
        call.require(distinct(output).equals(output) && common(output, sides[0]).equals(output), "different letters of inputs",
                output);
        Term result = terms.get(0);
        for (int i = 1; i < terms.size(); i++) {
            String needed = output + terms.subList(i + 1, terms.size()).stream().map(Term::labels).collect(Collectors.joining());
            result = product(call, result, terms.get(i), needed);
        }
        return List.of(result.summed(call, output).ordered(call, output).value());
    }

    private static String distinct(String labels) {
        return labels.chars().distinct().mapToObj(Character::toString).collect(Collectors.joining());
    }

    private static String common(String labels, String others) {
        return labels.chars().filter(label -> others.indexOf(label) >= 0).mapToObj(Character::toString)
                .collect(Collectors.joining());
    }

    private static String without(String labels, String others) {
        return labels.chars().filter(label -> others.indexOf(label) < 0).mapToObj(Character::toString)
                .collect(Collectors.joining());
    }

    /** The letters that are there once, in the order of the alphabet. */
    private static String once(String inputs) {
        return inputs.replace(",", "").chars().filter(label -> inputs.indexOf(label) == inputs.lastIndexOf(label)).sorted()
                .mapToObj(Character::toString).collect(Collectors.joining());
    }

    private static Term product(Call call, Term left, Term right, String needed) {
        Term a = left.summed(call, needed + right.labels());
        Term b = right.summed(call, needed + a.labels());
        String both = common(a.labels(), b.labels());
        for (char label : both.toCharArray()) {
            call.require(a.size(label) == b.size(label) || a.size(label) < 0 || b.size(label) < 0, "equal sizes of " + label,
                    a.size(label) + " and " + b.size(label));
        }
        String batch = common(both, needed);
        String summed = without(both, needed);
        String rows = without(a.labels(), both);
        String columns = without(b.labels(), both);
        // As matrices: batch, rows, sum times batch, sum, columns.
        SDVariable x = grouped(call, a, batch, rows, summed);
        SDVariable w = grouped(call, b, batch, summed, columns);
        SDVariable y = summed.isEmpty() ? x.mul(w) : call.sd().mmul(x, w);
        String labels = batch + rows + columns;
        long[] shape = labels.chars().mapToLong(label -> known((char) label, a, b)).toArray();
        if (labels.isEmpty()) {
            return new Term(new Value(call.sd().reshape(y, new long[0])), labels);
        }
        SDVariable[] sizes = labels.chars().mapToObj(label -> (a.labels().indexOf(label) >= 0 ? a : b).size(call, (char) label))
                .toArray(SDVariable[]::new);
        return new Term(new Value(Arrays.stream(shape).filter(size -> size < 0).count() <= 1 ? call.sd().reshape(y,
                Sizes.plain(shape)) : call.reshape(y, sizes), shape), labels);
    }

    private static long known(char label, Term a, Term b) {
        long first = a.labels().indexOf(label) >= 0 ? a.size(label) : -1;
        return first >= 0 || b.labels().indexOf(label) < 0 ? first : b.size(label);
    }

    /** Three axes, each of which is all those of a group. */
    private static SDVariable grouped(Call call, Term term, String... groups) {
        Term ordered = term.ordered(call, String.join("", groups));
        SDVariable[] sizes = Arrays.stream(groups).map(group -> call.product(ordered.value(), ordered.labels().indexOf(group),
                ordered.labels().indexOf(group) + group.length())).toArray(SDVariable[]::new);
        return call.reshape(ordered.value().variable(), sizes);
    }
}
