package dynaxx.operator;

import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Vectors;

/** Checks of an operator's arguments. */
final class Operands {

  private Operands() {}

  static void check(SymmetricOperator operator, Vectors v, Vectors hv) {
    checkLength(operator, "v", v);
    checkLength(operator, "hv", hv);
    if (v.count() != hv.count()) {
      throw new IllegalArgumentException(
          "hv: found " + hv.count() + " vectors, expected " + v.count() + " as in v");
    }
    if (overlap(v.buffer(), hv.buffer())) {
      throw new IllegalArgumentException("hv: found memory that v uses too, expected its own");
    }
  }

  static void checkLength(SymmetricOperator operator, String argument, Vectors vectors) {
    if (vectors.length() != operator.dimension()) {
      throw new IllegalArgumentException(
          argument
              + ": found vectors of length "
              + vectors.length()
              + ", expected "
              + operator.dimension());
    }
  }

  private static boolean overlap(Buffer a, Buffer b) {
    return a instanceof HostBuffer x
        && b instanceof HostBuffer y
        && x.segment().asOverlappingSlice(y.segment()).isPresent();
  }
}
