// SPDX-License-Identifier: Apache-2.0
/** Import of ONNX models into SameDiff, normalizations included. */
package io.github.dl4jnorm.onnx;
