package dynaxx.djl;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrayAdapter;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.internal.NDArrayEx;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dynaxx.kernel.Elementary;
import dynaxx.kernel.Pointwise;
import dynaxx.layer.Activation;
import dynaxx.layer.Parameter;
import dynaxx.network.op.Add;
import dynaxx.network.op.Constant;
import dynaxx.network.op.Extreme;
import dynaxx.network.op.Multiply;
import dynaxx.network.op.Op;
import dynaxx.network.op.Operand;
import dynaxx.network.op.ParameterValue;
import dynaxx.network.op.Subtract;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/**
 * An array of a block that is traced: it has no values, but knows how they are computed. Examples
 * lie along the first axis, or all of them share one value. What is not defined here is refused by
 * {@link NDArrayAdapter}.
 */
final class TracedArray extends NDArrayAdapter {

  private final boolean each;
  private final Operand operand;
  private final Float fill;
  private final int firstInput;
  private final Supplier<Term> source;
  private Term term;

  private TracedArray(
      NDManager manager,
      Shape shape,
      DataType type,
      boolean each,
      Operand operand,
      Float fill,
      int firstInput,
      Supplier<Term> source) {
    super(manager, null, shape, type, "");
    this.each = each;
    this.operand = operand;
    this.fill = fill;
    this.firstInput = firstInput;
    this.source = source;
  }

  /** An input, which begins at a place in the values of an example. */
  static TracedArray input(TraceManager manager, int[] dims, int first, Term term) {
    return new TracedArray(
        manager, shape(manager, true, dims), DataType.FLOAT32, true, null, null, first, () -> term);
  }

  static TracedArray parameter(TraceManager manager, Parameter p) {
    int[] dims = p.shape().dims().stream().mapToInt(Integer::intValue).toArray();
    return new TracedArray(
        manager,
        shape(manager, false, dims),
        DataType.FLOAT32,
        false,
        Operand.of(p),
        null,
        -1,
        () -> Term.of(new ParameterValue(p)));
  }

  static TracedArray constant(TraceManager manager, Shape shape, DataType type, float... values) {
    dynaxx.layer.Shape own = dynaxx.layer.Shape.of(Axes.dims(shape));
    return new TracedArray(
        manager,
        shape,
        type,
        false,
        Operand.of(own, values),
        values.length == 1 ? (Float) values[0] : null,
        -1,
        () -> Term.of(Constant.of(own, values)));
  }

  /** A constant of one value, which may have an axis of examples. */
  static TracedArray filled(TraceManager manager, Shape shape, DataType type, float value) {
    boolean each = shape.dimension() > 0 && shape.get(0) == manager.examples();
    return new TracedArray(
        manager,
        shape,
        type,
        each,
        null,
        value,
        -1,
        () -> Term.of(Constant.filled(own(each ? shape.slice(1) : shape), value)));
  }

  private static dynaxx.layer.Shape own(Shape shape) {
    return dynaxx.layer.Shape.of(Axes.dims(shape));
  }

  private static Shape shape(TraceManager manager, boolean each, int... dims) {
    Shape own = new Shape(Arrays.stream(dims).asLongStream().toArray());
    return each ? new Shape(manager.examples()).addAll(own) : own;
  }

  /** A computed array of the same kind. */
  TracedArray with(boolean ofExamples, Term computed) {
    Shape to = shape(owner(), ofExamples, computed.dims());
    return new TracedArray(manager, to, dataType, ofExamples, null, null, -1, () -> computed);
  }

  TracedArray with(Term computed) {
    return with(each, computed);
  }

  static TracedArray of(NDArray array) {
    if (array instanceof TracedArray traced) {
      return traced;
    }
    throw new Refusal("uses an array that is neither an input nor a parameter");
  }

  /** Whether examples lie along the first axis. */
  boolean each() {
    return each;
  }

  /** The extent that stands for the number of examples. */
  long examples() {
    return owner().examples();
  }

  private TraceManager owner() {
    return (TraceManager) manager;
  }

  private double noted(Number n) {
    return owner().noted(n);
  }

  /** A parameter or a constant as a layer's operand. */
  Operand operand(String what) {
    if (operand == null) {
      throw new Refusal("computes " + what + ", which must be a parameter or a constant");
    }
    return operand;
  }

  /** The parameter that this is, or null if it is constant or computed. */
  Parameter parameter() {
    return operand instanceof Operand.View view ? view.parameter() : null;
  }

  boolean isConstant() {
    return operand instanceof Operand.Fixed;
  }

  /** The values of a constant. */
  float[] constant() {
    if (!(operand("statistics") instanceof Operand.Fixed fixed)) {
      throw new Refusal("trains running statistics, which must be frozen");
    }
    float[] values = new float[Math.toIntExact(fixed.shape().size())];
    for (int i = 0; i < values.length; i++) {
      values[i] = fixed.value(i);
    }
    return values;
  }

  boolean isZero() {
    return fill != null && fill == 0;
  }

