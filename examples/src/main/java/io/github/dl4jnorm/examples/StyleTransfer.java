// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import io.github.dl4jnorm.conf.AdaptiveInstanceNormalization;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.geom.Ellipse2D;
import java.awt.geom.Line2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.function.BiConsumer;
import javax.imageio.ImageIO;
import me.tongfei.progressbar.ProgressBar;
import org.deeplearning4j.nn.conf.ConvolutionMode;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.CnnLossLayer;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * What adaptive instance normalization moves from one picture to another: every channel of the content gets the mean and the
 * deviation it has in the style.
 *
 * <p>The encoder is a convolution with the waves of a cosine transform, 5x5 pixels large, for each color: what a channel holds is
 * how strong a wave is around each pixel. Its transpose decodes, so nothing has to be trained: with the content as its own style
 * the picture comes back. A trained encoder (arXiv 1703.06868) knows more than waves; the norm does the same there.
 */
@Command(name = "style", mixinStandardHelpOptions = true, sortOptions = false, optionListHeading = "%n",
        description = "Give drawn pictures the texture of others by adaptive instance normalization; writes a PNG.")
final class StyleTransfer implements Callable<Integer> {
    private static final int COLORS = 3;
    private static final int WAVES = 5;
    private static final int CHANNELS = COLORS * WAVES * WAVES;
    private static final int WHITE = 255;

    @Spec
    private CommandSpec spec;

    @Option(names = "--out", paramLabel = "FILE", defaultValue = "style.png", description = "Picture to write: contents on the "
            + "left, styles above (default: ${DEFAULT-VALUE}).")
    private Path out;

    @Option(names = "--size", defaultValue = "128", description = "Height and width of a picture (default: ${DEFAULT-VALUE}).")
    private int size;

