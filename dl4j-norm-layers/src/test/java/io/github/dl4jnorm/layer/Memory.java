// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import java.lang.management.ManagementFactory;
import java.lang.management.MemoryMXBean;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.util.Map;
import org.bytedeco.javacpp.Pointer;
import org.nd4j.linalg.api.memory.deallocation.DeallocatorService;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Memory in use. The resident memory of a process says little by itself: ND4J frees an array after the collection of its
 * object, and the C library keeps the pages of what was freed, so it grows by what comes together between two
 * collections; and the JIT compiler takes some 20 MB for as long as it works. Therefore all figures are the least of some
 * taken one after the other, each after a collection, and that of the process without pages that nothing is in.
 *
 * @param heap   bytes of objects
 * @param process bytes of the process, resident
 * @param beside bytes of the process besides the heap, compiled code and classes
 * @param arrays buffers that ND4J has not freed
 */
record Memory(long heap, long process, long beside, long arrays) {

    static Memory inUse(int samples) throws ReflectiveOperationException, InterruptedException {
        // Private: JavaCPP calls it before it gives up for lack of memory. ND4J's own counters are always 0 on a CPU.
        Method trimMemory = Pointer.class.getDeclaredMethod("trimMemory");
        trimMemory.setAccessible(true);
        Field references = DeallocatorService.class.getDeclaredField("referenceMap");
        references.setAccessible(true);
        MemoryMXBean bean = ManagementFactory.getMemoryMXBean();
        long heap = Long.MAX_VALUE;
        long process = Long.MAX_VALUE;
        long beside = Long.MAX_VALUE;
        long arrays = Long.MAX_VALUE;
        for (int i = 0; i < samples; i++) {
            System.gc();
            Thread.sleep(100);
            trimMemory.invoke(null);
            heap = Math.min(heap, bean.getHeapMemoryUsage().getUsed());
            long resident = Pointer.physicalBytes();
            process = Math.min(process, resident);
            beside = Math.min(beside, resident - bean.getHeapMemoryUsage().getCommitted()
                    - bean.getNonHeapMemoryUsage().getCommitted());
            arrays = Math.min(arrays, ((Map<?, ?>) references.get(Nd4j.getDeallocatorService())).size());
        }
        return new Memory(heap, process, beside, arrays);
    }
}
