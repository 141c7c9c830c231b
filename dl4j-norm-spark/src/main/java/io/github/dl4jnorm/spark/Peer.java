// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.spark;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.Closeable;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.Socket;
import java.nio.ByteBuffer;

/** A connection to another task. */
final class Peer implements Closeable {
    /** Numbers sent at a time. */
    private static final int CHUNK = 8192;

    private final Socket socket;
    private final DataInputStream in;
    private final DataOutputStream out;

    Peer(Socket socket, int milliseconds) throws IOException {
        this.socket = socket;
        socket.setTcpNoDelay(true);
        socket.setSoTimeout(milliseconds);
        in = new DataInputStream(new BufferedInputStream(socket.getInputStream(), CHUNK * Double.BYTES));
        out = new DataOutputStream(new BufferedOutputStream(socket.getOutputStream(), CHUNK * Double.BYTES));
    }

    void greet(String secret, int task) throws IOException {
        out.writeUTF(secret);
        out.writeInt(task);
        out.flush();
    }

    /** The number of the task at the other end, or −1 if it is none or does not know the secret. */
    int greeted(String secret, int tasks) {
        try {
            int task = in.readUTF().equals(secret) ? in.readInt() : -1;
            return task < tasks ? task : -1;
        } catch (IOException e) {
            return -1;
        }
    }

    void send(Part part) throws IOException {
        out.writeUTF(part.isNone() ? "" : part.place());
        out.writeBoolean(part.merged());
        double[] numbers = part.numbers();
        out.writeInt(numbers.length);
        ByteBuffer chunk = ByteBuffer.allocate(CHUNK * Double.BYTES);
        for (int from = 0; from < numbers.length; from += CHUNK) {
            int some = Math.min(CHUNK, numbers.length - from);
            chunk.asDoubleBuffer().put(numbers, from, some);
            out.write(chunk.array(), 0, some * Double.BYTES);
        }
        out.flush();
    }

    Part receive() throws IOException {
        String place = in.readUTF();
        boolean merged = in.readBoolean();
        double[] numbers = new double[in.readInt()];
        ByteBuffer chunk = ByteBuffer.allocate(CHUNK * Double.BYTES);
        for (int from = 0; from < numbers.length; from += CHUNK) {
            int some = Math.min(CHUNK, numbers.length - from);
            in.readFully(chunk.array(), 0, some * Double.BYTES);
            chunk.asDoubleBuffer().get(numbers, from, some);
        }
        return place.isEmpty() ? Part.NONE : new Part(place, merged, numbers);
    }

    @Override
    public void close() {
        try {
            socket.close();
        } catch (IOException e) {
            // Closed is what it shall be.
        }
    }
}