  /** Where an input begins in the values of an example, or -1 if it is computed. */
  int firstInput() {
    return firstInput;
  }

  Term term() {
    if (term == null) {
      term = source.get();
    }
    return term;
  }

  TracedArray map(Pointwise function) {
    return with(term().map(function));
  }

  TracedArray map(Activation function) {
    return map(Pointwise.of(function));
  }

  TracedArray affine(double factor, double shift) {
    return map(Elementary.affine(factor, shift));
  }

  /** The term for an op with another array, whose axes are aligned from the last one. */
  private TracedArray binary(Op op, NDArray other) {
    TracedArray b = of(other);
    boolean both = each == b.each;
    if (both && each && shape.dimension() != b.shape.dimension()) {
      throw new Refusal("combines shapes " + shape + " and " + b.shape);
    }
    Term x = both || each ? term() : without(b.shape.dimension());
    Term y = both || b.each ? b.term() : b.without(shape.dimension());
    return with(each || b.each, Term.binary(op, x, y));
  }

  /** Of what all examples share: without the axis that lies where the other has examples. */
  Term without(int rank) {
    int own = shape.dimension();
    if (own > rank || own == rank && shape.get(0) != 1) {
      throw new Refusal("combines shape " + shape + " with the axis of examples");
    }
    return own < rank ? term() : term().reshape(Axes.dims(shape.slice(1)));
  }

  // ---- what it is

  @Override
  public NDArrayEx getNDArrayInternal() {
    return TracedFunctions.of(this);
  }

  @Override
  public ByteBuffer toByteBuffer(boolean tryDirect) {
    throw new Refusal("reads values while it computes");
  }

  @Override
  public void intern(NDArray replaced) {
    throw new Refusal("replaces arrays while it computes");
  }

  @Override
  public void attach(NDManager other) {}

  @Override
  public void tempAttach(NDManager other) {}

  @Override
  public void detach() {}

  @Override
  public void close() {}

  @Override
  public NDArray toDevice(ai.djl.Device device, boolean copy) {
    return this;
  }

  /** Where a gradient passes, DJL's conversions lose it. Inputs may become whole numbers. */
  @Override
  public NDArray toType(DataType to, boolean copy) {
    boolean input = firstInput >= 0;
    boolean whole = dataType.isFloating() && !to.isFloating();
    boolean exact = whole ? input : to.getNumOfBytes() >= 4 || !to.isFloating();
    if (to != dataType && !(exact && (input || isConstant() || fill != null))) {
      throw new Refusal("converts " + dataType + " to " + to);
    }
    Supplier<Term> same = whole ? this::rounded : this::term;
    return new TracedArray(manager, shape, to, each, operand, fill, firstInput, same);
  }

  private Term rounded() {
    throw new Refusal("computes with an input that is rounded to whole numbers");
  }

  @Override
  public NDArray duplicate() {
    throw new Refusal("copies an array, which passes no gradient");
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
    return binary(new Multiply(), of(other).map(Elementary.RECIPROCAL));
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
    return Axes.softmax(this, axis);
  }

  @Override
  public NDArray matMul(NDArray other) {
    return Layers.matMul(this, of(other));
  }

  @Override
  public NDArray batchMatMul(NDArray other) {
    return matMul(other);
  }

  // ---- axes

  @Override
  public NDArray sum(int[] axes, boolean keep) {
    return Axes.reduce(this, axes, false, keep);
  }

  @Override
  public NDArray mean(int[] axes, boolean keep) {
    return Axes.reduce(this, axes, true, keep);
  }

  @Override
  public NDArray reshape(Shape to) {
    return Axes.reshape(this, to.getShape());
  }

  @Override
  public NDArray expandDims(int axis) {
    return Axes.expand(this, axis);
  }

  @Override
  public NDArray squeeze(int[] axes) {
    return Axes.squeeze(this, axes);
  }

  @Override
  public NDArray flatten() {
    return flatten(0, -1);
  }

  @Override
  public NDArray flatten(int from, int to) {
    return Axes.flatten(this, from, to);
  }

  @Override
  public NDArray transpose(int... axes) {
    return Axes.transpose(this, axes);
  }

  @Override
  public NDArray transpose() {
    return Axes.transpose(
        this, IntStream.iterate(shape.dimension() - 1, a -> a >= 0, a -> a - 1).toArray());
  }

  @Override
  public NDList split(long[] places, int axis) {
    return Axes.split(this, places, axis);
  }

  @Override
  public NDArray get(NDIndex index) {
    return Axes.get(this, index);
  }

  @Override
  public NDArray get(NDManager unused, NDIndex index) {
    return Axes.get(this, index);
  }

  @Override
  public NDArray get(NDManager unused, long... indices) {
    return Axes.get(this, new NDIndex(indices));
  }

  @Override
  public boolean equals(Object other) {
    return this == other;
  }

  @Override
  public int hashCode() {
    return System.identityHashCode(this);
  }

  @Override
  public String toString() {
    return "traced array " + shape;
  }
}
