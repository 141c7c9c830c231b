// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.norm.Affine.Coefficients;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.function.Consumer;
import org.nd4j.linalg.api.buffer.DataType;

/**
 * {@link Arithmetic} on HALF by those on FLOAT: elements are converted piece by piece into tiles, and results are rounded
 * once, when they are stored.
 */
final class HalfArithmetic extends Arithmetic {
    private static final int TILE = RunOps.CHUNK;

    private final Arithmetic floats;

    private HalfArithmetic(Arithmetic floats) {
        super(DataType.HALF);
        this.floats = floats;
    }

    static Arithmetic over(Arithmetic floats) {
        return new HalfArithmetic(floats);
    }

    @Override
    RunOps newRuns() {
        return new HalfRunOps(floats.runs());
    }

    @Override
    ColumnOps newColumns() {
        return new HalfColumnOps(floats.columns());
    }

    @Override
    CrossOps newCrossing() {
        return new HalfCrossOps(floats.crossing());
    }

    /** Some elements of some runs, as many as a tile has room for: {@code size} from index {@code first} on. */
    private record Piece(int run, int runs, int first, int size) {
        static void forEach(int runs, int length, Consumer<Piece> work) {
            int size = Math.min(TILE, length);
            int together = TILE / size;
            for (int i = 0; i < length; i += size) {
                for (int r = 0; r < runs; r += together) {
                    work.accept(new Piece(r, Math.min(together, runs - r), i, Math.min(size, length - i)));
                }
            }
        }

        /** Bytes from one run to the next in a tile. */
        int stride() {
            return size * Float.BYTES;
        }
    }

    /** Room for a piece in float, its runs one after the other. */
    private static final class Tile {
        private final Memory memory =
                new Memory(ByteBuffer.allocateDirect(TILE * Float.BYTES).order(ByteOrder.nativeOrder()));

        /** {@return the memory of this tile, with a piece of the runs that begin there} */
        Memory load(Memory from, int at, int stride, Piece piece) {
            int start = at + piece.first * Short.BYTES;
            for (int r = 0; r < piece.runs; r++) {
                for (int i = 0; i < piece.size; i++) {
                    short half = from.bytes.getShort(start + (piece.run + r) * stride + i * Short.BYTES);
                    memory.bytes.putFloat((r * piece.size + i) * Float.BYTES, Half.toFloat(half));
                }
            }
            return memory;
        }

        void store(Memory into, int at, int stride, Piece piece) {
            int start = at + piece.first * Short.BYTES;
            for (int r = 0; r < piece.runs; r++) {
                for (int i = 0; i < piece.size; i++) {
                    float value = memory.bytes.getFloat((r * piece.size + i) * Float.BYTES);
                    into.bytes.putShort(start + (piece.run + r) * stride + i * Short.BYTES, Half.fromFloat(value));
                }
            }
        }
    }

    /** The arithmetic on FLOAT with its tables, and room for pieces of the arrays. */
    private abstract static class Tables implements TableOps {
        final Tile tile = new Tile();
        private final Tile gradTile = new Tile();
        private final Tile result = new Tile();
        private final TableOps floats;

        Tables(TableOps floats) {
            this.floats = floats;
        }

        /** How far into the tables a piece begins. */
        abstract int begin(Piece piece);

        @Override
        public void prepare(int channels, int size) {
            floats.prepare(channels, size);
        }

        @Override
        public void set(Coefficients k) {
            floats.set(k);
        }

        @Override
        public void setGradient(Coefficients k, double[] slopes, double[] shifts) {
            floats.setGradient(k, slopes, shifts);
        }

        @Override
        public void exact(double[] sums, double[] products) {
            floats.exact(sums, products);
        }

        @Override
        public void affine(Memory x, int atX, int strideX, Memory y, int atY, int strideY, int runs, int from, int length,
                           boolean relu) {
            Piece.forEach(runs, length, p -> {
                floats.affine(tile.load(x, atX, strideX, p), 0, p.stride(), result.memory, 0, p.stride(), p.runs,
                        from + begin(p), p.size, relu);
                result.store(y, atY, strideY, p);
            });
        }

        @Override
        public void gradSums(Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, int runs, int from, int length,
                             boolean relu, double[] sum, double[] products) {
            Piece.forEach(runs, length, p -> floats.gradSums(tile.load(x, atX, strideX, p), 0, p.stride(),
                    gradTile.load(dy, atDy, strideDy, p), 0, p.stride(), p.runs, from + begin(p), p.size, relu, sum, products));
        }

