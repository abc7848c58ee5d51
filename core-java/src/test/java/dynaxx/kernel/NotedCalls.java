package dynaxx.kernel;

import dynaxx.device.Algebra;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Proxy;
import java.util.Arrays;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/** Notes which methods of an interface are called. */
final class NotedCalls {

  private NotedCalls() {}

  /** All families, each noted. */
  static Kernels families(Kernels target, Set<Method> called) {
    return proxy(
        Kernels.class,
        (proxy, method, arguments) ->
            of(method.getReturnType(), invoke(target, method, arguments), called));
  }

  static <T> T of(Class<T> type, Object target, Set<Method> called) {
    return proxy(
        type,
        (proxy, method, arguments) -> {
          called.add(method);
          return invoke(target, method, arguments);
        });
  }

  /** What an implementation must state and no call was noted of. */
  static Set<String> missing(Set<Method> called) {
    Set<String> missing = new TreeSet<>();
    Stream<Class<?>> families =
        Arrays.stream(Kernels.class.getMethods()).map(Method::getReturnType);
    Stream.concat(families, Stream.of(Algebra.class))
        .flatMap(family -> Arrays.stream(family.getMethods()))
        .filter(method -> Modifier.isAbstract(method.getModifiers()))
        .filter(method -> !called.contains(method))
        .forEach(
            method ->
                missing.add(method.getDeclaringClass().getSimpleName() + "." + method.getName()));
    return missing;
  }

  private static <T> T proxy(Class<T> type, InvocationHandler handler) {
    return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, handler));
  }

  private static Object invoke(Object target, Method method, Object[] arguments) throws Throwable {
    try {
      return method.invoke(target, arguments);
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }
}
