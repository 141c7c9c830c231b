// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.pass;

import io.github.dl4jnorm.norm.ChannelStatistics;
import io.github.dl4jnorm.norm.Values;
import java.util.List;
import org.nd4j.linalg.api.ndarray.INDArray;

/** A pass around another: what it does not override is that of the inner one. */
abstract class Wrapped implements Saved {
    final Saved inner;

    Wrapped(Saved inner) {
        this.inner = inner;
    }

    @Override
    public void again(INDArray x, INDArray y) {
        inner.again(x, y);
    }

    @Override
    public Values backward(INDArray x, INDArray dy, INDArray dx) {
        return inner.backward(x, dy, dx);
    }

    @Override
    public ChannelStatistics batchStatistics() {
        return inner.batchStatistics();
    }

    @Override
    public List<ChannelStatistics> updates() {
        return inner.updates();
    }

    @Override
    public boolean overflowed() {
        return inner.overflowed();
    }
}
