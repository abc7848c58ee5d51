package dynaxx.onnx;

/**
 * Whole numbers or truth values that are computed from the input or from parameters, held as
 * floats. They change in steps only, so that their derivative is 0.
 *
 * @param expr the values
 * @param type number of the element type
 */
record Whole(Expr expr, int type) implements Body {

  private Body of(Body changed) {
    return new Whole((Expr) changed, type);
  }

  @Override
  public long[] dims() {
    return expr.dims();
  }

  @Override
  public Body permute(int[] order) {
    return of(expr.permute(order));
  }

  @Override
  public Body slice(int axis, long start, long count, long step) {
    return of(expr.slice(axis, start, count, step));
  }

  @Override
  public Body reshape(long[] dims) {
    return of(expr.reshape(dims));
  }

  @Override
  public Body gather(int axis, int[] indices) {
    return of(expr.gather(axis, indices));
  }

  @Override
  public Body expand(long[] dims) {
    return of(expr.expand(dims));
  }

  @Override
  public boolean uniform(int axis) {
    return expr.uniform(axis);
  }
}