        @Override
        public void affineGrad(Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, Memory dx, int atDx,
                               int strideDx, int runs, int from, int length, boolean relu) {
            Piece.forEach(runs, length, p -> {
                floats.affineGrad(tile.load(x, atX, strideX, p), 0, p.stride(), gradTile.load(dy, atDy, strideDy, p), 0,
                        p.stride(), result.memory, 0, p.stride(), p.runs, from + begin(p), p.size, relu);
                result.store(dx, atDx, strideDx, p);
            });
        }
    }

    private static final class HalfRunOps extends Tables implements RunOps {
        private final RunOps floats;
        private final double[] center = new double[1];
        private final double[] ofRun = new double[1];
        private final double[] squaresOfRun = new double[1];

        HalfRunOps(RunOps floats) {
            super(floats);
            this.floats = floats;
        }

        @Override
        int begin(Piece piece) {
            return piece.run;
        }

        @Override
        public void sums(Memory x, int at, int stride, int runs, int length, double zoom, double[] centers, double[] sum,
                         double[] squares) {
            for (int r = 0; r < runs; r++) {
                center[0] = centers[r];
                floats.sums(tile.load(x, at, stride, new Piece(r, 1, 0, length)), 0, 0, 1, length, zoom, center, ofRun,
                        squaresOfRun);
                sum[r] = ofRun[0];
                squares[r] = squaresOfRun[0];
            }
        }
    }

    private static final class HalfColumnOps extends Tables implements ColumnOps {
        private final ColumnOps floats;

        HalfColumnOps(ColumnOps floats) {
            super(floats);
            this.floats = floats;
        }

        @Override
        int begin(Piece piece) {
            return piece.first;
        }

        @Override
        public void setCenters(double[] centers) {
            floats.setCenters(centers);
        }

        @Override
        public void sums(Memory x, int at, int stride, int runs, int from, int length, double zoom, double[] sum,
                         double[] squares) {
            Piece.forEach(runs, length, p -> floats.sums(tile.load(x, at, stride, p), 0, p.stride(), p.runs, from + p.first,
                    p.size, zoom, sum, squares));
        }
    }

    private record HalfCrossOps(CrossOps floats, Tile tile, Tile gradTile, Tile result) implements CrossOps {
        HalfCrossOps(CrossOps floats) {
            this(floats, new Tile(), new Tile(), new Tile());
        }

        @Override
        public void prepare(boolean alongChannels, int size) {
            floats.prepare(alongChannels, size);
        }

        @Override
        public void statistics(int i, double mean, double unit) {
            floats.statistics(i, mean, unit);
        }

        @Override
        public void parameters(int i, double gamma, double beta) {
            floats.parameters(i, gamma, beta);
        }

        @Override
        public void gradient(int i, double shift, double slope) {
            floats.gradient(i, shift, slope);
        }

        @Override
        public void drain(int size, double[] sums, double[] products) {
            floats.drain(size, sums, products);
        }

        @Override
        public void affine(Memory x, int atX, Memory y, int atY, int from, int length, boolean relu) {
            Piece.forEach(1, length, p -> {
                floats.affine(tile.load(x, atX, 0, p), 0, result.memory, 0, from + p.first, p.size, relu);
                result.store(y, atY, 0, p);
            });
        }

        @Override
        public void gradSums(Memory x, int atX, Memory dy, int atDy, int from, int length, boolean relu, double[] into) {
            Piece all = new Piece(0, 1, 0, length);
            floats.gradSums(tile.load(x, atX, 0, all), 0, gradTile.load(dy, atDy, 0, all), 0, from, length, relu, into);
        }

        @Override
        public void add(Memory a, int atA, Memory b, int atB, Memory sum, int atSum, int length) {
            Piece.forEach(1, length, p -> {
                floats.add(tile.load(a, atA, 0, p), 0, gradTile.load(b, atB, 0, p), 0, result.memory, 0, p.size);
                result.store(sum, atSum, 0, p);
            });
        }

        @Override
        public void affineGrad(Memory x, int atX, Memory dy, int atDy, Memory dx, int atDx, int from, int length,
                               boolean relu) {
            Piece.forEach(1, length, p -> {
                floats.affineGrad(tile.load(x, atX, 0, p), 0, gradTile.load(dy, atDy, 0, p), 0, result.memory, 0,
                        from + p.first, p.size, relu);
                result.store(dx, atDx, 0, p);
            });
        }
    }
}
