// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jnorm.conf.NormLayer;
import io.github.dl4jnorm.kernel.Kernels;
import java.io.File;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.bytedeco.javacpp.Pointer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Forward and backward passes of one layer of each kind, the shape another one in each step. All shapes have come up after
 * some steps: libnd4j keeps a description of each shape it has ever seen.
 */
final class Steps {
    private static final int CHANNELS = 8;
    static final int WARM_UP = 1_000;
    static final int LAST = 20_000;

    /** What a step leaves behind, on purpose. */
    enum Leak { NONE, ARRAY, MEMORY }

    private final List<LayerUnderTest> layers = new ArrayList<>();
    private final List<INDArray> leaked = new ArrayList<>();
    private final int shapes;
    private final Leak leak;

    Steps(int shapes, Leak leak) {
        this.shapes = shapes;
        this.leak = leak;
        for (NormLayer conf : OwnNetwork.all()) {
            layers.add(new LayerUnderTest(conf, CHANNELS, DataType.FLOAT));
        }
    }

    void run(int first, int last) {
        for (int i = first; i < last; i++) {
            int step = i % shapes;
            Random random = new Random(step);
            LayerUnderTest layer = layers.get(step % layers.size());
            layer.mask(null);
            INDArray x = Nd4j.valueArrayOf(new long[]{1 + random.nextInt(8), CHANNELS, 1 + random.nextInt(20),
                1 + random.nextInt(20)}, 0.5f, DataType.FLOAT);
            if (step % 4 == 0) {
                // Strides that need a copy, and a mask.
                x = x.permute(3, 1, 0, 2);
                layer.mask(Nd4j.ones(DataType.FLOAT, x.size(0), 1, 1, x.size(3)).putScalar(0, 0));
            }
            layer.forward(x, step % 5 > 0);
            layer.dx(x);
            if (leak == Leak.ARRAY) {
                leaked.add(Nd4j.ones(DataType.FLOAT, CHANNELS));
            } else if (leak == Leak.MEMORY) {
                Pointer.memset(Pointer.malloc(1024), 1, 1024);
            }
        }
    }

    /** Memory after a thousand steps, and after twenty thousand. */
    static List<Memory> inOwnProcess(Leak leak) throws Exception {
        // A heap that never changes, all of it resident, so that the rest of the process is the rest; and one place that
        // memory comes from, not one for each thread.
        ProcessBuilder builder = new ProcessBuilder(System.getProperty("java.home") + File.separator + "bin" + File.separator
                + "java", "-Xms256m", "-Xmx256m", "-XX:+AlwaysPreTouch", "-XX:+UseSerialGC",
                "-Dorg.bytedeco.javacpp.maxphysicalbytes=2G", "--add-modules", "jdk.incubator.vector", "-cp",
                System.getProperty("java.class.path"),
                "-D" + Kernels.PROPERTY + "=" + Kernels.get().name(), Steps.class.getName(), leak.name());
        builder.environment().put("MALLOC_ARENA_MAX", "1");
        Process process = builder.redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes());
        assertThat(process.waitFor()).as(output).isZero();
        return output.lines().filter(line -> line.startsWith("memory ")).map(line -> line.split(" "))
                .map(part -> new Memory(Long.parseLong(part[1]), Long.parseLong(part[2]), Long.parseLong(part[3]),
                        Long.parseLong(part[4]))).toList();
    }

    public static void main(String[] args) throws Exception {
        Steps steps = new Steps(WARM_UP / 4, Leak.valueOf(args[0]));
        int done = 0;
        for (int until : new int[]{WARM_UP, LAST}) {
            steps.run(done, until);
            done = until;
            Memory memory = Memory.inUse(100);
            System.out.println("memory " + memory.heap() + " " + memory.process() + " " + memory.beside() + " "
                    + memory.arrays());
        }
    }
}
