// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.kernel;

import io.github.dl4jnorm.norm.Affine.Coefficients;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.nd4j.linalg.api.buffer.DataType;

/**
 * {@link RowOps} on HALF by those on FLOAT: elements are converted piece by piece into tiles, and results are rounded
 * once, when they are stored.
 */
final class HalfRowOps {
    private static final int TILE = RunOps.CHUNK;

    private HalfRowOps() {
    }

    static RowOps over(RowOps floats) {
        return new RowOps(DataType.HALF, new Runs(floats.runs()), new Columns(floats.columns()),
                new Crossings(floats.crossing()));
    }

    /** Room for one piece in float. */
    private static final class Tile {
        private final Memory memory =
                new Memory(ByteBuffer.allocateDirect(TILE * Float.BYTES).order(ByteOrder.nativeOrder()));

        Memory load(Memory from, int at, int length) {
            return load(from, at, 0, 1, length);
        }

        Memory load(Memory from, int at, int stride, int runs, int length) {
            for (int r = 0; r < runs; r++) {
                for (int i = 0; i < length; i++) {
                    short half = from.bytes.getShort(at + r * stride + i * Short.BYTES);
                    memory.bytes.putFloat((r * length + i) * Float.BYTES, Half.toFloat(half));
                }
            }
            return memory;
        }

        void store(Memory into, int at, int stride, int runs, int length) {
            for (int r = 0; r < runs; r++) {
                for (int i = 0; i < length; i++) {
                    float value = memory.bytes.getFloat((r * length + i) * Float.BYTES);
                    into.bytes.putShort(at + r * stride + i * Short.BYTES, Half.fromFloat(value));
                }
            }
        }
    }

    /** Does one piece of a run. */
    private interface Piece {
        void at(int done, int size);
    }

    private static void forEachPiece(int length, Piece piece) {
        for (int done = 0; done < length; done += TILE) {
            piece.at(done, Math.min(TILE, length - done));
        }
    }

    /** The tables of the arithmetic on FLOAT, and room for pieces of the arrays. */
    private abstract static class Tables implements TableOps {
        final Tile tile = new Tile();
        final Tile gradTile = new Tile();
        final Tile result = new Tile();
        private final TableOps tables;

        Tables(TableOps tables) {
            this.tables = tables;
        }

        @Override
        public void prepare(int channels, int size) {
            tables.prepare(channels, size);
        }

        @Override
        public void set(Coefficients k) {
            tables.set(k);
        }

        @Override
        public void setGradient(Coefficients k, double[] slopes, double[] shifts) {
            tables.setGradient(k, slopes, shifts);
        }

        @Override
        public void exact(double[] sums, double[] products) {
            tables.exact(sums, products);
        }
    }

    private static final class Runs extends Tables implements RunOps {
        private final RunOps floats;
        private final double[] center = new double[1];
        private final double[] ofRun = new double[1];
        private final double[] squaresOfRun = new double[1];

        Runs(RunOps floats) {
            super(floats);
            this.floats = floats;
        }

        /** Does one piece of one run. */
        private interface RunPiece {
            void at(int run, int done, int size);
        }

        private static void forEachPiece(int runs, int length, RunPiece piece) {
            for (int r = 0; r < runs; r++) {
                for (int done = 0; done < length; done += TILE) {
                    piece.at(r, done, Math.min(TILE, length - done));
                }
            }
        }

        @Override
        public void sums(Memory x, int at, int stride, int runs, int length, double zoom, double[] centers, double[] sum,
                         double[] squares) {
            for (int r = 0; r < runs; r++) {
                center[0] = centers[r];
                floats.sums(tile.load(x, at + r * stride, length), 0, 0, 1, length, zoom, center, ofRun, squaresOfRun);
                sum[r] = ofRun[0];
                squares[r] = squaresOfRun[0];
            }
        }

        @Override
        public void affine(Memory x, int atX, int strideX, Memory y, int atY, int strideY, int runs, int from, int length,
                           boolean relu) {
            forEachPiece(runs, length, (run, done, size) -> {
                Memory here = tile.load(x, atX + run * strideX + done * Short.BYTES, size);
                floats.affine(here, 0, 0, result.memory, 0, 0, 1, from + run, size, relu);
                result.store(y, atY + run * strideY + done * Short.BYTES, 0, 1, size);
            });
        }

        @Override
        public void gradSums(Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, int runs, int from,
                             int length, boolean relu, double[] sum, double[] products) {
            for (int r = 0; r < runs; r++) {
                floats.gradSums(tile.load(x, atX + r * strideX, length), 0, 0,
                        gradTile.load(dy, atDy + r * strideDy, length), 0, 0, 1, from + r, length, relu, sum, products);
            }
        }

