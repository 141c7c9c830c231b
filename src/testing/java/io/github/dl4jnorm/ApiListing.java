// SPDX-License-Identifier: Apache-2.0
package io.github.dl4jnorm;

import java.lang.reflect.Constructor;
import java.lang.reflect.Executable;
import java.lang.reflect.Field;
import java.lang.reflect.GenericDeclaration;
import java.lang.reflect.Member;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Describes what code outside of a class's package can use of it, and does not inherit from elsewhere. */
final class ApiListing {
    private ApiListing() {
    }

    /** Whether a class, and each that it is in, can be named from elsewhere. */
    static boolean isVisible(Class<?> type) {
        boolean itself = Modifier.isPublic(type.getModifiers()) || Modifier.isProtected(type.getModifiers());
        return itself && !type.isAnonymousClass() && !type.isLocalClass()
                && (type.getDeclaringClass() == null || isVisible(type.getDeclaringClass()));
    }

    /** The declaration of a class, such as {@code public final class io.github.dl4jnorm.conf.NormFactory}. */
    static String heading(Class<?> type) {
        int ofClasses = type.isInterface() ? Modifier.interfaceModifiers() & ~Modifier.ABSTRACT : Modifier.classModifiers();
        // Enumerations with bodies of constants are final or not as the compiler likes.
        int modifiers = type.getModifiers() & (type.isEnum() ? ofClasses & ~Modifier.FINAL & ~Modifier.ABSTRACT : ofClasses);
        String kind = type.isAnnotation() ? "@interface" : type.isInterface() ? "interface" : type.isEnum() ? "enum"
                : type.isRecord() ? "record" : "class";
        StringBuilder line = new StringBuilder(deprecated(type.isAnnotationPresent(Deprecated.class)));
        line.append(words(Modifier.toString(modifiers), type.isSealed() ? "sealed" : "", kind, type.getName()))
                .append(variables(type));
        Class<?> lowest = declaring(type).get(declaring(type).size() - 1);
        Class<?> above = lowest.getSuperclass();
        if (above != null && above != Object.class && !type.isEnum() && !type.isRecord()) {
            line.append(" extends ").append(name(lowest.getGenericSuperclass()));
        }
        List<Type> interfaces = Stream.of(type.getGenericInterfaces()).filter(one -> isVisible(raw(one))).toList();
        if (!interfaces.isEmpty()) {
            line.append(type.isInterface() ? " extends " : " implements ").append(names(interfaces.toArray(Type[]::new)));
        }
        return line.toString();
    }

    private static Class<?> raw(Type type) {
        return type instanceof ParameterizedType parameterized ? raw(parameterized.getRawType()) : (Class<?>) type;
    }

    /** Its public and protected members, sorted, and those of superclasses that cannot be named. */
    static Set<String> members(Class<?> type) {
        Set<String> lines = new TreeSet<>();
        boolean inherited = !Modifier.isFinal(type.getModifiers());
        for (Class<?> declares : declaring(type)) {
            for (Field field : declares.getDeclaredFields()) {
                add(lines, field, inherited, () -> line(field));
            }
            for (Method method : declares.getDeclaredMethods()) {
                if (!method.isBridge() && !isInherited(type, method)) {
                    add(lines, method, inherited, () -> deprecated(method.isAnnotationPresent(Deprecated.class))
                            + words(modifiers(method), method.isDefault() ? "default" : "", variables(method).trim(),
                            name(method.getGenericReturnType()), method.getName()) + rest(method));
                }
            }
        }
        for (Constructor<?> constructor : type.getDeclaredConstructors()) {
            add(lines, constructor, inherited, () -> words(modifiers(constructor), variables(constructor).trim(),
                    type.getSimpleName()) + rest(constructor));
        }
        return lines;
    }

    private static List<Class<?>> declaring(Class<?> type) {
        List<Class<?>> all = new ArrayList<>();
        for (Class<?> each = type; each != null && (each == type || !isVisible(each)); each = each.getSuperclass()) {
            all.add(each);
        }
        return all;
    }

