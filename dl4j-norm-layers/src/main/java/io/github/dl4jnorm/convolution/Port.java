// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.convolution;

import java.util.Arrays;
import org.bytedeco.dnnl.IntMemoryMap;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.reorder;
import org.bytedeco.javacpp.Pointer;

/**
 * An argument of a primitive. Where an array lies in memory as the primitive wants it, the primitive works on the array itself;
 * else on scratch memory, into or out of which oneDNN reorders.
 */
final class Port implements AutoCloseable {
    private final memory.desc wanted;
    private final memory inside;
    private final long bytes;
    private final OneDnn.Address address = new OneDnn.Address();
    /** Of the array that came last. */
    private long[] stride;
    private memory outside;
    private reorder into;
    private reorder outOf;
    private IntMemoryMap intoArguments;
    private IntMemoryMap outOfArguments;
    /** Whether that array lies in memory as the primitive wants it. */
    private boolean alike;
    /** Whether the primitive works on the array itself. */
    private boolean direct;
    private reorder fromOther;
    private IntMemoryMap fromOtherArguments;
    /** What belongs to the layout of the array that came last, and to the other port. */
    private final Natives ofLayout = new Natives();
    private final Natives ofOther = new Natives();

    Port(memory.desc wanted) {
        this.wanted = wanted;
        bytes = wanted.get_size();
        inside = new memory(wanted, OneDnn.engine(), (Pointer) null);
    }

    memory memory() {
        return inside;
    }

    memory.desc desc() {
        return wanted;
    }

    /** {@return how many bytes the primitive's form of the tensor has} */
    long bytes() {
        return bytes;
    }

    /** {@return how many bytes of scratch memory it takes at most} */
    long scratch() {
        return OneDnn.rounded(bytes);
    }

    /** Makes the primitive read a tensor. */
    void read(OneDnn session, Tensor tensor) {
        place(session, tensor);
        if (!direct) {
            if (into == null) {
                into = ofLayout.make(() -> new reorder(outside, inside));
                intoArguments = ofLayout.make(() -> arguments(outside, inside));
            }
            into.execute(session.stream(), intoArguments);
        }
    }

    /** Makes the primitive read what another one reads or wrote. */
    void read(OneDnn session, Port other) {
        if (other.wanted.equals(wanted)) {
            inside.set_data_handle(other.inside.get_data_handle());
            return;
        }
        inside.set_data_handle(address.at(session.take(bytes)));
        if (fromOther == null) {
            fromOther = ofOther.make(() -> new reorder(other.inside, inside));
            fromOtherArguments = ofOther.make(() -> arguments(other.inside, inside));
        }
        fromOther.execute(session.stream(), fromOtherArguments);
    }

    /** Makes the primitive write a tensor; it is there after {@link #written}. */
    void place(OneDnn session, Tensor tensor) {
        if (!Arrays.equals(stride, tensor.stride())) {
            layout(tensor);
        }
        direct = alike;
        long own = tensor.address();
        if (direct) {
            inside.set_data_handle(address.at(own));
        } else {
            outside.set_data_handle(address.at(own));
            inside.set_data_handle(address.at(session.take(bytes)));
        }
    }

    /**
     * Makes the primitive write a tensor by way of memory that keeps what it wrote, as it wrote it.
     *
     * @param keep {@link #bytes} bytes
     */
    void place(Tensor tensor, Tensor keep) {
        if (!Arrays.equals(stride, tensor.stride())) {
            layout(tensor);
        }
        direct = false;
        outside.set_data_handle(address.at(tensor.address()));
        inside.set_data_handle(address.at(keep.address()));
    }

    /** Makes the primitive read, or write, memory that is as it wants it. */
    void at(Tensor kept) {
        inside.set_data_handle(address.at(kept.address()));
    }

    /** Makes the primitive write scratch memory. */
    void scratch(OneDnn session) {
        inside.set_data_handle(address.at(session.take(bytes)));
    }

    /** Brings what the primitive wrote to the tensor. */
    void written(OneDnn session) {
        if (!direct) {
            if (outOf == null) {
                outOf = ofLayout.make(() -> new reorder(inside, outside));
                outOfArguments = ofLayout.make(() -> arguments(inside, outside));
            }
            outOf.execute(session.stream(), outOfArguments);
        }
    }

    private static IntMemoryMap arguments(memory from, memory to) {
        return new IntMemoryMap().put(dnnl.DNNL_ARG_FROM, from).put(dnnl.DNNL_ARG_TO, to);
    }

    private void layout(Tensor tensor) {
        ofLayout.close();
        outside = ofLayout.make(() -> {
            memory.desc given = new memory.desc(tensor.shape(), memory.data_type.f32, tensor.stride());
            alike = given.equals(wanted);
            return new memory(given, OneDnn.engine(), (Pointer) null);
        });
        into = null;
        outOf = null;
        stride = tensor.stride();
    }

    @Override
    public void close() {
        ofLayout.close();
        ofOther.close();
    }
}
