package dynaxx.djl;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.internal.NDArrayEx;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dynaxx.kernel.Pointwise;
import dynaxx.layer.Parameter;
import dynaxx.network.op.Constant;
import dynaxx.network.op.Op;
import dynaxx.network.op.Operand;
import dynaxx.network.op.ParameterValue;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.function.Supplier;

/**
 * An array of a block that is traced: it has no values, but knows how they are computed. Examples
 * lie along the first axis, or all of them share one value. What is not defined here or in {@link
 * TracedOperations} is refused by the adapter.
 */
final class TracedArray extends TracedOperations {

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
    super(manager, shape, type);
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

  @Override
  double noted(Number n) {
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

  @Override
  TracedArray map(Pointwise function) {
    return with(term().map(function));
  }

  @Override
  TracedArray binary(Op op, NDArray other) {
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
