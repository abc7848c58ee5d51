package dynaxx.onnx;

import java.util.List;

/**
 * Tensors one after the other, of which operators only pack and unpack.
 *
 * @param values its tensors
 */
record Sequence(List<Value> values) implements Body {

  Sequence {
    values = List.copyOf(values);
  }

  Value value() {
    return new Value(this, new long[0], -1, 1, 1);
  }

  private static OnnxException noTensor() {
    return new OnnxException("found a sequence, expected a tensor");
  }

  @Override
  public long[] dims() {
    throw noTensor();
  }

  @Override
  public Body permute(int[] order) {
    throw noTensor();
  }

  @Override
  public Body slice(int axis, long start, long count, long step) {
    throw noTensor();
  }

  @Override
  public Body reshape(long[] dims) {
    throw noTensor();
  }

  @Override
  public Body gather(int axis, int[] indices) {
    throw noTensor();
  }

  @Override
  public Body expand(long[] dims) {
    throw noTensor();
  }
}
