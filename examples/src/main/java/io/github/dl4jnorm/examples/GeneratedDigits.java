// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.geom.AffineTransform;
import java.awt.geom.Path2D;
import java.awt.image.BufferedImage;
import java.awt.image.DataBufferByte;
import java.util.Random;
import org.nd4j.linalg.dataset.DataSet;

/**
 * Generates synthetic digits: the strokes of each digit are jittered, rotated, sheared, scaled and shifted, and drawn with
 * varying width and brightness on a noisy background. Needs no font, no file and no network.
 */
final class GeneratedDigits {
    private static final int SIZE = 28;
    private static final int CLASSES = 10;

    /**
     * Strokes of each digit in a box from (0, 0), top left, to (1, 1): "M" starts a stroke, "L" draws a line, "Q" a
     * curve with one control point.
     */
    private static final String[] STROKES = {
        "M .5 0 Q 0 0 0 .5 Q 0 1 .5 1 Q 1 1 1 .5 Q 1 0 .5 0",
        "M .2 .25 L .55 0 L .55 1",
        "M 0 .25 Q .1 0 .5 0 Q 1 0 .95 .3 Q .9 .55 0 1 L 1 1",
        "M 0 .1 Q .5 -.1 .85 .1 Q 1 .4 .4 .48 Q 1.1 .5 .95 .8 Q .7 1.1 0 .9",
        "M .7 1 L .7 0 L 0 .7 L 1 .7",
        "M .95 0 L .15 0 L .1 .45 Q .9 .3 .95 .7 Q .9 1.05 0 .95",
        "M .8 0 Q .1 .2 .05 .7 Q .1 1 .5 1 Q .95 1 .95 .7 Q .9 .4 .5 .45 Q .2 .45 .05 .7",
        "M 0 0 L 1 0 Q .5 .5 .4 1",
        "M .5 .47 Q .05 .4 .1 .2 Q .2 0 .5 0 Q .8 0 .9 .2 Q .95 .4 .5 .47 Q 0 .55 .05 .8 Q .2 1 .5 1 Q .8 1 .95 .8 "
            + "Q 1 .55 .5 .47",
        "M .9 .35 Q .85 .6 .5 .55 Q .05 .55 .1 .25 Q .2 0 .5 0 Q .9 0 .9 .35 Q .9 .8 .6 1"
    };

    private final Random random;

    private GeneratedDigits(long seed) {
        random = new Random(seed);
    }

    /** Generates digits with pixels from 0 to 255. The same seed gives the same digits. */
    static DataSet create(int count, long seed) {
        GeneratedDigits pen = new GeneratedDigits(seed);
        float[][] pixels = new float[count][];
        int[] labels = new int[count];
        for (int i = 0; i < count; i++) {
            labels[i] = pen.random.nextInt(CLASSES);
            pixels[i] = pen.draw(labels[i]);
        }
        return Images.dataSet(pixels, labels, SIZE, SIZE, CLASSES);
    }

    private float[] draw(int digit) {
        BufferedImage image = new BufferedImage(SIZE, SIZE, BufferedImage.TYPE_BYTE_GRAY);
        Graphics2D graphics = image.createGraphics();
        graphics.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
        graphics.setRenderingHint(RenderingHints.KEY_STROKE_CONTROL, RenderingHints.VALUE_STROKE_PURE);
        graphics.setStroke(new BasicStroke((float) between(1.4, 3.4), BasicStroke.CAP_ROUND, BasicStroke.JOIN_ROUND));
        int brightness = (int) between(120, 255);
        graphics.setColor(new Color(brightness, brightness, brightness));
        AffineTransform place = new AffineTransform();
        place.translate(SIZE / 2.0 + between(-3, 3), SIZE / 2.0 + between(-3, 3));
        place.rotate(between(-0.3, 0.3));
        place.shear(between(-0.3, 0.3), 0);
        place.scale(between(8, 14), between(13, 20));
        place.translate(-0.5, -0.5);
        graphics.draw(place.createTransformedShape(shaken(STROKES[digit])));
        graphics.dispose();
        float[] pixels = Images.toFloats(((DataBufferByte) image.getRaster().getDataBuffer()).getData());
        double ground = between(0, 40);
        for (int i = 0; i < pixels.length; i++) {
            double noisy = pixels[i] + ground + 14 * random.nextGaussian();
            pixels[i] = (float) Math.max(0, Math.min(255, noisy));
        }
        return pixels;
    }

    private Path2D shaken(String strokes) {
        Path2D path = new Path2D.Double();
        String[] tokens = strokes.split(" ");
        int i = 0;
        while (i < tokens.length) {
            char command = tokens[i++].charAt(0);
            double x = shaken(Double.parseDouble(tokens[i++]));
            double y = shaken(Double.parseDouble(tokens[i++]));
            switch (command) {
                case 'M' -> path.moveTo(x, y);
                case 'L' -> path.lineTo(x, y);
                default -> path.quadTo(x, y, shaken(Double.parseDouble(tokens[i++])),
                        shaken(Double.parseDouble(tokens[i++])));
            }
        }
        return path;
    }

    private double shaken(double coordinate) {
        return coordinate + 0.07 * random.nextGaussian();
    }

    private double between(double low, double high) {
        return low + (high - low) * random.nextDouble();
    }
}
