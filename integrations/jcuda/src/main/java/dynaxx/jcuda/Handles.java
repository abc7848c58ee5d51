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
      throw new IllegalStateException(
          "JCuda: found a version whose "
              + owner.getSimpleName()
              + " has no "
              + name
              + ", expected JCuda 10 to 12",
          e);
    }
  }

  static long of(NativePointerObject object) {
    return (long) ADDRESS.get(object);
  }

  /** Where a pointer into device memory points to, or 0 for null and for host memory. */
  static long address(Pointer pointer) {
    long base = of(pointer);
    return base == 0 ? 0 : base + (long) OFFSET.get(pointer);
  }

  static <T extends NativePointerObject> T with(T object, long address) {
    ADDRESS.set(object, address);
    return object;
  }
}
