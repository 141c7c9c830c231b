// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.benchmarks;

import org.bytedeco.pytorch.Tensor;

/** Layer normalization of each position, channels first: they are put last and back again. */
final class LibtorchPositions implements LibtorchOp {
    private final LibtorchLayer layer;
    private final long[] toLast;
    private final long[] toFirst;

    LibtorchPositions(int channels, int rank) {
        layer = new LibtorchLayer(channels);
        toLast = rank == 3 ? new long[]{0, 2, 1} : new long[]{0, 2, 3, 1};
        toFirst = rank == 3 ? new long[]{0, 2, 1} : new long[]{0, 3, 1, 2};
    }

    @Override
    public Tensor[] forward(Tensor x) {
        Tensor rows = x.permute(toLast).contiguous();
        Tensor[] three = layer.forward(rows);
        return new Tensor[]{three[0].permute(toFirst).contiguous(), three[1], three[2], rows};
    }

    @Override
    public Tensor[] backward(Tensor dy, Tensor x, Tensor[] forward) {
        Tensor[] three = layer.backward(dy.permute(toLast).contiguous(), forward[3], forward);
        return new Tensor[]{three[0].permute(toFirst).contiguous(), three[1], three[2]};
    }
}
