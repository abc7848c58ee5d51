package dynaxx.djl;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrayAdapter;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dynaxx.kernel.Elementary;
import dynaxx.kernel.Pointwise;
import dynaxx.layer.Activation;
import dynaxx.network.op.Add;
import dynaxx.network.op.Extreme;
import dynaxx.network.op.Multiply;
import dynaxx.network.op.Op;
import dynaxx.network.op.Subtract;
import java.util.stream.IntStream;

/** The operations of DJL's arrays that are known. The others are refused by the adapter. */
abstract sealed class TracedOperations extends NDArrayAdapter permits TracedArray {

  TracedOperations(NDManager manager, Shape shape, DataType type) {
    super(manager, null, shape, type, "");
  }

  private TracedArray self() {
    return (TracedArray) this;
  }

  abstract TracedArray map(Pointwise function);

  /** An op with another array, whose axes are aligned from the last one. */
  abstract TracedArray binary(Op op, NDArray other);

  /** A number that the block computes with. */
  abstract double noted(Number n);

  TracedArray map(Activation function) {
    return map(Pointwise.of(function));
  }

  TracedArray affine(double factor, double shift) {
    return map(Elementary.affine(factor, shift));
  }

  // ---- arithmetic

  @Override
  public NDArray add(Number n) {
    return affine(1, noted(n));
  }

  @Override
  public NDArray sub(Number n) {
    return affine(1, -noted(n));
  }

  @Override
  public NDArray mul(Number n) {
    return affine(noted(n), 0);
  }

  @Override
  public NDArray div(Number n) {
    return affine(1 / noted(n), 0);
  }

  @Override
  public NDArray pow(Number n) {
    return map(Elementary.power(noted(n)));
  }

  @Override
  public NDArray maximum(Number n) {
    return map(Elementary.clip(noted(n), Double.POSITIVE_INFINITY));
  }

  @Override
  public NDArray minimum(Number n) {
    return map(Elementary.clip(Double.NEGATIVE_INFINITY, noted(n)));
  }

  @Override
  public NDArray clip(Number least, Number most) {
    return map(Elementary.clip(noted(least), noted(most)));
  }

  @Override
  public NDArray add(NDArray other) {
    return binary(new Add(), other);
  }

  @Override
  public NDArray sub(NDArray other) {
    return binary(new Subtract(), other);
  }

  @Override
  public NDArray mul(NDArray other) {
    return binary(new Multiply(), other);
  }

  @Override
  public NDArray div(NDArray other) {
    return binary(new Multiply(), TracedArray.of(other).map(Elementary.RECIPROCAL));
  }

  @Override
  public NDArray maximum(NDArray other) {
    return binary(Extreme.max(), other);
  }

  @Override
  public NDArray minimum(NDArray other) {
    return binary(Extreme.min(), other);
  }

  @Override
  public NDArray neg() {
    return map(Elementary.NEGATE);
  }

  @Override
  public NDArray abs() {
    return map(Elementary.ABS);
  }

  @Override
  public NDArray square() {
    return mul(this);
  }

  @Override
  public NDArray sqrt() {
    return map(Elementary.SQRT);
  }

  @Override
  public NDArray exp() {
    return map(Elementary.EXP);
  }

  @Override
  public NDArray log() {
    return map(Elementary.LOG);
  }

  @Override
  public NDArray log2() {
    return map(Elementary.LOG).affine(1 / Math.log(2), 0);
  }

  @Override
  public NDArray log10() {
    return map(Elementary.LOG).affine(1 / Math.log(10), 0);
  }

  @Override
  public NDArray sin() {
    return map(Elementary.SIN);
  }

  @Override
  public NDArray cos() {
    return map(Elementary.COS);
  }

  @Override
  public NDArray tanh() {
    return map(Activation.TANH);
  }

  @Override
  public NDArray erf() {
    return map(Elementary.ERF);
  }

  @Override
  public NDArray softmax(int axis) {
    return Axes.softmax(self(), axis);
  }

  @Override
  public NDArray matMul(NDArray other) {
    return Layers.matMul(self(), TracedArray.of(other));
  }

  @Override
  public NDArray batchMatMul(NDArray other) {
    return matMul(other);
  }

  // ---- axes

  @Override
  public NDArray sum(int[] axes, boolean keep) {
    return Axes.reduce(self(), axes, false, keep);
  }

  @Override
  public NDArray mean(int[] axes, boolean keep) {
    return Axes.reduce(self(), axes, true, keep);
  }

  @Override
  public NDArray reshape(Shape to) {
    return Axes.reshape(self(), to.getShape());
  }

  @Override
  public NDArray expandDims(int axis) {
    return Axes.expand(self(), axis);
  }

  @Override
  public NDArray squeeze(int[] axes) {
    return Axes.squeeze(self(), axes);
  }

  @Override
  public NDArray flatten() {
    return flatten(0, -1);
  }

  @Override
  public NDArray flatten(int from, int to) {
    return Axes.flatten(self(), from, to);
  }

  @Override
  public NDArray transpose(int... axes) {
    return Axes.transpose(self(), axes);
  }

  @Override
  public NDArray transpose() {
    return Axes.transpose(
        self(), IntStream.iterate(shape.dimension() - 1, a -> a >= 0, a -> a - 1).toArray());
  }

  @Override
  public NDList split(long[] places, int axis) {
    return Axes.split(self(), places, axis);
  }

  @Override
  public NDArray get(NDIndex index) {
    return Axes.get(self(), index);
  }

  @Override
  public NDArray get(NDManager unused, NDIndex index) {
    return Axes.get(self(), index);
  }

  @Override
  public NDArray get(NDManager unused, long... indices) {
    return Axes.get(self(), new NDIndex(indices));
  }
}
