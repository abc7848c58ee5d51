package dynaxx.cost;

import dynaxx.device.Algebra;
import dynaxx.device.Device;
import dynaxx.kernel.AttentionKernels;
import dynaxx.kernel.GemmKernels;
import dynaxx.kernel.Kernels;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;

/** A device that counts the operations of its matrix products and its calls of kernels. */
final class CountingDevice {

  private final Device device;
  double flop;
  int launches;

  CountingDevice(Device target) {
    device =
        proxy(
            Device.class,
            (self, method, arguments) -> {
              Object result = invoke(target, method, arguments);
              return result instanceof Kernels kernels ? families(kernels) : counted(result);
            });
  }

  Device device() {
    return device;
  }

  void reset() {
    flop = 0;
    launches = 0;
  }

  private Object counted(Object result) {
    return result instanceof Algebra algebra ? calls(Algebra.class, algebra) : result;
  }

  private Kernels families(Kernels target) {
    return proxy(
        Kernels.class,
        (self, method, arguments) ->
            calls(method.getReturnType(), invoke(target, method, arguments)));
  }

  private <T> T calls(Class<T> type, Object target) {
    return proxy(
        type,
        (self, method, arguments) -> {
          launches++;
          if (target instanceof GemmKernels) {
            double each = 2.0 * (int) arguments[0] * (int) arguments[1] * (int) arguments[2];
            boolean batched = arguments.length == 10;
            flop += each * (batched ? ((GemmKernels.Members) arguments[9]).size() : 1);
          } else if (target instanceof AttentionKernels && arguments != null) {
            flop += attention(method.getName(), arguments);
          }
          return invoke(target, method, arguments);
        });
  }

  /** As many products as {@code AttentionProductsTest} counts. */
  private static double attention(String pass, Object[] arguments) {
    AttentionKernels.Heads h = (AttentionKernels.Heads) arguments[0];
    int k = arguments[1] instanceof Integer directions ? directions : 0;
    int products =
        switch (pass) {
          case "forward" -> 2;
          case "backward" -> 5;
          case "tangent" -> 1 + 4 * k;
          case "tangentBackward" -> 2 + 10 * k;
          case "curvature" -> 2 + 4 * k;
          case "entropy" -> 1;
          default -> throw new AssertionError(pass);
        };
    return 2.0 * h.rows() * h.tokens() * h.depth() * products;
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
