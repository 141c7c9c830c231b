// SPDX-License-Identifier: Apache-2.0
/**
 * The passes over the data, on the CPU with the JDK's vectors or plain Java, or on any backend with ND4J's own
 * operations. Only this package touches the memory of arrays.
 *
 * <p>Every array is seen as [N, C, S]: examples, channels and positions. Classes here use these words:
 *
 * <dl>
 * <dt>position</dt>
 * <dd>One of the S places where an example has an element of each channel: a timestep, a pixel or a voxel.</dd>
 * <dt>row</dt>
 * <dd>A line of a table of moments, coefficients or sums, and of a mask: that of one example, or the only one if all examples
 * share their statistics.</dd>
 * <dt>cell</dt>
 * <dd>The place of one channel in one row, {@code row·C + channel}. In tables of norms that have statistics per position, the
 * place of one position in the row of a group.</dd>
 * <dt>block</dt>
 * <dd>Ranges of examples, channels and positions that one thread processes at a time.</dd>
 * <dt>unit</dt>
 * <dd>A block of groups that are complete, which a pass traverses twice while it is in a cache.</dd>
 * <dt>task</dt>
 * <dd>Some blocks that follow each other: what a thread takes from the others at a time.</dd>
 * <dt>part</dt>
 * <dd>One of several tables of moments, sums or gradients that threads fill at the same time and that are merged at the end of
 * the pass.</dd>
 * <dt>run</dt>
 * <dd>Elements that are contiguous in memory and go through one loop: positions of one channel (channels-first), or channels of
 * one position or of several that follow each other (channels-last).</dd>
 * <dt>column</dt>
 * <dd>An index into a run along channels. Column i has the coefficients of channel i mod C.</dd>
 * <dt>crossing</dt>
 * <dd>An element of a norm that has statistics per position: it takes mean and deviation from its position, gamma and beta
 * from its channel.</dd>
 * <dt>strip</dt>
 * <dd>Consecutive positions of one example with all their channels, normalized together by a norm that has statistics per
 * position.</dd>
 * <dt>walker</dt>
 * <dd>What one thread does its tasks with: it finds the runs of a block and their coefficients and calls the arithmetic.</dd>
 * <dt>frame</dt>
 * <dd>A center and a power of two that bring elements with a common statistic into the range of double, if their sums or
 * squares overflow.</dd>
 * <dt>zoom</dt>
 * <dd>A power of two that x is multiplied with in float, so that its squares neither overflow nor vanish. Usually 1.</dd>
 * </dl>
 */
package io.github.dl4jnorm.kernel;
