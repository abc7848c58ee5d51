package dynaxx.jcuda;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import jcuda.NativePointerObject;
import jcuda.Pointer;

/** The address in JCuda's objects, which JCuda does not show. */
final class Handles {

  private static final VarHandle ADDRESS = field(NativePointerObject.class, "nativePointer");
  private static final VarHandle OFFSET = field(Pointer.class, "byteOffset");

  private Handles() {}

  private static VarHandle field(Class<?> owner, String name) {
    try {
      return MethodHandles.privateLookupIn(owner, MethodHandles.lookup())
          .findVarHandle(owner, name, long.class);
    } catch (ReflectiveOperationException e) {
      return null;
    }
  }

  private static void requireFields() {
    if (ADDRESS == null || OFFSET == null) {
      throw new IllegalStateException(
          "JCuda: found a version whose objects have no nativePointer and byteOffset, expected"
              + " JCuda 12.6 or one that has them");
    }
  }

  static long of(NativePointerObject object) {
    requireFields();
    return (long) ADDRESS.get(object);
  }

  /**
   * Where a pointer points to.
   *
   * @throws IllegalArgumentException if that is host memory or nowhere
   */
  static long address(Pointer pointer) {
    long base = of(pointer);
    if (base == 0) {
      throw new IllegalArgumentException(
          "pointer: found " + pointer + ", expected one to device memory");
    }
    return base + (long) OFFSET.get(pointer);
  }

  static <T extends NativePointerObject> T with(T object, long address) {
    requireFields();
    ADDRESS.set(object, address);
    return object;
  }
}
