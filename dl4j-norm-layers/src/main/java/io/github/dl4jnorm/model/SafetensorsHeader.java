// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.nd4j.shade.jackson.core.JsonFactory;
import org.nd4j.shade.jackson.core.JsonFactoryBuilder;
import org.nd4j.shade.jackson.core.JsonParser;
import org.nd4j.shade.jackson.core.JsonProcessingException;
import org.nd4j.shade.jackson.core.JsonToken;
import org.nd4j.shade.jackson.core.StreamReadFeature;

/**
 * The header of a safetensors file, {@code {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …}} and
 * optionally {@code "__metadata__"} with strings. It is read token by token: whatever is not of this form is refused where it
 * begins, however deep or long it is. The data of the arrays have to follow each other without holes and to fill the file.
 *
 * @param length  bytes of the header
 * @param tensors arrays by their names
 */
record SafetensorsHeader(int length, Map<String, Tensor> tensors) {
    static final String METADATA = "__metadata__";
    /** Longest header that is read, far more than the names of any network need. */
    static final int LONGEST = 16 << 20;
    /** PyTorch's own limit. */
    private static final int MOST_DIMENSIONS = 64;
    /** Digits of 2^64. */
    private static final int MOST_DIGITS = 20;

    private static final Map<String, Integer> BYTES = Map.ofEntries(Map.entry("BOOL", 1), Map.entry("U8", 1),
            Map.entry("I8", 1), Map.entry("F8_E5M2", 1), Map.entry("F8_E4M3", 1), Map.entry("F8_E8M0", 1),
            Map.entry("I16", 2), Map.entry("U16", 2), Map.entry("F16", 2), Map.entry("BF16", 2), Map.entry("I32", 4),
            Map.entry("U32", 4), Map.entry("F32", 4), Map.entry("I64", 8), Map.entry("U64", 8), Map.entry("F64", 8),
            Map.entry("C64", 8));

    private static final JsonFactory JSON = new JsonFactoryBuilder().disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
            .disable(JsonFactory.Feature.INTERN_FIELD_NAMES).enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

    /**
     * An array.
     *
     * @param what  what to call it in messages
     * @param type  name of the type
     * @param shape sizes of the dimensions
     * @param begin first byte, counted from the end of the header
     * @param end   last byte, exclusive
     */
    record Tensor(String what, String type, List<BigInteger> shape, long begin, long end) implements TensorHeader {
        boolean isReal() {
            return type.matches("B?F16|F32|F64");
        }

        boolean isInteger() {
            return type.matches("[IU]\\d+");
        }
    }

    /**
     * Reads a header.
     *
     * @param bytes the header
     * @param data  how many bytes follow it
     * @param what  what to call the file in messages
     * @throws IOException if it is not a header of such data
     */
    static SafetensorsHeader of(ByteBuffer bytes, long data, String what) throws IOException {
        int length = bytes.remaining();
        String text;
        try {
            text = StandardCharsets.UTF_8.newDecoder().decode(bytes).toString();
        } catch (CharacterCodingException e) {
            throw new IOException(what + ": the header is not valid UTF-8", e);
        }
        Map<String, Tensor> tensors;
        try (JsonParser json = JSON.createParser(text)) {
            require(text.startsWith("{"), "a header that begins with {", what);
            tensors = new Reader(json, what).read();
        } catch (JsonProcessingException e) {
            throw new IOException(what + ": expected a .safetensors header in JSON, got "
                    + TensorHeader.shortened(e.getOriginalMessage()), e);
        }
        requireWithoutHoles(tensors, data, what);
        return new SafetensorsHeader(length, tensors);
    }

    private static void requireWithoutHoles(Map<String, Tensor> tensors, long data, String what) throws IOException {
        long end = 0;
        for (Tensor tensor : tensors.values().stream().sorted(Comparator.comparingLong(Tensor::begin)
                .thenComparingLong(Tensor::end)).toList()) {
            require(tensor.begin() == end, "data from byte " + end + ", got " + tensor.begin(), tensor.what());
            end = tensor.end();
        }
        require(end == data, end + " bytes of data according to the header, got " + data, what);
    }

    private static void require(boolean condition, String expected, String what) throws IOException {
        if (!condition) {
            throw new IOException(what + ": expected " + expected);
        }
    }

    /** Reads tokens. */
    private record Reader(JsonParser json, String file) {
        Map<String, Tensor> read() throws IOException {
            Map<String, Tensor> tensors = new LinkedHashMap<>();
            next(JsonToken.START_OBJECT, file);
            while (json.nextToken() == JsonToken.FIELD_NAME) {
                String name = json.getCurrentName();
                String what = file + ": " + TensorHeader.shortened(name);
                require(StandardCharsets.UTF_8.newEncoder().canEncode(name), "a name in Unicode", what);
                next(JsonToken.START_OBJECT, what);
                if (name.equals(METADATA)) {
                    while (json.nextToken() == JsonToken.FIELD_NAME) {
                        next(JsonToken.VALUE_STRING, what);
                    }
                } else {
                    tensors.put(name, tensor(what));
                }
            }
            require(json.nextToken() == null, "nothing behind the header's }", file);
            return tensors;
        }

        private Tensor tensor(String what) throws IOException {
            String type = null;
            List<BigInteger> shape = null;
            List<BigInteger> offsets = null;
            while (json.nextToken() == JsonToken.FIELD_NAME) {
                switch (json.getCurrentName()) {
                    case "dtype" -> {
                        next(JsonToken.VALUE_STRING, what);
                        type = json.getText();
                    }
                    case "shape" -> shape = numbers(MOST_DIMENSIONS, what);
                    case "data_offsets" -> offsets = numbers(2, what);
                    default -> require(false, "dtype, shape and data_offsets, got "
                            + TensorHeader.shortened(json.getCurrentName()), what);
                }
            }
            require(type != null && shape != null && offsets != null, "dtype, shape and data_offsets", what);
            require(BYTES.containsKey(type), "a type of " + BYTES.keySet().stream().sorted().toList() + ", got "
                    + TensorHeader.shortened(type), what);
            BigInteger bytes = shape.stream().reduce(BigInteger.valueOf(BYTES.get(type)), BigInteger::multiply);
            require(offsets.size() == 2 && offsets.get(1).bitLength() < Long.SIZE
                    && offsets.get(1).subtract(offsets.get(0)).equals(bytes), "data_offsets of " + bytes + " bytes for " + type
                    + " of shape " + TensorHeader.tuple(shape) + ", got " + offsets, what);
            return new Tensor(what, type, shape, offsets.get(0).longValue(), offsets.get(1).longValue());
        }

        private List<BigInteger> numbers(int most, String what) throws IOException {
            List<BigInteger> numbers = new ArrayList<>();
            next(JsonToken.START_ARRAY, what);
            while (json.nextToken() != JsonToken.END_ARRAY) {
                require(json.currentToken() == JsonToken.VALUE_NUMBER_INT && json.getTextLength() <= MOST_DIGITS
                        && !json.getText().startsWith("-") && numbers.size() < most,
                        "at most " + most + " integers that are not negative, got " + json.currentToken(), what);
                numbers.add(new BigInteger(json.getText()));
            }
            return numbers;
        }

        private void next(JsonToken token, String what) throws IOException {
            require(json.nextToken() == token, token + " in the header, got " + json.currentToken(), what);
        }
    }
}
