// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.model;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Writes the samples of a {@link NormStatsListener} as CSV, one number per line:
 *
 * <pre>
 * iteration,epoch,layer,quantity,index,value
 * 20,0,norm1,batchMean,4,0.31
 * 20,0,norm1,inputNorm,,113.8
 * 20,0,norm1,meanWeight,batch,0.35
 * </pre>
 *
 * <p>The index is a channel, or a part of switchable normalization.
 */
public final class NormStatsCsv {
    private NormStatsCsv() {
    }

    /**
     * Writes a CSV file. An existing file is replaced atomically.
     *
     * @param stats the samples
     * @param file  file to write
     * @throws IOException if the file cannot be written
     */
    public static void write(NormStatsListener stats, Path file) throws IOException {
        List<String> lines = new ArrayList<>(List.of("iteration,epoch,layer,quantity,index,value"));
        for (String layer : stats.layers()) {
            for (NormSample sample : stats.samples(layer)) {
                add(lines, sample.iteration() + "," + sample.epoch() + "," + Csv.quoted(layer) + ",", sample);
            }
        }
        WholeFile.write(file, part -> Files.write(part, lines));
    }

    private static void add(List<String> lines, String start, NormSample sample) {
        channels(lines, start + "batchMean,", sample, sample.batchMean());
        channels(lines, start + "batchVariance,", sample, sample.batchVariance());
        channels(lines, start + "runningMean,", sample, sample.runningMean());
        channels(lines, start + "runningVariance,", sample, sample.runningVariance());
        channels(lines, start + "gamma,", sample, sample.gamma());
        channels(lines, start + "beta,", sample, sample.beta());
        parts(lines, start + "meanWeight,", sample.meanWeights());
        parts(lines, start + "varianceWeight,", sample.varianceWeights());
        lines.add(start + "inputNorm,," + sample.inputNorm());
        lines.add(start + "outputNorm,," + sample.outputNorm());
        lines.add(start + "outputGradient,," + sample.outputGradient());
        lines.add(start + "inputGradient,," + sample.inputGradient());
    }

    private static void channels(List<String> lines, String start, NormSample sample, double[] values) {
        for (int i = 0; values != null && i < values.length; i++) {
            lines.add(start + sample.channels()[i] + "," + values[i]);
        }
    }

    private static void parts(List<String> lines, String start, Map<String, Double> weights) {
        if (weights != null) {
            weights.forEach((part, weight) -> lines.add(start + part + "," + weight));
        }
    }
}
