// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import io.github.dl4jnorm.norm.Mask;
import io.github.dl4jnorm.pass.MapPass;
import io.github.dl4jnorm.pass.NormPass;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Maps of gamma and beta, resized to the content. */
final class MapCondition implements Condition {
    private final INDArray maps;
    private final Mask mask;
    private final double gammaOffset;
    private MapPass pass;

    MapCondition(INDArray maps, Mask mask, double gammaOffset) {
        this.maps = maps;
        this.mask = mask;
        this.gammaOffset = gammaOffset;
    }

    @Override
    public void forward(NormPass norm, INDArray x, INDArray y) {
        pass = MapPass.forward(norm, x, maps, mask, gammaOffset, y);
    }

    @Override
    public void backward(INDArray x, INDArray condition, INDArray dy, INDArray dx, INDArray toCondition) {
        pass.backward(x, condition, dy, dx, toCondition);
    }
}
