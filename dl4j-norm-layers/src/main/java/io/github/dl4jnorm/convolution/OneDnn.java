// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.convolution;

import org.bytedeco.dnnl.engine;
import org.bytedeco.dnnl.stream;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.nd4j.linalg.factory.Nd4j;

/** The native library: whether this JVM has it, and what each thread needs to call it. */
public final class OneDnn {
    /** Maven coordinates of the native library. */
    public static final String DEPENDENCY = "org.bytedeco:dnnl-platform:2.5.2-1.5.7";

    /** oneDNN's loops load and store whole cache lines. */
    private static final int ALIGNMENT = 64;

    private static final ThreadLocal<OneDnn> OF_THREAD = ThreadLocal.withInitial(OneDnn::new);

    private final stream stream = new stream(Library.ENGINE);
    private BytePointer scratch = new BytePointer();
    private long used;

    private OneDnn() {
    }

    /**
     * Returns why convolutions cannot run on oneDNN in this JVM.
     *
     * @return the reason and what to do, or null if they can
     */
    public static String missing() {
        return Library.MISSING;
    }

    static engine engine() {
        return Library.ENGINE;
    }

    /** {@return what the calling thread executes with; all scratch memory that it took before is free again} */
    static OneDnn begin(long scratchBytes) {
        OneDnn own = OF_THREAD.get();
        own.used = 0;
        if (own.scratch.capacity() < scratchBytes) {
            // Grows in one step: what an earlier step took is not needed any more.
            own.scratch.deallocate();
            own.scratch = new BytePointer(scratchBytes + ALIGNMENT);
        }
        return own;
    }

    stream stream() {
        return stream;
    }

    /** {@return the address of that many bytes, valid until the thread begins anew} */
    long take(long bytes) {
        long address = roundUp(scratch.address() + used);
        used = address + bytes - scratch.address();
        return address;
    }

    /** {@return how many bytes a taken piece may occupy} */
    static long rounded(long bytes) {
        return roundUp(bytes) + ALIGNMENT;
    }

    private static long roundUp(long bytes) {
        return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }

    /** A pointer to memory that others own. */
    static final class Address extends Pointer {
        Address at(long value) {
            address = value;
            return this;
        }
    }

    /** Loaded when first asked for. */
    private static final class Library {
        static final engine ENGINE;
        static final String MISSING;

        static {
            engine loaded = null;
            String missing = null;
            String backend = Nd4j.getBackend().getClass().getSimpleName();
            if (!backend.equals("CpuBackend")) {
                missing = "oneDNN runs on the CPU, but ND4J's backend is " + backend;
            } else {
                try {
                    loaded = new engine(engine.kind.cpu, 0);
                } catch (LinkageError | RuntimeException e) {
                    missing = "oneDNN is not on the class path or does not run here; add the dependency " + DEPENDENCY
                            + " (" + root(e) + ")";
                }
            }
            ENGINE = loaded;
            MISSING = missing;
        }

        private static Throwable root(Throwable e) {
            Throwable cause = e;
            while (cause.getCause() != null) {
                cause = cause.getCause();
            }
            return cause;
        }
    }
}
