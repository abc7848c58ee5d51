package dynaxx.operator;

import dynaxx.device.Device;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;
import java.util.function.BiConsumer;

/**
 * The Hessian of a stack that offers gradients only, by central differences:
 *
 * <pre>H v = (g(theta + s v) - g(theta - s v)) / (2 s), up to O(s^2)</pre>
 *
 * <p>The displacement {@code s ||v||} starts at {@code epsilon^(1/3) (1 + ||theta||)} (Nocedal and
 * Wright, 2006, section 8.1; Knoll and Keyes, 2004), whatever the length of v. Along a sharp
 * direction that is far outside the region where the gradient is linear, so the step shrinks until
 * the even part of the difference, {@code ||g(theta + s v) + g(theta - s v) - 2 g(theta)||}, is
 * about {@code epsilon^(1/3)} of the odd part, at most 1/16: the relative error of the product is
 * about the square of that ratio. Each try costs two gradients; one to three tries are usual. A
 * loss whose third derivative vanishes, as that of an odd network at theta = 0, shows no even part
 * and keeps the first step.
 *
 * <p>On the trained networks of GradientDifferenceTest, products of Rademacher probes and of the
 * sharpest directions are in float32 within 1e-3 of their own norm and 3e-4 of the operator's. That
 * is good for the largest eigenvalue and the trace, not for the sign of a small one: along a flat
 * direction the rounding of sharp ones can be percents of the product. Take exact products where
 * there are any.
 *
 * <p>Keeps five vectors until it is closed. The host's parameters are copied once and never
 * written.
 */
public final class GradientDifference implements SymmetricOperator {

  /** Relative precision of a gradient computed in float32. */
  public static final double FLOAT32 = 0x1p-24;

  /** Relative precision of a gradient computed in bfloat16. */
  public static final double BFLOAT16 = 0x1p-8;

  /** Even over odd part beyond which a difference says little about the derivative. */
  private static final double LARGEST_TARGET = 0x1p-4;

  private static final int TRIES = 6;
  private static final long PROBE_SEED = 1;

  private final BiConsumer<Buffer, Buffer> gradient;
  private final Device device;
  private final long dimension;
  private final Scope scope = Scope.open();
  private final Buffer parameters;
  private final Buffer atParameters;
  private final Buffer point;
  private final Buffer plus;
  private final Buffer minus;
  private final double parameterNorm;
  private final double target;
  private double productError = Double.NaN;

  /**
   * A product's size and error.
   *
   * @param norm Euclidean norm of the product
   * @param error estimate of the Euclidean norm of its error
   */
  record ErrorEstimate(double norm, double error) {

    /**
     * The error in units of the product.
     *
     * @return the quotient; 0 for an error of 0
     */
    double relative() {
      return error == 0 ? 0 : error / norm;
    }
  }

  /**
   * The Hessian at given parameters. Calls the gradient once.
   *
   * @param gradient reads its first argument, n parameters on the device, during the call only, and
   *     writes all n values of its second: the gradient of the loss over a fixed batch, the same
   *     function at every call, without dropout, a new batch or running statistics
   * @param parameters theta, n values, at least 1; copied
   * @param precision relative precision of the gradients, for example {@link #FLOAT32}; above 0 and
   *     below 1. Parameters are float32 in any case, so nothing below the device's roundoff is
   *     believed
   * @param device where to compute
   * @throws IllegalArgumentException if there are no parameters or the precision is out of range
   * @throws NonFiniteException if a parameter or the gradient is NaN or infinite
   */
  public GradientDifference(
      BiConsumer<Buffer, Buffer> gradient, Buffer parameters, double precision, Device device) {
    this.gradient = Objects.requireNonNull(gradient, "gradient");
    this.device = Objects.requireNonNull(device, "device");
    this.dimension = parameters.size();
    if (dimension < 1) {
      throw new IllegalArgumentException("parameters: found 0 values, expected at least 1");
    }
    if (!(precision > 0 && precision < 1)) {
      throw new IllegalArgumentException(
          "precision: found " + precision + ", expected above 0 and below 1");
    }
    target = Math.min(LARGEST_TARGET, Math.cbrt(Math.max(precision, device.unitRoundoff())));
    try (Scope temporary = Scope.open()) {
      this.parameters = device.allocate(scope, dimension);
      device.algebra().copy(device.place(temporary, parameters), this.parameters);
      parameterNorm = NonFiniteException.check("norm of the parameters", norm(this.parameters));
      atParameters = device.allocate(scope, dimension);
      point = device.allocate(scope, dimension);
      plus = device.allocate(scope, dimension);
      minus = device.allocate(scope, dimension);
      device.algebra().copy(this.parameters, point);
      gradient.accept(point, atParameters);
      NonFiniteException.check("norm of the gradient", norm(atParameters));
    } catch (RuntimeException | Error e) {
      scope.close();
      throw e;
    }
  }

