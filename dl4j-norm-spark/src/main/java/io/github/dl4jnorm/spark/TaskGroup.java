// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.spark;

import io.github.dl4jnorm.norm.Exchange;
import io.github.dl4jnorm.norm.Moments;
import java.io.Closeable;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.spark.BarrierTaskContext;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The tasks of a barrier stage, which meet at every layer that shares statistics and at every update of the parameters.
 *
 * <p>Spark's own {@code allGather} looks for the answer of the driver once a second: the tasks use it once, to learn the address
 * of the first task. That one receives the part of each task, merges them in the order of the tasks and sends the result back.
 * A task without a batch takes part with nothing until no task has one.
 *
 * <p>If a task fails, the connections to the others end, and they fail, too: Spark repeats the whole stage.
 */
final class TaskGroup implements Closeable {
    private final int task;
    private final int tasks;
    /** To all others in the first task, to the first in all others. */
    private final List<Peer> peers = new ArrayList<>();

    private TaskGroup(int task, int tasks) {
        this.task = task;
        this.tasks = tasks;
    }

    /**
     * Connects the tasks of a stage.
     *
     * @param context      the context of one of them
     * @param secret       what they know and others do not
     * @param milliseconds how long one waits for the others
     */
    static TaskGroup join(BarrierTaskContext context, String secret, int milliseconds) {
        TaskGroup group = new TaskGroup(context.partitionId(), context.getTaskInfos().length);
        try {
            if (group.task == 0) {
                group.accept(context, secret, milliseconds);
            } else {
                group.connect(context.allGather("")[0], secret, milliseconds);
            }
            return group;
        } catch (IOException e) {
            group.close();
            throw new UncheckedIOException("task " + group.task + " of " + group.tasks + " cannot reach the others", e);
        } catch (RuntimeException e) {
            group.close();
            throw e;
        }
    }

    private void accept(BarrierTaskContext context, String secret, int milliseconds) throws IOException {
        String host = context.getTaskInfos()[0].address().replaceFirst(":\\d+$", "");
        try (ServerSocket server = new ServerSocket(0, tasks, InetAddress.getByName(host))) {
            server.setSoTimeout(milliseconds);
            context.allGather(host + ":" + server.getLocalPort());
            Peer[] byTask = new Peer[tasks];
            for (int found = 1; found < tasks; ) {
                Peer peer = new Peer(server.accept(), milliseconds);
                peers.add(peer);
                int number = peer.greeted(secret, tasks);
                if (number > 0 && byTask[number] == null) {
                    byTask[number] = peer;
                    found++;
                } else {
                    peer.close();
                }
            }
            peers.clear();
            peers.addAll(Arrays.asList(byTask).subList(1, tasks));
        }
    }

    private void connect(String address, String secret, int milliseconds) throws IOException {
        int colon = address.lastIndexOf(':');
        Socket socket = new Socket();
        socket.connect(new InetSocketAddress(address.substring(0, colon), Integer.parseInt(address.substring(colon + 1))),
                milliseconds);
        Peer first = new Peer(socket, milliseconds);
        peers.add(first);
        first.greet(secret, task);
    }

    int task() {
        return task;
    }

    int tasks() {
        return tasks;
    }

    /** The exchange of a layer. */
    Exchange exchange(String layer) {
        return new Exchange() {
            @Override
            public Moments merge(Moments own) {
                return Part.moments(meet(Part.of(layer + " in the forward pass", own)).numbers());
            }

            @Override
            public double[] sum(double[] own) {
                return meet(Part.sum(layer + " in the backward pass", own)).numbers();
            }
        };
    }

    /**
     * Replaces gradients by their sum over all tasks that have a batch.
     *
     * @param gradients gradients of all parameters, one after another
     * @param examples  examples of this task
     * @return examples of all tasks
     */
    int share(INDArray gradients, int examples) {
        double[] own = Arrays.copyOf(Part.read(gradients), Math.toIntExact(gradients.length() + 1));
        own[own.length - 1] = examples;
        double[] sum = meet(Part.sum("the update of the parameters", own)).numbers();
        Part.write(sum, gradients);
        return (int) sum[sum.length - 1];
    }

    /** Takes part in what the others do until none of them has a batch. */
    void standBy() {
        Part result;
        do {
            result = meet(Part.NONE);
        } while (!result.isNone());
    }

    /**
     * Meets the other tasks.
     *
     * @param own what this task contributes
     * @return what all contribute together, the same for every task
     */
    Part meet(Part own) {
        try {
            if (task == 0) {
                List<Part> parts = new ArrayList<>();
                parts.add(own);
                for (Peer peer : peers) {
                    parts.add(peer.receive());
                }
                Part together = Part.together(parts);
                for (Peer peer : peers) {
                    peer.send(together);
                }
                return together;
            }
            peers.get(0).send(own);
            return peers.get(0).receive();
        } catch (IOException e) {
            close();
            throw new UncheckedIOException((own.isNone() ? "without a batch" : own.place())
                    + ": cannot combine the parts of all tasks: task " + task + " of " + tasks + " lost another one", e);
        }
    }

    @Override
    public void close() {
        peers.forEach(Peer::close);
    }
}