    /** Whether a superclass that can be named, or an interface, says all there is to say about a method. */
    private static boolean isInherited(Class<?> type, Method method) {
        for (Class<?> above : declaring(type)) {
            if (above == method.getDeclaringClass()) {
                break;
            }
            if (declares(above, method)) {
                return true;
            }
        }
        return !method.isAnnotationPresent(Deprecated.class) && above(type).anyMatch(above -> declares(above, method));
    }

    /** Superclasses and interfaces that can be named. */
    private static Stream<Class<?>> above(Class<?> type) {
        Stream<Class<?>> above = Stream.concat(Stream.ofNullable(type.getSuperclass()), Stream.of(type.getInterfaces()));
        return above.flatMap(one -> Stream.concat(isVisible(one) ? Stream.of(one) : Stream.empty(), above(one)));
    }

    private static boolean declares(Class<?> type, Method method) {
        return Stream.of(type.getDeclaredMethods()).anyMatch(other -> other.getName().equals(method.getName())
                && Arrays.equals(other.getParameterTypes(), method.getParameterTypes())
                && other.getReturnType() == method.getReturnType() && !Modifier.isStatic(method.getModifiers())
                && !Modifier.isPrivate(other.getModifiers())
                && Modifier.isPublic(other.getModifiers()) == Modifier.isPublic(method.getModifiers()));
    }

    private static void add(Set<String> lines, Member member, boolean inherited, java.util.function.Supplier<String> line) {
        boolean visible = Modifier.isPublic(member.getModifiers())
                || inherited && Modifier.isProtected(member.getModifiers());
        if (visible && !member.isSynthetic()) {
            lines.add(line.get());
        }
    }

    /** With the value of a constant, which the compiler copies to where it is used. */
    private static String line(Field field) {
        String line = deprecated(field.isAnnotationPresent(Deprecated.class))
                + words(Modifier.toString(field.getModifiers() & ~Modifier.TRANSIENT), name(field.getGenericType()),
                field.getName());
        boolean constant = Modifier.isStatic(field.getModifiers()) && Modifier.isFinal(field.getModifiers())
                && (field.getType().isPrimitive() || field.getType() == String.class);
        try {
            field.setAccessible(true);
            return constant ? line + " = " + field.get(null) : line;
        } catch (IllegalAccessException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String modifiers(Executable executable) {
        int own = executable instanceof Method ? Modifier.methodModifiers() : Modifier.constructorModifiers();
        return Modifier.toString(executable.getModifiers() & own & ~Modifier.SYNCHRONIZED & ~Modifier.NATIVE);
    }

    private static String rest(Executable executable) {
        String thrown = names(executable.getGenericExceptionTypes());
        return "(" + names(executable.getGenericParameterTypes()) + ")" + (thrown.isEmpty() ? "" : " throws " + thrown);
    }

    private static String variables(GenericDeclaration declaration) {
        String variables = Arrays.stream(declaration.getTypeParameters()).map(variable -> {
            String bounds = Arrays.stream(variable.getBounds()).filter(bound -> bound != Object.class)
                    .map(ApiListing::name).collect(Collectors.joining(" & "));
            return variable.getName() + (bounds.isEmpty() ? "" : " extends " + bounds);
        }).collect(Collectors.joining(", "));
        return variables.isEmpty() ? "" : "<" + variables + ">" + (declaration instanceof Class ? "" : " ");
    }

    private static String names(Type[] types) {
        return Stream.of(types).map(ApiListing::name).collect(Collectors.joining(", "));
    }

    /** Without the packages of what Java itself has. */
    private static String name(Type type) {
        String name = type instanceof ParameterizedType || !(type instanceof Class<?> known) ? type.getTypeName()
                : known.getTypeName();
        return name.replaceAll("\\bjava\\.(lang|util|util\\.function|io|nio\\.file)\\.(?=[A-Z])", "");
    }

    private static String deprecated(boolean deprecated) {
        return deprecated ? "@Deprecated " : "";
    }

    private static String words(String... words) {
        return Stream.of(words).filter(word -> !word.isEmpty()).collect(Collectors.joining(" "));
    }
}
