package dynaxx.onnx;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Objects;

/**
 * A tensor as a file holds it.
 *
 * @param name may be empty
 * @param dims extents
 * @param type number of the element type
 * @param raw little-endian bytes, in memory or of a mapped file, or null
 * @param floats values, or null
 * @param wholes values, or null
 * @param doubles values, or null
 */
record StoredTensor(
    String name,
    long[] dims,
    int type,
    MemorySegment raw,
    float[] floats,
    long[] wholes,
    double[] doubles) {

  static final int FLOAT = 1;
  static final int UINT8 = 2;
  static final int INT8 = 3;
  static final int UINT16 = 4;
  static final int INT16 = 5;
  static final int INT32 = 6;
  static final int INT64 = 7;
  static final int BOOL = 9;
  static final int FLOAT16 = 10;
  static final int DOUBLE = 11;
  static final int UINT32 = 12;
  static final int UINT64 = 13;
  static final int BFLOAT16 = 16;

  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfFloat REAL =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfDouble WIDE =
      ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private static final String[] TYPES = {
    "undefined",
    "float",
    "uint8",
    "int8",
    "uint16",
    "int16",
    "int32",
    "int64",
    "string",
    "bool",
    "float16",
    "double",
    "uint32",
    "uint64",
    "complex64",
    "complex128",
    "bfloat16",
    "float8e4m3fn",
    "float8e4m3fnuz",
    "float8e5m2",
    "float8e5m2fnuz",
    "uint4",
    "int4",
    "float4e2m1"
  };

  static String typeName(int type) {
    return type >= 0 && type < TYPES.length ? TYPES[type] : "element type " + type;
  }

  static boolean isFloat(int type) {
    return type == FLOAT || type == FLOAT16 || type == DOUBLE || type == BFLOAT16;
  }

  static boolean isWhole(int type) {
    return type >= UINT8 && type <= INT64 || type == UINT32 || type == UINT64;
  }

  /** Smallest whole number of a type. */
  static long least(int type) {
    return switch (type) {
      case INT8 -> Byte.MIN_VALUE;
      case INT16 -> Short.MIN_VALUE;
      case INT32 -> Integer.MIN_VALUE;
      case INT64 -> Long.MIN_VALUE;
      default -> 0;
    };
  }

  /** Largest whole number of a type. */
  static long most(int type) {
    return switch (type) {
      case BOOL -> 1;
      case UINT8 -> 255;
      case INT8 -> Byte.MAX_VALUE;
      case UINT16 -> 65_535;
      case INT16 -> Short.MAX_VALUE;
      case INT32 -> Integer.MAX_VALUE;
      case UINT32 -> 0xFFFFFFFFL;
      default -> Long.MAX_VALUE;
    };
  }

  /**
   * Reads the values.
   *
   * @throws OnnxException if they are of another number than the extents say, or of a type that is
   *     not supported
   */
  Tensor tensor() {
    String label = "tensor '" + name + "'";
    if (!isFloat(type) && !isWhole(type) && type != BOOL) {
      throw new OnnxException(
          label + ": found values of type " + typeName(type) + ", expected floats or integers");
    }
    long size = Tensor.size(label, dims);
    return isFloat(type)
        ? Tensor.of(dims, floatValues(label, size))
        : Tensor.of(dims, wholeValues(label, size), type);
  }

  /** The same under another name. */
  StoredTensor named(String other) {
    return new StoredTensor(other, dims, type, raw, floats, wholes, doubles);
  }

  /** Values at positions, which are counted through or given axis by axis, among zeros. */
  StoredTensor spread(StoredTensor positions, long[] extents) {
    String label = "sparse tensor '" + name + "'";
    long size = Tensor.size(label, extents);
    Tensor values = tensor();
    Tensor at = positions.tensor();
    boolean counted = at.rank() == 1;
    boolean fits =
        values.rank() == 1
            && !at.isFloat()
            && at.rank() <= 2
            && size <= Tensor.LARGEST
            && at.size() == values.size() * (counted ? 1 : extents.length);
    if (!fits) {
      throw new OnnxException(
          label
              + ": found "
              + values.size()
              + " values with "
              + at.size()
              + " indices, expected an index for each, of at most "
              + Tensor.LARGEST
              + " elements");
    }
    long[] strides = Dims.strides(extents);
    float[] numbers = values.isFloat() ? new float[(int) size] : null;
    long[] whole = values.isFloat() ? null : new long[(int) size];
    for (int i = 0; i < values.size(); i++) {
      long position = counted ? at.whole(i) : 0;
      for (int a = 0; !counted && a < extents.length; a++) {
        position += Objects.checkIndex(at.whole(i * extents.length + a), extents[a]) * strides[a];
      }
      int place = (int) Objects.checkIndex(position, size);
      if (values.isFloat()) {
        numbers[place] = values.number(i);
      } else {
        whole[place] = values.whole(i);
      }
    }
    int plain = values.isFloat() ? FLOAT : type;
    return new StoredTensor(name, extents, plain, null, numbers, whole, null);
  }

  private float[] floatValues(String label, long size) {
    if (raw != null) {
      return rawFloats(label, size);
    }
    if (type == DOUBLE) {
      requireCount(label, doubles == null ? 0 : doubles.length, size);
      float[] values = new float[(int) size];
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) doubles[i];
      }
      return values;
    }
    if (type == FLOAT) {
      requireCount(label, floats == null ? 0 : floats.length, size);
      return floats == null ? new float[0] : floats;
    }
    requireCount(label, wholes == null ? 0 : wholes.length, size);
    float[] values = new float[(int) size];
    for (int i = 0; i < values.length; i++) {
      values[i] = half((short) wholes[i]);
    }
    return values;
  }

  private float half(short bits) {
    return type == FLOAT16 ? Float.float16ToFloat(bits) : Float.intBitsToFloat(bits << 16);
  }

  private float[] rawFloats(String label, long size) {
    int bytes = type == FLOAT ? 4 : type == DOUBLE ? 8 : 2;
    requireBytes(label, bytes, size);
    float[] values = new float[(int) size];
    if (type == FLOAT) {
      MemorySegment.copy(raw, REAL, 0, values, 0, values.length);
      return values;
    }
    for (int i = 0; i < values.length; i++) {
      values[i] = type == DOUBLE ? (float) raw.getAtIndex(WIDE, i) : half(raw.getAtIndex(SHORT, i));
    }
    return values;
  }

  private void requireBytes(String label, int bytes, long size) {
    long found = raw.byteSize() % bytes == 0 ? raw.byteSize() / bytes : -1;
    requireCount(label, found, size);
  }

  private long[] wholeValues(String label, long size) {
    if (raw == null) {
      requireCount(label, wholes == null ? 0 : wholes.length, size);
      return wholes == null ? new long[0] : wholes;
    }
    int bytes =
        switch (type) {
          case INT64, UINT64 -> 8;
          case INT32, UINT32 -> 4;
          case INT16, UINT16 -> 2;
          default -> 1;
        };
    requireBytes(label, bytes, size);
    long[] values = new long[(int) size];
    for (int i = 0; i < values.length; i++) {
      values[i] =
          switch (type) {
            case INT64, UINT64 -> raw.getAtIndex(LONG, i);
            case INT32 -> raw.getAtIndex(INT, i);
            case UINT32 -> Integer.toUnsignedLong(raw.getAtIndex(INT, i));
            case INT16 -> raw.getAtIndex(SHORT, i);
            case UINT16 -> Short.toUnsignedInt(raw.getAtIndex(SHORT, i));
            case INT8 -> raw.get(ValueLayout.JAVA_BYTE, i);
            default -> Byte.toUnsignedInt(raw.get(ValueLayout.JAVA_BYTE, i));
          };
    }
    return values;
  }

  private static void requireCount(String label, long found, long expected) {
    if (found != expected) {
      throw new OnnxException(
          label
              + ": found "
              + (found < 0 ? "a broken number of" : found)
              + " values, expected "
              + expected
              + " as its extents say");
    }
  }
}
