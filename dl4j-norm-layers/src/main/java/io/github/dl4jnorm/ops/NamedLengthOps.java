// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.ops;

import java.util.Objects;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;

/** The operations of {@link LengthOps} with names. */
abstract class NamedLengthOps extends NormOps<SDVariable> {
    final SameDiff sd;

    NamedLengthOps(SameDiff sd) {
        this.sd = Objects.requireNonNull(sd, "sd");
    }

    final SDVariable named(String name, SDVariable output) {
        return sd.updateVariableNameAndReference(output, name);
    }

    /**
     * Applies {@link NormOps#rmsNorm} to rank-2 input and names the output.
     *
     * @param name  name of the output
     * @param x     input {@code [N, C]}
     * @param gamma scale of each channel, {@code [C]}, or null for 1
     * @param beta  shift of each channel, {@code [C]}, or null for 0
     * @param eps   value added to the mean square, at least 0
     * @return output {@code [N, C]}
     * @throws IllegalArgumentException if the rank is not 2
     */
    public SDVariable rmsNorm(String name, SDVariable x, SDVariable gamma, SDVariable beta, double eps) {
        return named(name, rmsNorm(x, gamma, beta, eps));
    }

    /**
     * Applies {@link NormOps#rmsNorm} in the given layout and names the output.
     *
     * @param name   name of the output
     * @param x      input
     * @param gamma  scale of each channel, {@code [C]}, or null for 1
     * @param beta   shift of each channel, {@code [C]}, or null for 0
     * @param eps    value added to the mean square, at least 0
     * @param layout layout of x
     * @return output with the shape and layout of x
     */
    public SDVariable rmsNorm(String name, SDVariable x, SDVariable gamma, SDVariable beta, double eps, Layout layout) {
        return named(name, rmsNorm(x, gamma, beta, eps, layout));
    }

    /**
     * Applies {@link NormOps#l2Normalize} to rank-2 input and names the output.
     *
     * @param name name of the output
     * @param x    input {@code [N, C]}
     * @param eps  smallest divisor, at least 0
     * @return output {@code [N, C]}
     * @throws IllegalArgumentException if the rank is not 2
     */
    public SDVariable l2Normalize(String name, SDVariable x, double eps) {
        return named(name, l2Normalize(x, eps));
    }

    /**
     * Applies {@link NormOps#l2Normalize} in the given layout and names the output.
     *
     * @param name   name of the output
     * @param x      input
     * @param eps    smallest divisor, at least 0
     * @param layout layout of x
     * @return output with the shape and layout of x
     */
    public SDVariable l2Normalize(String name, SDVariable x, double eps, Layout layout) {
        return named(name, l2Normalize(x, eps, layout));
    }

    /**
     * Applies {@link NormOps#filterResponseNorm} and names the output.
     *
     * @param name  name of the output
     * @param x     input
     * @param gamma scale of each channel, {@code [C]}, or null for 1
     * @param beta  shift of each channel, {@code [C]}, or null for 0
     * @param eps   value added to the mean square, at least 0
     * @return output with the shape of x
     */
    public SDVariable filterResponseNorm(String name, SDVariable x, SDVariable gamma, SDVariable beta, double eps) {
        return named(name, filterResponseNorm(x, gamma, beta, eps));
    }

    /**
     * Applies {@link NormOps#filterResponseNorm} in the given layout and names the output.
     *
     * @param name   name of the output
     * @param x      input
     * @param gamma  scale of each channel, {@code [C]}, or null for 1
     * @param beta   shift of each channel, {@code [C]}, or null for 0
     * @param eps    value added to the mean square, at least 0
     * @param layout layout of x
     * @return output with the shape and layout of x
     */
    public SDVariable filterResponseNorm(String name, SDVariable x, SDVariable gamma, SDVariable beta, double eps,
                                         Layout layout) {
        return named(name, filterResponseNorm(x, gamma, beta, eps, layout));
    }

    /**
     * Applies {@link NormOps#globalResponseNorm} and names the output.
     *
     * @param name  name of the output
     * @param x     input
     * @param gamma factor of each channel, {@code [C]}, or null for 1
     * @param beta  shift of each channel, {@code [C]}, or null for 0
     * @param eps   value added to the mean of G, at least 0
     * @return output with the shape of x
     */
    public SDVariable globalResponseNorm(String name, SDVariable x, SDVariable gamma, SDVariable beta, double eps) {
        return named(name, globalResponseNorm(x, gamma, beta, eps));
    }

    /**
     * Applies {@link NormOps#globalResponseNorm} in the given layout and names the output.
     *
     * @param name   name of the output
     * @param x      input
     * @param gamma  factor of each channel, {@code [C]}, or null for 1
     * @param beta   shift of each channel, {@code [C]}, or null for 0
     * @param eps    value added to the mean of G, at least 0
     * @param layout layout of x
     * @return output with the shape and layout of x
     */
    public SDVariable globalResponseNorm(String name, SDVariable x, SDVariable gamma, SDVariable beta, double eps,
                                         Layout layout) {
        return named(name, globalResponseNorm(x, gamma, beta, eps, layout));
    }
}
