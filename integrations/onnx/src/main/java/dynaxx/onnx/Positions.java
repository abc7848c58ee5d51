package dynaxx.onnx;

/**
 * Whole numbers of the network's input, such as tokens: which position of an example each element
 * holds.
 *
 * @param at positions, in the shape of the values
 */
record Positions(Tensor at) implements Body {

  @Override
  public long[] dims() {
    return at.dims();
  }

  @Override
  public Positions permute(int[] order) {
    return new Positions(at.permute(order));
  }

  @Override
  public Positions slice(int axis, long start, long count, long step) {
    return new Positions(at.slice(axis, start, count, step));
  }

  @Override
  public Positions reshape(long[] dims) {
    return new Positions(at.reshape(dims));
  }

  @Override
  public Positions gather(int axis, int[] indices) {
    return new Positions(at.gather(axis, indices));
  }

  @Override
  public Positions expand(long[] dims) {
    return new Positions(at.expand(dims));
  }
}
