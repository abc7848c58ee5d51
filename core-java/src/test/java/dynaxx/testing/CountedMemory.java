package dynaxx.testing;

import dynaxx.device.Device;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.Arrays;
import java.util.Optional;

/** Counts the values that a device's float64 version holds at a time. */
public final class CountedMemory {

  private final Device counted;
  private long live;
  private long peak;

  public CountedMemory(Device device) {
    Device exact = proxy(device.float64().orElseThrow(), this::count);
    counted =
        proxy(
            device,
            (method, arguments, result) ->
                method.getName().equals("float64") ? Optional.of(exact) : result);
  }

  private interface Seen {
    Object after(Method method, Object[] arguments, Object result);
  }

  private static Device proxy(Device device, Seen seen) {
    return (Device)
        Proxy.newProxyInstance(
            Device.class.getClassLoader(),
            new Class<?>[] {Device.class},
            (self, method, arguments) -> {
              try {
                return seen.after(method, arguments, method.invoke(device, arguments));
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }

  private Object count(Method method, Object[] arguments, Object result) {
    Buffer made = result instanceof Vectors v ? v.buffer() : result instanceof Buffer b ? b : null;
    if (made != null && !Arrays.asList(arguments).contains(made)) {
      live += made.size();
      peak = Math.max(peak, live);
      ((Scope) arguments[0]).onClose(() -> live -= made.size());
    }
    return result;
  }

  /** The same device, but counted. */
  public Device device() {
    return counted;
  }

  /** The most float64 values at a time. */
  public long peak() {
    return peak;
  }
}
