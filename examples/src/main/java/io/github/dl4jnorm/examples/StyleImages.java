// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.geom.Ellipse2D;
import java.awt.geom.Line2D;
import java.awt.image.BufferedImage;
import java.util.Random;
import java.util.function.BiConsumer;
import java.util.function.IntBinaryOperator;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Draws square images for style transfer: contents with film grain, and styles.
 *
 * @param size height and width in pixels
 * @param seed seed of all that is random in them
 */
record StyleImages(int size, long seed) {
    private static final int IN_A_ROW = 3;
    /** How many digits an image shows. */
    static final int DIGITS = IN_A_ROW * IN_A_ROW;
    private static final int WHITE = 255;
    private static final double GRAIN = 0.1;

    private BufferedImage draw(BiConsumer<Graphics2D, Random> drawing) {
        BufferedImage image = new BufferedImage(size, size, BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = image.createGraphics();
        graphics.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
        drawing.accept(graphics, new Random(seed));
        graphics.dispose();
        return image;
    }

    private BufferedImage grained(BufferedImage image) {
        Random random = new Random(seed + 1);
        for (int y = 0; y < size; y++) {
            for (int x = 0; x < size; x++) {
                double light = WHITE * GRAIN * random.nextGaussian();
                Color color = new Color(image.getRGB(x, y));
                image.setRGB(x, y, new Color(pixel(color.getRed() + light), pixel(color.getGreen() + light),
                        pixel(color.getBlue() + light)).getRGB());
            }
        }
        return image;
    }

    static int pixel(double value) {
        return (int) Math.round(Math.max(0, Math.min(WHITE, value)));
    }

    private void fill(Graphics2D graphics, int rgb, double x, double y, double width, double height) {
        graphics.setColor(new Color(rgb));
        graphics.fillRect((int) (x * size), (int) (y * size), (int) Math.ceil(width * size), (int) Math.ceil(height * size));
    }

    BufferedImage house() {
        return grained(draw(this::house));
    }

    BufferedImage circles() {
        return grained(draw(this::circles));
    }

    /** Nine handwritten digits, [N, 1, height, width], in ink on paper. */
    BufferedImage digits(INDArray digits) {
        return grained(draw((graphics, random) -> digits(graphics, digits)));
    }

    BufferedImage stripes() {
        return draw(this::stripes);
    }

    BufferedImage checks() {
        return draw(this::checks);
    }

    BufferedImage bricks() {
        return draw(this::bricks);
    }

    BufferedImage sand() {
        return draw(this::sand);
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

    private void digits(Graphics2D graphics, INDArray digits) {
        int side = size / IN_A_ROW;
        fill(graphics, 0xf3ead7, 0, 0, 1, 1);
        for (int n = 0; n < DIGITS; n++) {
            INDArray digit = digits.slice(n).slice(0);
            for (int y = 0; y < side; y++) {
                for (int x = 0; x < side; x++) {
                    double ink = digit.getDouble(y * digit.size(0) / side, x * digit.size(1) / side);
                    graphics.setColor(new Color(0x1d, 0x35, 0x57, pixel(WHITE * ink)));
                    graphics.fillRect(n % IN_A_ROW * side + x, n / IN_A_ROW * side + y, 1, 1);
                }
            }
        }
    }

    private void stripes(Graphics2D graphics, Random random) {
        fill(graphics, 0xf4d35e, 0, 0, 1, 1);
        graphics.setColor(new Color(0x0d3b66));
        graphics.setStroke(new BasicStroke(2.4f));
        for (int i = -size; i < 2 * size; i += 6) {
            graphics.draw(new Line2D.Double(i, 0, i + size / 4.0, size));
        }
    }

    private void checks(Graphics2D graphics, Random random) {
        tiles(graphics, 4, 4, (x, y) -> (x + y) / 4 % 2 == 0 ? 0xb80c09 : 0xfbfbff);
    }

    private void bricks(Graphics2D graphics, Random random) {
        fill(graphics, 0xe8ddcf, 0, 0, 1, 1);
        graphics.setColor(new Color(0xa4452c));
        for (int y = 0; y < size; y += 6) {
            for (int x = -5 * (y / 6 % 2); x < size; x += 10) {
                graphics.fillRect(x, y, 9, 5);
            }
        }
    }

    private void sand(Graphics2D graphics, Random random) {
        tiles(graphics, 1, 1, (x, y) -> {
            int gray = pixel(140 + 60 * random.nextGaussian());
            return new Color(gray, gray * 4 / 5, gray * 3 / 5).getRGB();
        });
    }

    private void tiles(Graphics2D graphics, int width, int height, IntBinaryOperator color) {
        for (int y = 0; y < size; y += height) {
            for (int x = 0; x < size; x += width) {
                graphics.setColor(new Color(color.applyAsInt(x, y)));
                graphics.fillRect(x, y, width, height);
            }
        }
    }
}
