package dynaxx.app.train;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.nio.ByteBuffer;

/** Arrays of float32 in a checkpoint: their number, -1 for none, and their bits. */
final class Floats {

  private Floats() {}

  static void write(DataOutput out, float[] values) throws IOException {
    if (values == null) {
      out.writeInt(-1);
      return;
    }
    ByteBuffer bytes = ByteBuffer.allocate(values.length * Float.BYTES);
    bytes.asFloatBuffer().put(values);
    out.writeInt(values.length);
    out.write(bytes.array());
  }

  static float[] read(DataInput in) throws IOException {
    int count = in.readInt();
    if (count < 0) {
      return null;
    }
    ByteBuffer bytes = ByteBuffer.allocate(count * Float.BYTES);
    in.readFully(bytes.array());
    float[] values = new float[count];
    bytes.asFloatBuffer().get(values);
    return values;
  }
}
