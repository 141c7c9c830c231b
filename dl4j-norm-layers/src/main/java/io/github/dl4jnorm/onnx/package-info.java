// SPDX-License-Identifier: Apache-2.0
/** Imports ONNX models into SameDiff, including their normalizations. */
package io.github.dl4jnorm.onnx;
