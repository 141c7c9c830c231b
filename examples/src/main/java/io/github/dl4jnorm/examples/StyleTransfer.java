// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import io.github.dl4jnorm.conf.AdaptiveInstanceNormalization;
import io.github.dl4jnorm.model.WholeFile;
import java.awt.Color;
import java.awt.FontMetrics;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import javax.imageio.ImageIO;
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
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * Shows what adaptive instance normalization transfers between two images: each channel of the content gets the mean and
 * standard deviation it has in the style.
 *
 * <p>The encoder is a convolution with the 5x5 waves of a cosine transform, for each color: a channel holds the strength of
 * one wave around each pixel. The decoder is its transpose, so nothing needs training; with the content as its own style the
 * image is reconstructed. The synthetic contents have film grain, from which the textures are made: a wave with no strength
 * at all has no deviation to rescale. A trained encoder (arXiv 1703.06868) represents more than waves; the norm works the
 * same way there.
 */
@Command(name = "style", mixinStandardHelpOptions = true, sortOptions = false, optionListHeading = "%n",
        description = "Transfers the texture of synthetic images with adaptive instance normalization; writes a PNG.")
final class StyleTransfer implements Callable<Integer> {
    private static final int COLORS = 3;
    private static final int WAVES = 5;
    private static final int CHANNELS = COLORS * WAVES * WAVES;
    private static final int WHITE = 255;
    private static final double SILENT = 0.01;
    private static final int BAND = 20;
    private static final List<String> STYLES = List.of("stripes", "checks", "bricks", "sand");

    @Spec
    private CommandSpec spec;

    @Option(names = "--out", paramLabel = "FILE", defaultValue = "style.png", description = "PNG file to write: contents on the "
            + "left, styles on top (default: ${DEFAULT-VALUE}).")
    private Path out;

    @Option(names = "--size", defaultValue = "192", description = "Height and width of an image in pixels "
            + "(default: ${DEFAULT-VALUE}).")
    private int size;

    @Option(names = "--seed", defaultValue = "42", description = "Random seed of the images (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Mixin
    private final Convolutions convolutions = new Convolutions();

    @Mixin
    private final RealData data = new RealData();

    @Override
    public Integer call() throws IOException {
        if (size < 16 || size > 1024 || !Files.isDirectory(out.toAbsolutePath().getParent())) {
            throw new ParameterException(spec.commandLine(), size < 16 || size > 1024
                    ? "--size must be between 16 and 1024, not " + size : "--out: the directory of " + out + " does not exist");
        }
        Map<String, BufferedImage> contents = new LinkedHashMap<>();
        StyleImages images = new StyleImages(size, seed);
        contents.put("house", images.house());
        contents.put("circles", images.circles());
        if (data.isGiven()) {
            contents.put("digits", images.digits(data.read(StyleImages.DIGITS, 1, seed).train().getFeatures()));
        }
        List<String> names = List.copyOf(contents.keySet());
        List<BufferedImage> styles = List.of(images.stripes(), images.checks(), images.bricks(), images.sand());
        ComputationGraph net = net();
        convolutions.enable(net);
        Sheet sheet = new Sheet(size, names);
        System.out.printf("%-10s %-10s %18s %18s%n", "content", "style", "content / style", "result / style");
        double before = 0;
        double after = 0;
        for (int row = 0; row < names.size(); row++) {
            BufferedImage picture = contents.get(names.get(row));
            sheet.put(picture, 0, row + 1);
            for (int column = 0; column < STYLES.size(); column++) {
                sheet.put(styles.get(column), column + 1, 0);
                INDArray style = pixels(styles.get(column));
                BufferedImage result = picture(net.feedForward(new INDArray[]{pixels(picture), style}, false)
                        .get("picture"));
                sheet.put(result, column + 1, row + 1);
                double content = factor(net, pixels(picture), style);
                double found = factor(net, pixels(result), style);
                System.out.printf("%-10s %-10s %18.2f %18.2f%n", names.get(row), STYLES.get(column), content, found);
                before += Math.log(content);
                after += Math.log(found);
            }
        }
        sheet.write(out);
        System.out.println(convolutions);
        int pairs = names.size() * STYLES.size();
        System.out.printf("%s: wave strengths differ from those of the style by a factor of %.2f in the results, on average, "
                + "and of %.2f in the contents.%n", out, Math.exp(after / pairs), Math.exp(before / pairs));
        return CommandLine.ExitCode.OK;
    }

    /** Pictures side by side, with what they are beside and above them. */
    private static final class Sheet {
        private final int size;
        private final BufferedImage image;
        private final Graphics2D graphics;

        Sheet(int size, List<String> contents) {
            this.size = size;
            image = new BufferedImage(BAND + (STYLES.size() + 1) * size, BAND + (contents.size() + 1) * size,
                    BufferedImage.TYPE_INT_RGB);
            graphics = image.createGraphics();
            graphics.setRenderingHint(RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
            graphics.setColor(Color.WHITE);
            graphics.fillRect(0, 0, image.getWidth(), image.getHeight());
            graphics.setColor(Color.BLACK);
            for (int column = 0; column < STYLES.size(); column++) {
                center(STYLES.get(column), BAND + (column + 1.5) * size, BAND / 2.0);
            }
            graphics.rotate(-Math.PI / 2);
            for (int row = 0; row < contents.size(); row++) {
                center(contents.get(row), -(BAND + (row + 1.5) * size), BAND / 2.0);
            }
            graphics.rotate(Math.PI / 2);
        }

        private void center(String text, double x, double y) {
            FontMetrics font = graphics.getFontMetrics();
            graphics.drawString(text, (float) (x - font.stringWidth(text) / 2.0),
                    (float) (y + (font.getAscent() - font.getDescent()) / 2.0));
        }

        void put(BufferedImage picture, int column, int row) {
            graphics.drawImage(picture, BAND + column * size, BAND + row * size, null);
        }

        void write(Path file) throws IOException {
            graphics.dispose();
            WholeFile.write(file, part -> ImageIO.write(image, "png", part.toFile()));
        }
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

    /** By which factor deviations of channels differ from the style's: the geometric mean over the channels. */
    private static double factor(ComputationGraph net, INDArray pixels, INDArray style) {
        var waves = net.feedForward(new INDArray[]{pixels, style}, false);
        double[] found = waves.get("contentWaves").std(false, 0, 2, 3).toDoubleVector();
        double[] expected = waves.get("styleWaves").std(false, 0, 2, 3).toDoubleVector();
        double sum = 0;
        for (int channel = 0; channel < CHANNELS; channel++) {
            sum += Math.abs(Math.log((found[channel] + SILENT) / (expected[channel] + SILENT)));
        }
        return Math.exp(sum / CHANNELS);
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
                    rgb |= StyleImages.pixel(WHITE * pixels.getDouble(0, color, y, x)) << 8 * color;
                }
                image.setRGB(x, y, rgb);
            }
        }
        return image;
    }
}