    @Option(names = "--seed", defaultValue = "42", description = "Seed of what is drawn (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Override
    public Integer call() throws IOException {
        if (size < 16 || size > 1024 || !Files.isDirectory(out.toAbsolutePath().getParent())) {
            throw new ParameterException(spec.commandLine(), size < 16 || size > 1024
                    ? "--size must be from 16 to 1024, not " + size : "--out: there is no directory for " + out);
        }
        List<BufferedImage> contents = List.of(draw(this::house), draw(this::circles));
        List<BufferedImage> styles = List.of(draw(this::stripes), draw(this::checks), draw(this::grain));
        ComputationGraph net = net();
        BufferedImage all = new BufferedImage((styles.size() + 1) * size, (contents.size() + 1) * size,
                BufferedImage.TYPE_INT_RGB);
        double worst = 0;
        try (ProgressBar bar = Training.progressBar("style", (long) contents.size() * styles.size())) {
            for (int row = 0; row < contents.size(); row++) {
                all.getGraphics().drawImage(contents.get(row), 0, (row + 1) * size, null);
                for (int column = 0; column < styles.size(); column++) {
                    all.getGraphics().drawImage(styles.get(column), (column + 1) * size, 0, null);
                    var activations = net.feedForward(new INDArray[]{pixels(contents.get(row)), pixels(styles.get(column))},
                            false);
                    worst = Math.max(worst, distance(activations.get("norm"), activations.get("styleWaves")));
                    all.getGraphics().drawImage(picture(activations.get("picture")), (column + 1) * size, (row + 1) * size, null);
                    bar.step();
                }
            }
        }
        ImageIO.write(all, "png", out.toFile());
        System.out.printf("%s: the deviations of all %d channels of the results are those of their styles, within %.1e.%n", out,
                CHANNELS, worst);
        return CommandLine.ExitCode.OK;
    }

    private ComputationGraph net() {
        InputType image = InputType.convolutional(size, size, COLORS);
        ComputationGraph net = new ComputationGraph(new NeuralNetConfiguration.Builder().convolutionMode(ConvolutionMode.Same)
                .activation(Activation.IDENTITY).graphBuilder().addInputs("content", "style").setInputTypes(image, image)
                .addLayer("contentWaves", waves(CHANNELS), "content")
                .addLayer("styleWaves", waves(CHANNELS), "style")
                .addVertex("norm", new AdaptiveInstanceNormalization(), "contentWaves", "styleWaves")
                .addLayer("picture", waves(COLORS), "norm")
                .addLayer("loss", new CnnLossLayer.Builder(LossFunction.MSE).build(), "picture").setOutputs("loss").build());
        net.init();
        INDArray encoder = Nd4j.zeros(DataType.FLOAT, CHANNELS, COLORS, WAVES, WAVES);
        INDArray decoder = Nd4j.zeros(DataType.FLOAT, COLORS, CHANNELS, WAVES, WAVES);
        for (int channel = 0; channel < CHANNELS; channel++) {
            int color = channel / (WAVES * WAVES);
            for (int y = 0; y < WAVES; y++) {
                for (int x = 0; x < WAVES; x++) {
                    double wave = wave(channel / WAVES % WAVES, y) * wave(channel % WAVES, x);
                    encoder.putScalar(new int[]{channel, color, y, x}, wave);
                    // Every pixel lies in as many windows as a window has pixels.
                    decoder.putScalar(new int[]{color, channel, WAVES - 1 - y, WAVES - 1 - x}, wave / (WAVES * WAVES));
                }
            }
        }
        net.setParam("contentWaves_W", encoder);
        net.setParam("styleWaves_W", encoder);
        net.setParam("picture_W", decoder);
        return net;
    }

    private static ConvolutionLayer waves(int channels) {
        return new ConvolutionLayer.Builder(WAVES, WAVES).nOut(channels).hasBias(false).build();
    }

    /** Sample of a wave of the orthonormal cosine transform. */
    private static double wave(int frequency, int at) {
        return Math.sqrt((frequency == 0 ? 1.0 : 2.0) / WAVES) * Math.cos(Math.PI * frequency * (at + 0.5) / WAVES);
    }

    /** By how much deviations of channels differ, as a share of the style's. */
    private static double distance(INDArray found, INDArray style) {
        INDArray deviation = style.std(false, 0, 2, 3);
        return found.std(false, 0, 2, 3).sub(deviation).div(deviation.add(1e-3)).amaxNumber().doubleValue();
    }

    private INDArray pixels(BufferedImage image) {
        INDArray pixels = Nd4j.create(DataType.FLOAT, 1, COLORS, size, size);
        for (int y = 0; y < size; y++) {
            for (int x = 0; x < size; x++) {
                for (int color = 0; color < COLORS; color++) {
                    pixels.putScalar(new int[]{0, color, y, x}, (image.getRGB(x, y) >> 8 * color & WHITE) / (double) WHITE);
                }
            }
        }
        return pixels;
    }

    private BufferedImage picture(INDArray pixels) {
        BufferedImage image = new BufferedImage(size, size, BufferedImage.TYPE_INT_RGB);
        for (int y = 0; y < size; y++) {
            for (int x = 0; x < size; x++) {
                int rgb = 0;
                for (int color = 0; color < COLORS; color++) {
                    double value = Math.max(0, Math.min(1, pixels.getDouble(0, color, y, x)));
                    rgb |= (int) Math.round(WHITE * value) << 8 * color;
                }
                image.setRGB(x, y, rgb);
            }
        }
        return image;
    }

    private BufferedImage draw(BiConsumer<Graphics2D, Random> drawing) {
        BufferedImage image = new BufferedImage(size, size, BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = image.createGraphics();
        graphics.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
        drawing.accept(graphics, new Random(seed));
        graphics.dispose();
        return image;
    }

    private void fill(Graphics2D graphics, int rgb, double x, double y, double width, double height) {
        graphics.setColor(new Color(rgb));
        graphics.fillRect((int) (x * size), (int) (y * size), (int) Math.ceil(width * size), (int) Math.ceil(height * size));
    }

    private void house(Graphics2D graphics, Random random) {
        fill(graphics, 0x8ecae6, 0, 0, 1, 0.65);
        fill(graphics, 0x5a8f3c, 0, 0.65, 1, 0.35);
        fill(graphics, 0xd9bf9b, 0.3, 0.4, 0.4, 0.4);
        fill(graphics, 0x6b4226, 0.45, 0.58, 0.12, 0.22);
        graphics.setColor(new Color(0xa63d2f));
        graphics.fillPolygon(new int[]{size / 4, size / 2, 3 * size / 4}, new int[]{2 * size / 5, size / 6, 2 * size / 5}, 3);
    }

    private void circles(Graphics2D graphics, Random random) {
        fill(graphics, 0x30343f, 0, 0, 1, 1);
        for (int i = 0; i < 9; i++) {
            double radius = size * (0.05 + 0.15 * random.nextDouble());
            graphics.setColor(Color.getHSBColor(random.nextFloat(), 0.6f, 0.9f));
            graphics.fill(new Ellipse2D.Double(size * random.nextDouble() - radius, size * random.nextDouble() - radius,
                    2 * radius, 2 * radius));
        }
    }

    private void stripes(Graphics2D graphics, Random random) {
        fill(graphics, 0xf4d35e, 0, 0, 1, 1);
        graphics.setColor(new Color(0x0d3b66));
        graphics.setStroke(new BasicStroke(2));
        for (int i = -size; i < 2 * size; i += 5) {
            graphics.draw(new Line2D.Double(i, 0, i + size / 4.0, size));
        }
    }

    private void checks(Graphics2D graphics, Random random) {
        for (int y = 0; y < size; y += 3) {
            for (int x = 0; x < size; x += 3) {
                graphics.setColor(new Color((x + y) / 3 % 2 == 0 ? 0xb80c09 : 0xfbfbff));
                graphics.fillRect(x, y, 3, 3);
            }
        }
    }

    private void grain(Graphics2D graphics, Random random) {
        for (int y = 0; y < size; y++) {
            for (int x = 0; x < size; x++) {
                int gray = (int) Math.max(0, Math.min(WHITE, 140 + 60 * random.nextGaussian()));
                graphics.setColor(new Color(gray, gray * 4 / 5, gray * 3 / 5));
                graphics.fillRect(x, y, 1, 1);
            }
        }
    }
}
