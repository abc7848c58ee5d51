package dynaxx.djl;

import ai.djl.Device;
import ai.djl.Model;
import ai.djl.engine.Engine;
import ai.djl.ndarray.BaseNDManager;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.nio.Buffer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Makes constants for a block that is traced, without an engine. */
final class TraceManager extends BaseNDManager {

  private static final Engine ENGINE = new TraceEngine();

  private final long examples;
  private final List<Double> numbers = new ArrayList<>();

  /**
   * A manager of one trace.
   *
   * @param examples extent that stands for the number of examples, unlike any other extent
   */
  TraceManager(long examples) {
    super(null, Device.cpu());
    this.examples = examples;
  }

  long examples() {
    return examples;
  }

  /** All numbers that the block has computed with. */
  List<Double> numbers() {
    return numbers;
  }

  double noted(Number number) {
    numbers.add(number.doubleValue());
    return number.doubleValue();
  }

  @Override
  public Engine getEngine() {
    return ENGINE;
  }

  @Override
  public ByteBuffer allocateDirect(int capacity) {
    return ByteBuffer.allocateDirect(capacity).order(ByteOrder.nativeOrder());
  }

  @Override
  public NDArray from(NDArray array) {
    if (array == null || array instanceof TracedArray) {
      return array;
    }
    throw new Refusal("uses an array that is neither an input nor a parameter");
  }

  @Override
  public NDArray create(Buffer data, Shape shape, DataType type) {
    int size = Math.toIntExact(shape.size());
    ByteBuffer bytes = allocateDirect(Math.multiplyExact(size, type.getNumOfBytes()));
    if (data instanceof ByteBuffer given) {
      bytes.put(given.duplicate()).rewind();
    } else {
      copyBuffer(data, bytes);
    }
    float[] values = new float[size];
    for (int i = 0; i < size; i++) {
      values[i] = value(bytes, i, type);
    }
    noted(Arrays.hashCode(values));
    return TracedArray.constant(this, shape, type, values);
  }

  private static float value(ByteBuffer bytes, int i, DataType type) {
    return switch (type) {
      case FLOAT32 -> bytes.getFloat(4 * i);
      case FLOAT64 -> (float) bytes.getDouble(8 * i);
      case INT32 -> bytes.getInt(4 * i);
      case INT64 -> bytes.getLong(8 * i);
      case INT8, BOOLEAN -> bytes.get(i);
      case UINT8 -> Byte.toUnsignedInt(bytes.get(i));
      default -> throw new Refusal("makes a constant of type " + type);
    };
  }

  @Override
  public NDArray zeros(Shape shape, DataType type) {
    return TracedArray.filled(this, shape, type, 0);
  }

  @Override
  public NDArray ones(Shape shape, DataType type) {
    return TracedArray.filled(this, shape, type, 1);
  }

  @Override
  public NDArray full(Shape shape, float value, DataType type) {
    return TracedArray.filled(this, shape, type, (float) noted(value));
  }

  @Override
  public NDManager newSubManager(Device device) {
    return this;
  }

  /** Arrays of a trace own nothing. */
  @Override
  public void close() {}

  private static final class TraceEngine extends Engine {

    @Override
    public Engine getAlternativeEngine() {
      return null;
    }

    @Override
    public String getEngineName() {
      return "dynaxx";
    }

    @Override
    public int getRank() {
      return Integer.MAX_VALUE;
    }

    @Override
    public String getVersion() {
      return "0";
    }

    @Override
    public boolean hasCapability(String capability) {
      return false;
    }

    @Override
    public Model newModel(String name, Device device) {
      throw new Refusal("makes a model");
    }

    @Override
    public NDManager newBaseManager() {
      throw new Refusal("makes a manager");
    }

    @Override
    public NDManager newBaseManager(Device device) {
      return newBaseManager();
    }
  }
}
