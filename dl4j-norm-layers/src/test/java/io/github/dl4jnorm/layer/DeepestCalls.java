// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm.layer;

import com.sun.jdi.AbsentInformationException;
import com.sun.jdi.Bootstrap;
import com.sun.jdi.IncompatibleThreadStateException;
import com.sun.jdi.Location;
import com.sun.jdi.Method;
import com.sun.jdi.StackFrame;
import com.sun.jdi.ThreadReference;
import com.sun.jdi.VirtualMachine;
import com.sun.jdi.connect.Connector;
import com.sun.jdi.connect.IllegalConnectorArgumentsException;
import com.sun.jdi.connect.LaunchingConnector;
import com.sun.jdi.connect.VMStartException;
import com.sun.jdi.event.ClassPrepareEvent;
import com.sun.jdi.event.Event;
import com.sun.jdi.event.EventSet;
import com.sun.jdi.event.MethodEntryEvent;
import com.sun.jdi.event.VMDeathEvent;
import com.sun.jdi.event.VMDisconnectEvent;
import com.sun.jdi.request.ClassPrepareRequest;
import com.sun.jdi.request.EventRequest;
import com.sun.jdi.request.MethodEntryRequest;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Runs a program in a JVM of its own and looks at its stack whenever it enters a method of this library. */
final class DeepestCalls {
    private static final String LIBRARY = "io.github.dl4jnorm.";
    private static final long LONGEST_WAIT = 120_000;

    private final Class<?> of;
    private final List<String> passes;
    private final Map<String, List<String>> deepest = new LinkedHashMap<>();
    private String pass;

    private DeepestCalls(Class<?> of, List<String> passes) {
        this.of = of;
        this.passes = passes;
    }

    /**
     * Runs a program.
     *
     * @param options of the JVM
     * @param program class with a main, and its arguments
     * @param since   class with whose loading the observation begins
     * @param of      class of the methods
     * @param passes  names of methods
     * @return for each method the deepest stack of calls from it to a method of this library, both included, last call first
     */
    static Map<String, List<String>> of(String options, String program, Class<?> since, Class<?> of, List<String> passes)
            throws IOException, VMStartException, IllegalConnectorArgumentsException, InterruptedException,
            IncompatibleThreadStateException {
        LaunchingConnector connector = Bootstrap.virtualMachineManager().defaultConnector();
        Map<String, Connector.Argument> arguments = connector.defaultArguments();
        arguments.get("options").setValue(options);
        arguments.get("main").setValue(program);
        VirtualMachine machine = connector.launch(arguments);
        try {
            ClassPrepareRequest begin = machine.eventRequestManager().createClassPrepareRequest();
            begin.addClassFilter(since.getName());
            begin.enable();
            DeepestCalls calls = new DeepestCalls(of, passes);
            calls.follow(machine);
            return calls.deepest;
        } finally {
            machine.process().destroy();
        }
    }

    private void follow(VirtualMachine machine) throws InterruptedException, IncompatibleThreadStateException {
        while (true) {
            EventSet events = machine.eventQueue().remove(LONGEST_WAIT);
            if (events == null) {
                throw new IllegalStateException("nothing happened for " + LONGEST_WAIT + " ms; so far " + deepest);
            }
            for (Event event : events) {
                if (event instanceof VMDeathEvent || event instanceof VMDisconnectEvent) {
                    return;
                }
                if (event instanceof ClassPrepareEvent) {
                    MethodEntryRequest entries = machine.eventRequestManager().createMethodEntryRequest();
                    entries.addClassFilter(LIBRARY + "*");
                    entries.setSuspendPolicy(EventRequest.SUSPEND_EVENT_THREAD);
                    entries.enable();
                } else if (event instanceof MethodEntryEvent entry) {
                    entered(entry.thread(), entry.method());
                }
            }
            events.resume();
        }
    }

    private void entered(ThreadReference thread, Method method) throws IncompatibleThreadStateException {
        if (method.declaringType().name().equals(of.getName()) && passes.contains(method.name())) {
            pass = method.name();
        }
        // A question about the frames takes much longer than that about their number.
        if (pass != null && thread.frameCount() > deepest.getOrDefault(pass, List.of()).size()) {
            List<String> frames = within(thread.frames());
            if (frames.size() > deepest.getOrDefault(pass, List.of()).size()) {
                deepest.put(pass, frames);
            }
        }
    }

    /** Frames up to that of the pass; none if this is not within one. */
    private List<String> within(List<StackFrame> stack) {
        List<String> frames = new ArrayList<>();
        for (StackFrame frame : stack) {
            Location location = frame.location();
            frames.add(location.declaringType().name() + "." + location.method().name() + " (" + source(location) + ")");
            if (location.declaringType().name().equals(of.getName()) && location.method().name().equals(pass)) {
                return frames;
            }
        }
        return List.of();
    }

    private static String source(Location location) {
        try {
            return location.sourceName() + ":" + location.lineNumber();
        } catch (AbsentInformationException e) {
            return "no source";
        }
    }
}
