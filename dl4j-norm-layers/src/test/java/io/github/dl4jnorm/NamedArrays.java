// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.math.BigDecimal;
import java.math.MathContext;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Text files of arrays, one a line: its name, its shape, its elements in c order with eight digits. */
public final class NamedArrays {
    private static final MathContext DIGITS = new MathContext(8);

    /** Where all that is expected is smaller, differences are parts of this. */
    private static final double SMALLEST_SCALE = 0.01;

    private NamedArrays() {
    }

    /**
     * Writes arrays to a file.
     *
     * @param arrays finite arrays by names without spaces
     * @param file   where they go
     */
    public static void write(Map<String, INDArray> arrays, Path file) throws IOException {
        List<String> lines = arrays.entrySet().stream().map(array -> line(array.getKey(), array.getValue())).toList();
        Files.writeString(file, String.join("\n", lines) + "\n");
    }

    private static String line(String name, INDArray array) {
        String shape = Arrays.stream(array.shape()).mapToObj(Long::toString).collect(Collectors.joining(","));
        String numbers = Arrays.stream(numbers(array)).mapToObj(NamedArrays::text).collect(Collectors.joining(" "));
        return name + " " + shape + " " + numbers;
    }

    private static String text(double number) {
        return new BigDecimal(number).round(DIGITS).stripTrailingZeros().toString();
    }

    /**
     * Reads what {@link #write} has written.
     *
     * @param file the file
     * @param type data type of the arrays
     * @return the arrays in the order of the file
     */
    public static Map<String, INDArray> read(Path file, DataType type) throws IOException {
        Map<String, INDArray> arrays = new LinkedHashMap<>();
        for (String line : Files.readAllLines(file)) {
            String[] words = line.split(" ");
            long[] shape = Stream.of(words[1].split(",")).filter(size -> !size.isEmpty()).mapToLong(Long::parseLong).toArray();
            double[] numbers = Arrays.stream(words).skip(2).mapToDouble(Double::parseDouble).toArray();
            arrays.put(words[0], Nd4j.createFromArray(numbers).reshape('c', shape).castTo(type));
        }
        return arrays;
    }

    /**
     * Compares arrays, with a tolerance relative to the largest element expected.
     *
     * @param actual    what a test has computed
     * @param expected  what it should be
     * @param tolerance largest difference, as a part of the largest expected element
     * @param what      begins the message of a failure
     */
    public static void assertClose(INDArray actual, INDArray expected, double tolerance, String what) {
        assertThat(actual.shape()).as("%s: shape", what).isEqualTo(expected.shape());
        double[] numbers = numbers(expected);
        double largest = Arrays.stream(numbers).map(Math::abs).max().orElse(0);
        assertThat(numbers(actual)).as("%s", what)
                .containsExactly(numbers, within(tolerance * Math.max(largest, SMALLEST_SCALE)));
    }

    private static double[] numbers(INDArray array) {
        return array.castTo(DataType.DOUBLE).dup('c').data().asDouble();
    }
}
