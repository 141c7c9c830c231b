// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.parity;

import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Draws choices, shapes, numbers and versions of operators. */
class OnnxRandom {
    private static final int[] OPSETS = {7, 9, 11, 13, 15, 18, 20, 21, 22, 23};

    final Random random;

    OnnxRandom(long seed) {
        random = new Random(seed);
    }

    boolean chance(int one) {
        return random.nextInt(one) == 0;
    }

    int pick(int... values) {
        return values[random.nextInt(values.length)];
    }

    long[] pick(long[]... values) {
        return values[random.nextInt(values.length)];
    }

    OnnxTry node(String type, int since) {
        int[] possible = Arrays.stream(OPSETS).filter(each -> each >= since).toArray();
        return new OnnxTry(type, pick(possible));
    }

    OnnxTry optional(OnnxTry node, String name, long value) {
        return chance(2) ? node : node.with(name, value);
    }

    OnnxTry optional(OnnxTry node, String name, double value) {
        return chance(2) ? node : node.with(name, value);
    }

    OnnxTry optional(OnnxTry node, String name, String value) {
        return chance(2) ? node : node.with(name, value);
    }

    long[] shape(int least, int most) {
        return IntStream.range(0, least + random.nextInt(most - least + 1)).mapToLong(i -> 1 + random.nextInt(5)).toArray();
    }

    INDArray real(long... shape) {
        long length = Arrays.stream(shape).reduce(1, (a, b) -> a * b);
        float[] numbers = new float[(int) length];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = (float) (2 * random.nextGaussian());
        }
        return Nd4j.createFromArray(numbers).reshape(shape);
    }

    INDArray positive(long... shape) {
        INDArray x = real(shape);
        return x.muli(x).addi(0.01f);
    }

    INDArray whole(long... shape) {
        INDArray x = Nd4j.zeros(DataType.LONG, shape);
        for (long i = 0; i < x.length(); i++) {
            x.putScalar(i, random.nextInt(19) - 9);
        }
        return x;
    }

    INDArray truth(long... shape) {
        return real(shape).gt(0);
    }

    static INDArray longs(long... values) {
        return Nd4j.createFromArray(values);
    }

    static INDArray floats(float... values) {
        return Nd4j.createFromArray(values);
    }

    /** A part of a shape that can be broadcast to it. */
    long[] part(long[] shape) {
        long[] part = Arrays.copyOfRange(shape, random.nextInt(shape.length), shape.length);
        for (int i = 0; i < part.length; i++) {
            part[i] = chance(3) ? 1 : part[i];
        }
        return part;
    }

    long[] several(int count, int most) {
        return IntStream.range(0, count).mapToLong(i -> 1 + random.nextInt(most)).toArray();
    }
}