  /**
   * The Hessian from gradients on Java arrays, good to float32. Calls the gradient once.
   *
   * @param parameters theta, n values, at least 1; copied
   * @param device where the estimators work
   * @param gradient reads n parameters from its first argument and writes all n values of the
   *     gradient into its second; the same function at every call, as in the constructor
   * @return the operator
   * @throws IllegalArgumentException if there are no parameters
   * @throws NonFiniteException if a parameter or the gradient is NaN or infinite
   */
  public static GradientDifference ofArrays(
      float[] parameters, Device device, BiConsumer<float[], float[]> gradient) {
    BiConsumer<MemorySegment, MemorySegment> onSegments =
        HostVectors.arrays(parameters.length, "gradient", gradient);
    try (Scope temporary = Scope.open()) {
      HostBuffer values = temporary.allocate(parameters.length);
      MemorySegment.copy(
          parameters, 0, values.segment(), ValueLayout.JAVA_FLOAT, 0, parameters.length);
      return new GradientDifference(
          (theta, to) -> HostVectors.call(device, onSegments, theta, to), values, FLOAT32, device);
    }
  }

  @Override
  public long dimension() {
    return dimension;
  }

  @Override
  public Device device() {
    return device;
  }

  /**
   * {@inheritDoc}
   *
   * @throws NonFiniteException if a vector or a gradient is NaN or infinite
   */
  @Override
  public void apply(Vectors v, Vectors hv) {
    Operands.check(this, v, hv);
    for (int i = 0; i < v.count(); i++) {
      product(v.vector(i), hv.vector(i));
    }
  }

  /**
   * {@inheritDoc}
   *
   * <p>The relative error of a product by {@link #estimateError}, along a Rademacher probe and
   * along its product, a sharp direction; the larger of the two. Measured at the first call and
   * kept: two products and four gradients more.
   */
  @Override
  public double productError() {
    if (Double.isNaN(productError)) {
      try (Scope temporary = Scope.open()) {
        Vectors probe = device.vectors(temporary, 2, dimension);
        device.algebra().rademacher(PROBE_SEED, 0, probe.subset(0, 1));
        double flat = estimate(probe.vector(0), probe.vector(1)).relative();
        double sharp = estimateError(probe.vector(1)).relative();
        productError = Math.clamp(Math.max(flat, sharp), device.unitRoundoff(), 1);
      }
    }
    return productError;
  }

  /**
   * Error of the product with one vector, from two step sizes.
   *
   * @param v n values on the device
   * @return an estimate of the norm of the error, in units of the product's norm
   * @throws IllegalArgumentException if the length does not fit
   * @throws NonFiniteException if a gradient is NaN or infinite
   */
  public double relativeError(Buffer v) {
    return estimateError(v).relative();
  }

  ErrorEstimate estimateError(Buffer v) {
    Operands.checkLength(this, "v", Vectors.of(v, 1, v.size()));
    try (Scope temporary = Scope.open()) {
      return estimate(v, device.allocate(temporary, dimension));
    }
  }

  private ErrorEstimate estimate(Buffer v, Buffer hv) {
    double step = product(v, hv);
    if (step == 0) {
      return new ErrorEstimate(0, 0);
    }
    try (Scope temporary = Scope.open()) {
      Buffer coarse = device.allocate(temporary, dimension);
      evaluate(v, 2 * step);
      difference(2 * step, coarse);
      return new ErrorEstimate(norm(hv), Math.sqrt(device.algebra().squaredDistance(hv, coarse)));
    }
  }

  /** Fills in the product; returns its step, or 0 for the zero vector. */
  private double product(Buffer v, Buffer hv) {
    double norm = NonFiniteException.check("norm of the vector", norm(v));
    if (norm == 0) {
      device.algebra().fill(hv, 0);
      return 0;
    }
    double step = powerOfTwo(target * (1 + parameterNorm) / norm);
    double nonlinearity = evaluate(v, step);
    difference(step, hv);
    for (int i = 1; i < TRIES && nonlinearity > 2 * target; i++) {
      double smaller = powerOfTwo(step * target / nonlinearity);
      double then = evaluate(v, smaller);
      // the error is about the square of the ratio while that falls with the step; a ratio that no
      // longer falls is rounding noise and is the error itself
      boolean falls = then <= 2 * nonlinearity * smaller / step;
      if (!falls && then >= nonlinearity * nonlinearity) {
        return step;
      }
      difference(smaller, hv);
      step = smaller;
      nonlinearity = then;
    }
    return step;
  }

  /** Scaling by a power of two is exact, and adding one to a parameter mostly is. */
  private static double powerOfTwo(double x) {
    return Math.scalb(1.0, Math.getExponent(x));
  }

  /** Gradients on both sides; returns the even part over the odd part, at most 1. */
  private double evaluate(Buffer v, double step) {
    evaluate(v, step, plus);
    evaluate(v, -step, minus);
    double right = change(plus);
    double left = change(minus);
    double odd = device.algebra().squaredDistance(plus, minus);
    double even = 2 * right + 2 * left - odd;
    return even < odd ? Math.sqrt(Math.max(0, even) / odd) : 1;
  }

  private void evaluate(Buffer v, double step, Buffer to) {
    device.algebra().copy(parameters, point);
    device.algebra().axpby(step, v, 1, point);
    gradient.accept(point, to);
  }

  private double change(Buffer moved) {
    double squared = device.algebra().squaredDistance(moved, atParameters);
    return NonFiniteException.check("change of the gradient", squared);
  }

  private void difference(double step, Buffer hv) {
    device.algebra().copy(plus, hv);
    device.algebra().axpby(-0.5 / step, minus, 0.5 / step, hv);
  }

  private double norm(Buffer x) {
    return Math.sqrt(device.algebra().dot(x, x));
  }

  /** Frees its memory; closing twice is harmless. */
  @Override
  public void close() {
    scope.close();
  }
}
