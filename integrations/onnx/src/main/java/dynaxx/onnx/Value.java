package dynaxx.onnx;

import java.util.Arrays;

/**
 * A tensor of the graph with its axis of examples. Extents count the examples of the whole graph,
 * {@link Examples#count} of them; the body has those of one example: its axis is missing there if
 * it holds nothing but examples, and holds {@code merged} values of each example otherwise.
 *
 * @param body values of one example
 * @param dims extents in the graph
 * @param batch axis of the examples, or -1 if all examples share the values
 * @param merged values of one example along that axis
 * @param outer how many of the merged values lie before the examples: an element's position is
 *     {@code (o examples + n) inner + i}, and {@code merged = outer inner}
 */
record Value(Body body, long[] dims, int batch, long merged, long outer) {

  static Value shared(Body body) {
    return new Value(body, body.dims(), -1, 1, 1);
  }

  /** A value whose examples lie along an axis that the body does not have. */
  static Value batched(Body body, int batch, long examples) {
    return new Value(body, Dims.inserted(body.dims(), batch, examples), batch, 1, 1);
  }

  int rank() {
    return dims.length;
  }

  boolean isShared() {
    return batch < 0;
  }

  boolean isConstant() {
    return body instanceof Tensor && isShared();
  }

  /** Whether the body has the axis of examples. */
  boolean hasAxis() {
    return isShared() || merged > 1;
  }

  /** Where an axis of the graph is in the body. */
  int at(int axis) {
    return !hasAxis() && axis > batch ? axis - 1 : axis;
  }

  /** Axis counted from 0. */
  int axis(long axis) {
    if (axis < -rank() || axis >= rank()) {
      throw new OnnxException(
          "axis: found " + axis + " for a tensor of " + rank() + " axes, expected one of them");
    }
    return (int) (axis < 0 ? axis + rank() : axis);
  }

  /** The same values with another body; extents of the other axes are the new body's. */
  Value with(Body changed) {
    long[] inner = changed.dims();
    if (isShared()) {
      return shared(changed);
    }
    long[] extents =
        hasAxis() ? Dims.with(inner, batch, dims[batch]) : Dims.inserted(inner, batch, dims[batch]);
    return new Value(changed, extents, batch, merged, outer);
  }

  /** The body with the axis of examples, which then has {@code merged} values. */
  Body explicit() {
    return hasAxis() ? body : body.reshape(Dims.inserted(body.dims(), batch, 1));
  }

  /** A value from a body that has the axis of examples. */
  static Value fromExplicit(Body body, int batch, long examples, long outer) {
    long merged = body.dims()[batch];
    if (merged > 1) {
      long[] extents = Dims.with(body.dims(), batch, merged * examples);
      return new Value(body, extents, batch, merged, outer);
    }
    return batched(body.reshape(Dims.without(body.dims(), batch)), batch, examples);
  }

  @Override
  public String toString() {
    return body + (isShared() ? "" : ", examples along axis " + batch) + Arrays.toString(dims);
  }
}
