// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.examples;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.net.DatagramSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Collectors;
import org.apache.spark.SparkConf;
import org.nd4j.parameterserver.distributed.v2.transport.PortSupplier;
import org.nd4j.parameterserver.distributed.v2.transport.impl.StaticPortSupplier;

/**
 * Lets executors run as JVMs of their own on this machine, with the master {@code local-cluster[executors,cores,megabytes]}:
 * they get the class path and the options of this JVM. Spark looks for itself in {@code SPARK_HOME}, which need not hold
 * anything.
 */
final class LocalCluster {
    private static final String HOME = "SPARK_HOME";

    private LocalCluster() {
    }

    /** Adds what executors need if that is the master. */
    static SparkConf prepared(SparkConf conf) {
        if (!isOne(conf.get("spark.master"))) {
            return conf;
        }
        if (System.getenv(HOME) == null) {
            throw new IllegalStateException("--master " + conf.get("spark.master") + ": expected an empty directory in the "
                    + "environment variable " + HOME + ", got none; start the example with Maven, which sets it");
        }
        try {
            Files.createDirectories(Path.of(System.getenv(HOME), "jars"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        String options = ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(option -> option.startsWith("--add-") || option.startsWith("-Daeron")).collect(Collectors.joining(" "));
        return conf.setIfMissing("spark.executor.extraJavaOptions", options)
                .setIfMissing("spark.scheduler.barrier.maxConcurrentTasksCheck.interval", "1s")
                .setIfMissing("spark.executorEnv.OMP_NUM_THREADS", "1")
                .setIfMissing("spark.executor.extraClassPath", System.getProperty("java.class.path"));
    }

    private static boolean isOne(String master) {
        return master.startsWith("local-cluster");
    }

    /** The port of each executor for sharing gradients: one for all where each has a machine of its own. */
    static PortSupplier ports(String master, int port) {
        return isOne(master) ? new FreePort() : new StaticPortSupplier(port);
    }

    /** A port for each process. */
    private static final class FreePort implements PortSupplier {
        private static final long serialVersionUID = 1L;

        @Override
        public int getPort() {
            try (DatagramSocket socket = new DatagramSocket()) {
                return socket.getLocalPort();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
