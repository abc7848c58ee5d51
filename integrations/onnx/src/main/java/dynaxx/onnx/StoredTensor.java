package dynaxx.onnx;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A tensor as a file holds it.
 *
 * @param name may be empty
 * @param dims extents
 * @param type number of the element type
 * @param raw little-endian bytes, or null
 * @param floats values, or null
 * @param wholes values, or null
 * @param doubles values, or null
 * @param external whether the values lie in another file
 */
record StoredTensor(
    String name,
    long[] dims,
    int type,
    byte[] raw,
    float[] floats,
    long[] wholes,
    double[] doubles,
    boolean external) {

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
  static final int BFLOAT16 = 16;

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
    return type >= UINT8 && type <= INT64;
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
      default -> Long.MAX_VALUE;
    };
  }

  /**
   * Reads the values.
   *
   * @throws OnnxException if they are elsewhere, of another number than the extents say, or of a
   *     type that is not supported
   */
  Tensor tensor() {
    String label = "tensor '" + name + "'";
    if (external) {
      throw new OnnxException(
          label
              + ": found values in an external file, expected them inside the model; save the model"
              + " as one file");
    }
    if (!isFloat(type) && !isWhole(type) && type != BOOL) {
      throw new OnnxException(
          label + ": found values of type " + typeName(type) + ", expected floats or integers");
    }
    long size = Tensor.size(label, dims);
    return isFloat(type)
        ? Tensor.of(dims, floatValues(label, size))
        : Tensor.of(dims, wholeValues(label, size), type);
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
    requireCount(label, raw.length % bytes == 0 ? raw.length / bytes : -1, size);
    ByteBuffer in = ByteBuffer.wrap(raw).order(ByteOrder.LITTLE_ENDIAN);
    float[] values = new float[(int) size];
    for (int i = 0; i < values.length; i++) {
      values[i] =
          switch (type) {
            case FLOAT -> in.getFloat();
            case DOUBLE -> (float) in.getDouble();
            default -> half(in.getShort());
          };
    }
    return values;
  }

  private long[] wholeValues(String label, long size) {
    if (raw == null) {
      requireCount(label, wholes == null ? 0 : wholes.length, size);
      return wholes == null ? new long[0] : wholes;
    }
    int bytes =
        switch (type) {
          case INT64 -> 8;
          case INT32 -> 4;
          case INT16, UINT16 -> 2;
          default -> 1;
        };
    requireCount(label, raw.length % bytes == 0 ? raw.length / bytes : -1, size);
    ByteBuffer in = ByteBuffer.wrap(raw).order(ByteOrder.LITTLE_ENDIAN);
    long[] values = new long[(int) size];
    for (int i = 0; i < values.length; i++) {
      values[i] =
          switch (type) {
            case INT64 -> in.getLong();
            case INT32 -> in.getInt();
            case INT16 -> in.getShort();
            case UINT16 -> Short.toUnsignedInt(in.getShort());
            case INT8 -> in.get();
            default -> Byte.toUnsignedInt(in.get());
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
