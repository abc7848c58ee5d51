package dynaxx.app.data;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.stream.Collectors;

/** Types of the elements of array files, by what NumPy calls them. */
enum ArrayType {
  FLOAT16("f2", 2, false),
  FLOAT32("f4", 4, false),
  FLOAT64("f8", 8, false),
  BOOL("b1", 1, true),
  INT8("i1", 1, true),
  UINT8("u1", 1, true),
  INT16("i2", 2, true),
  UINT16("u2", 2, true),
  INT32("i4", 4, true),
  UINT32("u4", 4, true),
  INT64("i8", 8, true),
  UINT64("u8", 8, true);

  private final String code;
  private final int bytes;
  private final boolean whole;

  ArrayType(String code, int bytes, boolean whole) {
    this.code = code;
    this.bytes = bytes;
    this.whole = whole;
  }

  int bytes() {
    return bytes;
  }

  boolean isWhole() {
    return whole;
  }

  /** The type of a NumPy code such as {@code <f4}, or null. */
  static ArrayType of(String code) {
    boolean order = !code.isEmpty() && "<>|=".indexOf(code.charAt(0)) >= 0;
    String name = order ? code.substring(1) : code;
    return Arrays.stream(values()).filter(t -> t.code.equals(name)).findFirst().orElse(null);
  }

  static String known() {
    return Arrays.stream(values()).map(t -> t.code).collect(Collectors.joining(", "));
  }

  /** An element as a double, which is exact except for the largest whole numbers of 64 bits. */
  double get(MemorySegment from, long index, ByteOrder order) {
    long at = index * bytes;
    return switch (this) {
      case FLOAT16 -> Float.float16ToFloat(from.get(SHORT.withOrder(order), at));
      case FLOAT32 -> from.get(FLOAT.withOrder(order), at);
      case FLOAT64 -> from.get(DOUBLE.withOrder(order), at);
      case BOOL -> from.get(ValueLayout.JAVA_BYTE, at) == 0 ? 0 : 1;
      case INT8 -> from.get(ValueLayout.JAVA_BYTE, at);
      case UINT8 -> Byte.toUnsignedInt(from.get(ValueLayout.JAVA_BYTE, at));
      case INT16 -> from.get(SHORT.withOrder(order), at);
      case UINT16 -> Short.toUnsignedInt(from.get(SHORT.withOrder(order), at));
      case INT32 -> from.get(INT.withOrder(order), at);
      case UINT32 -> Integer.toUnsignedLong(from.get(INT.withOrder(order), at));
      case INT64 -> from.get(LONG.withOrder(order), at);
      case UINT64 -> {
        long bits = from.get(LONG.withOrder(order), at);
        yield bits >= 0 ? bits : Long.MAX_VALUE;
      }
    };
  }

  private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
  private static final ValueLayout.OfDouble DOUBLE = ValueLayout.JAVA_DOUBLE_UNALIGNED;
}
