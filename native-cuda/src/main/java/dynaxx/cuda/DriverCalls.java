package dynaxx.cuda;

import static dynaxx.cuda.Native.I;
import static dynaxx.cuda.Native.J;
import static dynaxx.cuda.Native.P;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/** How the functions of the driver API are called, and what their status means. */
final class DriverCalls {

  private static final int TEXT_LENGTH = 256;

  // one handle for each shape of a call; the address comes first
  static final MethodHandle CALL_I = Native.status(I);
  static final MethodHandle CALL_J = Native.status(J);
  static final MethodHandle CALL_P = Native.status(P);
  static final MethodHandle CALL_IP = Native.status(I, P);
  static final MethodHandle CALL_JP = Native.status(J, P);
  static final MethodHandle CALL_JJ = Native.status(J, J);
  static final MethodHandle CALL_JI = Native.status(J, I);
  static final MethodHandle CALL_PI = Native.status(P, I);
  static final MethodHandle CALL_PJ = Native.status(P, J);
  static final MethodHandle CALL_PP = Native.status(P, P);
  static final MethodHandle CALL_PII = Native.status(P, I, I);
  static final MethodHandle CALL_PIJ = Native.status(P, I, J);
  static final MethodHandle CALL_PJJ = Native.status(P, J, J);
  static final MethodHandle CALL_PPJ = Native.status(P, P, J);
  static final MethodHandle CALL_PJP = Native.status(P, J, P);
  static final MethodHandle CALL_JPJJ = Native.status(J, P, J, J);
  static final MethodHandle CALL_PJJJ = Native.status(P, J, J, J);
  static final MethodHandle CALL_JJJJ = Native.status(J, J, J, J);
  static final MethodHandle CALL_JBJJ = Native.status(J, ValueLayout.JAVA_BYTE, J, J);
  static final MethodHandle LAUNCH = Native.status(J, I, I, I, I, I, I, I, J, P, P);

  private final MemorySegment cuGetErrorName;
  private final MemorySegment cuGetErrorString;

  DriverCalls(Native library) {
    cuGetErrorName = library.symbol("cuGetErrorName");
    cuGetErrorString = library.symbol("cuGetErrorString");
  }

  void check(String call, int status) {
    if (status != 0) {
      throw failure(call, status);
    }
  }

  CudaException failure(String call, int status) {
    return new CudaException(
        call, status, text(cuGetErrorName, status), text(cuGetErrorString, status));
  }

  private static String text(MemorySegment function, int status) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.ADDRESS);
      int ignored = (int) CALL_IP.invokeExact(function, status, out);
      MemorySegment text = out.get(ValueLayout.ADDRESS, 0);
      return text.address() == 0 ? "unknown" : text.reinterpret(TEXT_LENGTH).getString(0);
    } catch (Throwable e) {
      throw rethrown(e);
    }
  }

  /** A failure of a call itself; those declared by the handle cannot be anything else. */
  static RuntimeException rethrown(Throwable e) {
    return switch (e) {
      case RuntimeException runtime -> runtime;
      case Error error -> throw error;
      default -> new IllegalStateException(e);
    };
  }

  /** A call that writes its result to where it is told to. */
  interface Call {
    int with(MemorySegment out) throws Throwable;
  }

  int outInt(String name, Call call) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.JAVA_INT);
      check(name, call.with(out));
      return out.get(ValueLayout.JAVA_INT, 0);
    } catch (Throwable e) {
      throw rethrown(e);
    }
  }

  long outLong(String name, Call call) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.JAVA_LONG);
      check(name, call.with(out));
      return out.get(ValueLayout.JAVA_LONG, 0);
    } catch (Throwable e) {
      throw rethrown(e);
    }
  }

  void call(String name, MethodHandle handle, MemorySegment function, long argument) {
    try {
      check(name, (int) handle.invokeExact(function, argument));
    } catch (Throwable e) {
      throw rethrown(e);
    }
  }

  void call(String name, MemorySegment function, long first, long second) {
    try {
      check(name, (int) CALL_JJ.invokeExact(function, first, second));
    } catch (Throwable e) {
      throw rethrown(e);
    }
  }
}