        @Override
        public void affineGrad(Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, Memory dx, int atDx,
                               int strideDx, int runs, int from, int length, boolean relu) {
            forEachPiece(runs, length, (run, done, size) -> {
                Memory here = tile.load(x, atX + run * strideX + done * Short.BYTES, size);
                Memory grad = gradTile.load(dy, atDy + run * strideDy + done * Short.BYTES, size);
                floats.affineGrad(here, 0, 0, grad, 0, 0, result.memory, 0, 0, 1, from + run, size, relu);
                result.store(dx, atDx + run * strideDx + done * Short.BYTES, 0, 1, size);
            });
        }
    }

    private static final class Columns extends Tables implements ColumnOps {
        private final ColumnOps floats;

        Columns(ColumnOps floats) {
            super(floats);
            this.floats = floats;
        }

        /** Does one piece of a block: some columns of some runs. */
        private interface BlockPiece {
            void at(int run, int runs, int column, int columns);
        }

        private static void forEachPiece(int runs, int length, BlockPiece piece) {
            int columns = Math.min(TILE, length);
            int rows = TILE / columns;
            for (int c = 0; c < length; c += columns) {
                for (int r = 0; r < runs; r += rows) {
                    piece.at(r, Math.min(rows, runs - r), c, Math.min(columns, length - c));
                }
            }
        }

        @Override
        public void setCenters(double[] centers) {
            floats.setCenters(centers);
        }

        @Override
        public void sums(Memory x, int at, int stride, int runs, int from, int length, double zoom, double[] sum,
                         double[] squares) {
            forEachPiece(runs, length, (run, rows, c, size) -> floats.sums(
                    tile.load(x, at + run * stride + c * Short.BYTES, stride, rows, size), 0, size * Float.BYTES, rows,
                    from + c, size, zoom, sum, squares));
        }

        @Override
        public void affine(Memory x, int atX, int strideX, Memory y, int atY, int strideY, int runs, int from,
                           int length, boolean relu) {
            forEachPiece(runs, length, (run, rows, c, size) -> {
                int stride = size * Float.BYTES;
                Memory here = tile.load(x, atX + run * strideX + c * Short.BYTES, strideX, rows, size);
                floats.affine(here, 0, stride, result.memory, 0, stride, rows, from + c, size, relu);
                result.store(y, atY + run * strideY + c * Short.BYTES, strideY, rows, size);
            });
        }

        @Override
        public void gradSums(Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, int runs, int from,
                             int length, boolean relu, double[] sum, double[] products) {
            forEachPiece(runs, length, (run, rows, c, size) -> {
                int stride = size * Float.BYTES;
                Memory here = tile.load(x, atX + run * strideX + c * Short.BYTES, strideX, rows, size);
                Memory grad = gradTile.load(dy, atDy + run * strideDy + c * Short.BYTES, strideDy, rows, size);
                floats.gradSums(here, 0, stride, grad, 0, stride, rows, from + c, size, relu, sum, products);
            });
        }

        @Override
        public void affineGrad(Memory x, int atX, int strideX, Memory dy, int atDy, int strideDy, Memory dx, int atDx,
                               int strideDx, int runs, int from, int length, boolean relu) {
            forEachPiece(runs, length, (run, rows, c, size) -> {
                int stride = size * Float.BYTES;
                Memory here = tile.load(x, atX + run * strideX + c * Short.BYTES, strideX, rows, size);
                Memory grad = gradTile.load(dy, atDy + run * strideDy + c * Short.BYTES, strideDy, rows, size);
                floats.affineGrad(here, 0, stride, grad, 0, stride, result.memory, 0, stride, rows, from + c, size, relu);
                result.store(dx, atDx + run * strideDx + c * Short.BYTES, strideDx, rows, size);
            });
        }
    }

    private record Crossings(CrossOps floats, Tile tile, Tile gradTile, Tile result) implements CrossOps {
        Crossings(CrossOps floats) {
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
        public void affine(Memory x, int atX, Memory y, int atY, int from, int length, boolean relu) {
            forEachPiece(length, (done, size) -> {
                Memory here = tile.load(x, atX + done * Short.BYTES, size);
                floats.affine(here, 0, result.memory, 0, from + done, size, relu);
                result.store(y, atY + done * Short.BYTES, 0, 1, size);
            });
        }

        @Override
        public void gradSums(Memory x, int atX, Memory dy, int atDy, int from, int length, boolean relu,
                             double[] into) {
            floats.gradSums(tile.load(x, atX, length), 0, gradTile.load(dy, atDy, length), 0, from, length, relu, into);
        }

        @Override
        public void drain(int size, double[] sums, double[] products) {
            floats.drain(size, sums, products);
        }

        @Override
        public void affineGrad(Memory x, int atX, Memory dy, int atDy, Memory dx, int atDx, int from, int length,
                               boolean relu) {
            forEachPiece(length, (done, size) -> {
                Memory here = tile.load(x, atX + done * Short.BYTES, size);
                Memory grad = gradTile.load(dy, atDy + done * Short.BYTES, size);
                floats.affineGrad(here, 0, grad, 0, result.memory, 0, from + done, size, relu);
                result.store(dx, atDx + done * Short.BYTES, 0, 1, size);
            });
        }
    }
}
